"""Prints records: two side by side with their differences marked, or several as a table."""

from collections.abc import Iterable, Sequence
from typing import Any

from erblock.cli import console

_LONGEST, _WIDEST = 600, 60


def show_pair(
    ids: tuple[Any, Any], columns: Iterable[tuple[str, Any, Any]], *, is_result: bool = False
) -> None:
    """Print two records side by side. `columns` has triples (name, left value, right value)."""
    from erblock.tables.differences import differs

    rows = []
    for name, left, right in columns:
        one, other = shown(left), shown(right)
        mark = "*" if differs(one, other) else ""
        rows.append((mark, name, _cut(one, _LONGEST), _cut(other, _LONGEST)))
    heads = (f"left {shown(ids[0])}", f"right {shown(ids[1])}")
    console.side_by_side(heads, rows, is_result=is_result)


def show_records(names: Sequence[str], records: Iterable[Sequence[Any]], title: str) -> None:
    """Print records as a table; long values are cut."""
    rows = [[_cut(shown(value), _WIDEST) for value in record] for record in records]
    console.table(names, rows, title)


def shown(value: object) -> str:
    """Return a value as text on one line, without control characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."
