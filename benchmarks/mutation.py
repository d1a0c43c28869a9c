"""Would a test notice? Mutants of the modules that decide which pairs are kept: `make mutation`.

A mutant is the code with one thing changed: `<` for `<=`, `+` for `-`, another number (cosmic-ray). Mutants
are drawn at random, and the tests of their package are run on a copy of the checkout, for so many minutes.
Those that no test notices are printed with their line: read them, some change nothing that anybody could see.

usage: mutation.py [MODULE ...] [--minutes 15] [--seed 0] [--out runs/mutation]
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from common import ROOT
from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db

TESTS: Mapping[str, tuple[str, ...]] = {
    "erblock/rules": ("tests/rules",),
    "erblock/hashing/bands.py": ("tests/hashing/test_bands.py", "tests/hashing/test_minhash.py"),
    "erblock/blocking/candidates.py": ("tests/blocking/test_candidates.py",),
    "erblock/blocking/bucket_runs.py": ("tests/blocking/test_candidates.py",),
    "erblock/blocking/score.py": ("tests/blocking/test_score.py", "tests/blocking/test_spill.py"),
    "erblock/blocking/budget.py": ("tests/blocking/test_budget.py",),
    "erblock/scoring": ("tests/scoring",),
    "erblock/matching": ("tests/matching",),
}
LONGEST = 900
"""Seconds after which the tests of a mutant are held to hang: they noticed."""


@dataclass(frozen=True)
class Mutant:
    """A module, the name of what is changed in it, where, and the code that then stands there."""

    module: str
    operator: str
    line: int
    code: str

    @property
    def changed(self) -> str:
        """The changed line."""
        return self.code.splitlines()[self.line - 1].strip()


def main() -> None:
    """Draw mutants and try them until the time is over."""
    options = arguments()
    chosen = options.modules or [*TESTS]
    copy = options.out / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("erblock", "tests", "docs", "examples", "data_samples", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    for module in chosen:
        if is_noticed(module, copy):
            sys.exit(f"the tests of {module} fail as it is")
    mutants = [mutant for module in chosen for mutant in mutants_of(ROOT / module)]
    random.Random(options.seed).shuffle(mutants)
    end, noticed, tried = time.monotonic() + 60 * options.minutes, 0, 0
    for mutant in mutants:
        if time.monotonic() > end:
            break
        tried += 1
        if tried_on(mutant, copy):
            noticed += 1
        else:
            print(f"{mutant.module}:{mutant.line}: {mutant.changed}    ({mutant.operator})", flush=True)
    print(f"{noticed} of {tried} mutants noticed, of {len(mutants)} in {', '.join(chosen)}")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Mutants that no test notices.")
    parser.add_argument(
        "modules", nargs="*", help="a module or a package, such as erblock/blocking/budget.py"
    )
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "mutation")
    return parser.parse_args()


def mutants_of(place: Path) -> Iterator[Mutant]:
    """Yield every mutant of a module, or of those of a package."""
    paths = sorted(place.glob("*.py")) if place.is_dir() else [place]
    with TemporaryDirectory() as folder, use_db(Path(folder) / "work.sqlite", WorkDB.Mode.create) as work:
        init(paths, work, {})
        for item in work.pending_work_items:
            for found in item.mutations:
                source = found.module_path.read_text(encoding="utf-8")
                line = source.splitlines()[found.start_pos[0] - 1]
                # Of `int | None` another operator is no code; that tells nothing about the tests.
                if "BinaryOperator_BitOr" in found.operator_name and "None" in line:
                    continue
                operator = get_operator(found.operator_name)()
                code = mutate_code(source, operator, found.occurrence)
                if code is not None and code != source:
                    module = found.module_path.relative_to(ROOT).as_posix()
                    yield Mutant(module, found.operator_name, found.start_pos[0], code)


def tried_on(mutant: Mutant, copy: Path) -> bool:
    """Return whether the tests notice a mutant; the copy is then as it was."""
    path = copy / mutant.module
    before = path.read_text(encoding="utf-8")
    path.write_text(mutant.code, encoding="utf-8")
    try:
        return is_noticed(mutant.module, copy)
    finally:
        path.write_text(before, encoding="utf-8")


def is_noticed(module: str, copy: Path) -> bool:
    """Return whether a test of the module fails, or never ends."""
    tests = next(tests for name, tests in TESTS.items() if module.startswith(name))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    # What numba compiled from a module that calls a changed one is not compiled anew by itself.
    with TemporaryDirectory() as compiled:
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        if (copy / module).is_file() and "@native" in (copy / module).read_text(encoding="utf-8"):
            environment["NUMBA_CACHE_DIR"] = compiled
        try:
            done = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return True
    return done.returncode != 0


if __name__ == "__main__":
    main()
