"""Writes settings as the text of an `erblock.toml`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def toml_of(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of a settings file. Values that are None and empty sections are left out."""
    parts = []
    for name, section in sections.items():
        lines = [f"{key} = {_value(value)}" for key, value in section.items() if value is not None]
        if lines:
            parts.append("\n".join([f"[{name}]", *lines, ""]))
    return "\n".join(parts)


def quoted_text(text: str) -> str:
    """Return a TOML string, in single quotes if possible for text that has double quotes."""
    printable = text.isprintable() and "'" not in text
    if '"' in text and printable:
        return f"'{text}'"
    written = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in written)


def _value(value: str | bool | float | Sequence[str]) -> str:
    if isinstance(value, str):
        return quoted_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence):
        return f"[{', '.join(map(quoted_text, value))}]"
    return repr(value)
