"""Checks that each table must pass before a stage reads it. Each failure is one clear error.

Decision: docs/decisions/002-rows-in-id-order.md.
"""

import re
from collections.abc import Sequence

import polars as pl

from erblock.config import did_you_mean
from erblock.errors import TableError, visible
from erblock.tables.schemas import ID

_SHOWN = 5
# A name that looks like a value: a price, date or e-mail address. A column may still be called 2019.
_VALUE = re.compile(r"[\s$\u20ac\u00a3+-]*\d[\d.,:/\s-]*%?|\S+@\S+\.\w+")
_YEAR = re.compile(r"(19|20)\d\d")
_NO_IDS = (pl.List, pl.Array, pl.Struct, pl.Object)


def check_not_empty(frame: pl.DataFrame, source: str) -> None:
    """Raise TableError if `frame` has no rows."""
    if frame.is_empty():
        raise TableError(f"{source} has no rows (its columns: {listed(frame.columns)})")


def check_id_column(frame: pl.DataFrame, id_column: str, source: str, option: str = "--id-column") -> None:
    """Raise TableError if the id column is missing, or if the table has no header row."""
    if id_column in frame.columns:
        return
    check_header(frame, source)
    hint = did_you_mean(id_column, frame.columns)
    raise TableError(
        f"{source} has no column '{id_column}'{hint}; name its id column with {option} "
        f"(its columns: {listed(frame.columns)})"
    )


def check_header(frame: pl.DataFrame, source: str) -> None:
    """Raise TableError if a column name looks like a value: then the first line is no header."""
    values = [name for name in frame.columns if _looks_like_data(name)]
    if values:
        raise TableError(
            f"{source} seems to have no header row: its first line holds '{values[0]}', which looks like a "
            "value; add a first line with the column names (or name the id column with --id-column)"
        )


def check_plain_names(names: Sequence[str], source: str) -> None:
    """Raise TableError if polars would read a column name as a pattern (^...$) or as all columns (*)."""
    wrong = [name for name in names if name == "*" or (name.startswith("^") and name.endswith("$"))]
    if wrong:
        raise TableError(f"{source}: a column cannot be called '{visible(wrong[0])}'; give it another name")


def check_ids(frame: pl.DataFrame, blank: pl.Series, source: str) -> None:
    """Raise TableError unless the column `id` is unique and not null in all rows that are not blank."""
    ids = frame.get_column(ID)
    if isinstance(ids.dtype, _NO_IDS):
        raise TableError(f"{source}: an id must be a plain value, found the type {ids.dtype}")
    missing = ids.is_null() | ids.is_nan() if ids.dtype.is_float() else ids.is_null()
    missing &= ~blank
    if missing.any():
        rows = counted(missing.arg_true() + 1, "row")
        raise TableError(
            f"{source}: the id is missing in {rows}; every record needs one (row 1 follows the header)"
        )
    ids = ids.filter(~blank)
    if ids.n_unique() < len(ids):
        twice = ids.filter(ids.is_duplicated()).unique(maintain_order=True)
        raise TableError(
            f"{source}: each id must be in one row only; in several rows: {counted(twice, 'id')}"
        )


def check_column(column: str, frame: pl.DataFrame, source: str) -> None:
    """Raise TableError if `frame` has no such column; the message suggests the most similar name."""
    known = [name for name in frame.columns if name != ID]
    if column == ID:
        raise TableError(
            f"{source}: 'id' is the id column and cannot be compared; leave it out of the columns"
        )
    if column not in known:
        hint = did_you_mean(column, known)
        raise TableError(f"{source} has no column '{column}'{hint} (its columns: {listed(known)})")


def refuse(wrong: pl.Series, values: pl.Series, source: str, expected: str) -> None:
    """Raise TableError if `wrong` is true in any row; the message has the first such row and its value."""
    if wrong.any():
        row = wrong.arg_max() or 0
        raise TableError(f"{source}, row {row + 1}: {expected}, found {quoted(values[row])}")


def counted(values: pl.Series, noun: str) -> str:
    """Return "row 3", "3 rows (1, 2, 3)" or "9 rows (1, 2, 3, 4, 5, ...)"."""
    if len(values) == 1:
        return f"{noun} {shown(values[0])}"
    more = ", ..." if len(values) > _SHOWN else ""
    return f"{len(values):,} {noun}s ({', '.join(map(shown, values[:_SHOWN]))}{more})"


def listed(names: Sequence[str]) -> str:
    """Return the names separated by commas; "none" if there are no names."""
    return ", ".join(visible(name) for name in names) if names else "none"


def shown(value: object) -> str:
    """Return a value as text for a message, in quotes if it has invisible characters, which are escaped."""
    text = _text(value)
    seen = visible(text)
    return text if seen == text and text == text.strip() else f"'{seen}'"


def quoted(value: object) -> str:
    """Return a value in quotes, with invisible characters escaped; "nothing" for a missing value."""
    return "nothing" if value is None else f"'{visible(_text(value))}'"


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value.to_list() if isinstance(value, pl.Series) else value)


def _looks_like_data(name: str) -> bool:
    """Return whether a column name looks like a value: 12.50, 2019-03-01, $5 or a@b.c, but not 2019."""
    return bool(_VALUE.fullmatch(name)) and not _YEAR.fullmatch(name)
