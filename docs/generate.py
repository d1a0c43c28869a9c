"""Bring commands.md and configuration.md up to date with the code: `python docs/generate.py`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from erblock.cli.app import app
from erblock.config import SECTIONS

PAGE = Path(__file__).with_name("configuration.md")
COMMANDS = Path(__file__).with_name("commands.md")
EVERYWHERE = ("quiet", "verbose")
"""Options of every command, which stand in the table of `erblock` alone."""


def up_to_date(page: str) -> str:
    """Return the page of settings with a row for each key of each section."""
    for name in SECTIONS:
        table = rf"(## \[{name}\]\n.*?\|---\|---\|---\|\n)(?:\|[^\n]*\n)*"
        page, found = re.subn(table, lambda head, name=name: head[1] + _rows(name), page, flags=re.DOTALL)
        if not found:
            raise SystemExit(f"{PAGE} has no table below a heading '## [{name}]'")
    return page


def with_commands(page: str) -> str:
    """Return the page of commands, its own head and what the command line knows of each command."""
    head = page.partition("\n## ")[0]
    return head + "".join(_section(*each) for each in commands_of(typer.main.get_command(app)))


def commands_of(command: Any, name: str = "erblock") -> Iterator[tuple[str, Any]]:
    """Yield each command below `command`, and itself, by its full name."""
    yield name, command
    for part, below in getattr(command, "commands", {}).items():
        yield from commands_of(below, f"{name} {part}")


def _section(name: str, command: Any) -> str:
    told = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
    shown = re.sub(r" ?Example: (.*)", r"\n\n```console\n$ \1\n```", "\n\n".join(told)).strip()
    rows = "".join(_row(each) for each in command.params if name == "erblock" or each.name not in EVERYWHERE)
    table = f"\n\n| option | default | meaning |\n|---|---|---|\n{rows}" if rows else "\n"
    return f"\n## {name}\n\n{re.sub(chr(10) * 3, chr(10) * 2, shown)}{table}"


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    cells = (", ".join(f"`{name}`" for name in names), _default(parameter), parameter.help or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    return "" if parameter.default in (None, False, ()) else str(parameter.default)


def _rows(name: str) -> str:
    fields = SECTIONS[name].model_fields.items()
    defaults = {key: "required" if f.is_required() else f"`{_toml(f.default)}`" for key, f in fields}
    return "".join(f"| `{key}` | {defaults[key]} | {field.description} |\n" for key, field in fields)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return {None: "none", (): "[]"}.get(value, repr(value).replace("'", '"'))


if __name__ == "__main__":
    PAGE.write_text(up_to_date(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    COMMANDS.write_text(with_commands(COMMANDS.read_text(encoding="utf-8")), encoding="utf-8")
