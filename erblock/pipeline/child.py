"""Runs a module of this package in a new process, which imports nothing from the working folder."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parents[1] / "__init__.py"
# Loads the package from the path that it has in this process, even if another module is named erblock.
_CODE = """
import json, sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
paths, package, module, *arguments = json.loads(sys.argv[1])
sys.path[:] = paths
spec = spec_from_file_location("erblock", package)
sys.modules["erblock"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["erblock"])
import_module(module).main(*arguments)
"""


def run_isolated(module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `main` of a module of this package with `arguments`; return the finished process with its output.

    `python -m` would search the working folder first, so a file json.py in it would replace Python's module.
    """
    here = Path.cwd()
    paths = [entry for entry in sys.path if entry and Path(entry).resolve() != here]
    task = json.dumps([paths, str(_PACKAGE), module, *arguments])
    command = [sys.executable, "-I", "-c", _CODE, task]
    return subprocess.run(command, check=False, capture_output=True, text=True)
