"""Bring the tables of docs/configuration.md up to date with the settings: `python docs/generate.py`."""

import re
from pathlib import Path
from typing import Any

from erblock.config import SECTIONS

PAGE = Path(__file__).with_name("configuration.md")


def up_to_date(page: str) -> str:
    """Return the page with a row for each key of each section."""
    for name in SECTIONS:
        table = rf"(## \[{name}\]\n.*?\|---\|---\|---\|\n)(?:\|[^\n]*\n)*"
        page, found = re.subn(table, lambda head, name=name: head[1] + _rows(name), page, flags=re.DOTALL)
        if not found:
            raise SystemExit(f"{PAGE} has no table below a heading '## [{name}]'")
    return page


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
