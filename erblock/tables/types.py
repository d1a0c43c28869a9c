"""Converts columns of a Parquet file to types that every stage knows; other types become text."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, cast

import polars as pl

_PLAIN = (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Datetime, pl.Time, pl.Categorical, pl.Enum, pl.Null)

_EPOCH = date(1970, 1, 1)
_DAYS = (date.min - _EPOCH).days, (date.max - _EPOCH).days
_PER_DAY = {"us": 86_400_000_000, "ms": 86_400_000}
"""The number of time units in a day, for each unit. Nanoseconds reach only from 1677 to 2262."""


def with_plain_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with columns of other types (durations, maps, Arrow extensions) as text.

    Dates outside of the years 1 to 9999, such as the infinity of a database, become missing, as they cannot
    be printed.
    """
    changed = [_as_plain(column) for column in frame.get_columns() if not _is_plain(column.dtype)]
    dates = [_on_calendar(column) for column in frame.select(pl.col(pl.Date, pl.Datetime)).get_columns()]
    return frame.with_columns(*changed, *dates) if changed or dates else frame


def as_texts(values: Iterable[Any]) -> list[str | None]:
    """Return each nested value as text, its words separated by blanks; None for a missing value."""
    return [None if value is None else " ".join(_words(value)) for value in values]


def _on_calendar(column: pl.Series) -> pl.Series:
    unit = getattr(column.dtype, "time_unit", None)
    per_day = 1 if unit is None else _PER_DAY.get(unit)
    if per_day is None:
        return column
    known = (column.to_physical() // per_day).is_between(*_DAYS)
    return column.zip_with(known, pl.Series([None], dtype=column.dtype))


def _is_plain(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _is_plain(cast(pl.DataType, dtype.inner))
    if isinstance(dtype, pl.Struct):
        return all(_is_plain(cast(pl.DataType, field.dtype)) for field in dtype.fields)
    return dtype.is_numeric() or isinstance(dtype, _PLAIN)


def _as_plain(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Duration):
        return column.dt.to_string("iso")
    if hasattr(column, "ext") and "Extension" in type(column.dtype).__name__:
        stored = column.ext.storage()
        return stored if _is_plain(stored.dtype) else _as_plain(stored)
    return pl.Series(column.name, as_texts(column.to_list()), dtype=pl.String)


def _words(value: Any) -> Iterator[str]:
    """Yield the words of a nested value, in its order."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (*_words(key), *_words(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
    elif value is not None:
        yield value.hex() if isinstance(value, bytes) else str(value)
