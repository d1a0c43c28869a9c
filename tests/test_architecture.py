"""The shape of the house: who may import whom, what is loaded when, and how large a file may grow."""

import ast
import subprocess
import sys
import time
import tomllib
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

import erblock
from erblock import errors

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "erblock"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in FILES]
each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)

# Top to bottom; the parts of a layer are co_matches, which do not know each other.
LAYERS = (
    {"__init__", "__main__"},
    {"cli"},
    {"api"},
    {"pipeline"},
    {"engines"},
    {"blocking", "matching", "rules", "training", "evaluation"},
    {"scoring"},
    {"comparison"},
    {"hashing"},
    {"tables", "similarity"},
    {"config"},
    {"errors"},
)
DEPTH = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}
HEAVY = {"torch", "transformers", "sentence_transformers", "safetensors", "pyspark"}
NOT_FOR_HELP = HEAVY | {
    "polars",
    "pyarrow",
    "numpy",
    "scipy",
    "pydantic",
    "rapidfuzz",
    "sqlglot",
    "datasketch",
    "numba",
}


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imported(nodes):
    """Full names of what import statements name; a name that is no module counts as its module."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in whole)


def at_import_time(tree):
    """Statements that run when the module is imported: none in functions, none for type checkers."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        waiting.extend(node.orelse if is_typing else ast.iter_child_nodes(node))


def part_of(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@each_file
def test_imports_point_down_and_siblings_do_not_know_each_other(path):
    part = part_of(module_name(path))
    for name in imported(ast.walk(parsed(path))):
        if name.split(".")[0] != "erblock" or part_of(name) == part:
            continue
        assert DEPTH[part_of(name)] > DEPTH[part], f"{module_name(path)} must not import {name}"


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {
        name: {
            other for other in imported(at_import_time(parsed(path))) if other in MODULES and other != name
        }
        for name, path in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@each_file
def test_only_owners_import_heavy_packages_with_the_module(path):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    owners = [name for name, rules in settings["per-file-ignores"].items() if "TID253" in rules]
    loaded = {name.split(".")[0] for name in imported(at_import_time(parsed(path)))}
    if str(path.relative_to(ROOT)) not in owners:
        assert not loaded & HEAVY


@each_file
def test_commands_import_only_what_is_light(path):
    if path.parent.name != "cli":
        return
    loaded = {name for name in imported(at_import_time(parsed(path)))}
    own = {name for name in loaded if name.startswith("erblock")}
    assert all(name == "erblock.errors" or name.startswith("erblock.cli") for name in own)
    assert {name.split(".")[0] for name in loaded - own} <= {"typer", *sys.stdlib_module_names}


@each_file
def test_only_the_console_prints_and_only_the_command_line_exits(path):
    name = str(path.relative_to(PACKAGE))
    for node in ast.walk(parsed(path)):
        text = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name != "cli/console.py":
            assert text not in {"print", "sys.stdout.write", "sys.stderr.write", "typer.echo", "typer.secho"}
        if path.parent.name != "cli":
            assert text not in {"exit", "quit", "sys.exit", "os._exit"}


@each_file
def test_files_and_functions_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            lines = node.end_lineno - node.body[0].lineno + 1  # options of a command are no statements
            assert lines <= 60, f"{node.name} is longer than 60 lines"


def test_every_part_has_its_layer():
    parts = {part_of(name) for name in MODULES}
    assert parts <= DEPTH.keys()


def loaded_by(code):
    """Names of the packages that a fresh Python holds after running `code`."""
    report = "\nimport sys; print(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.splitlines()[-1].split()}


def command_names():
    from erblock.cli.app import app

    commands = [command.name for command in app.registered_commands]
    return [*commands, *(group.name for group in app.registered_groups)]


def test_importing_erblock_loads_nothing_heavy():
    assert not loaded_by("import erblock") & NOT_FOR_HELP


@pytest.mark.parametrize("command", ["", *command_names()])
def test_help_loads_nothing_heavy(command):
    # Typer describes the options of a single command by means of pydantic.
    banned = NOT_FOR_HELP - {"pydantic"} if command else NOT_FOR_HELP
    arguments = [*command.split(), "--help"]
    assert not loaded_by(f"from erblock.cli.app import run; assert run({arguments}) == 0") & banned


def test_help_starts_within_half_a_second():
    def seconds(*arguments):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        return min(times)  # the best of a few: others may be using the machine

    assert seconds("-m", "erblock", "--help") - seconds("-c", "pass") < 0.5


def test_all_is_exactly_what_is_exported():
    tree = parsed(PACKAGE / "__init__.py")
    named = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("erblock")
        for alias in node.names
    }
    assert named == set(erblock.__all__)
    assert all(a < b for a, b in pairwise(erblock.__all__)), "sorted, each once"
    for name in erblock.__all__:
        assert getattr(erblock, name).__name__ == name


def test_every_error_can_be_caught_by_its_name():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert {kind.__name__ for kind in kinds} <= set(erblock.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        erblock.nonsense  # noqa: B018
