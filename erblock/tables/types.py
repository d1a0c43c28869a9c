"""Columns of a Parquet file in types that every stage knows; others become text at the border."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import polars as pl

_PLAIN = (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Datetime, pl.Time, pl.Categorical, pl.Enum, pl.Null)


def with_plain_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with text in the place of other types: durations, maps, extensions of Arrow."""
    changed = [_as_plain(column) for column in frame.get_columns() if not _is_plain(column.dtype)]
    return frame.with_columns(changed) if changed else frame


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
    texts = [None if value is None else " ".join(_words(value)) for value in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)


def _words(value: Any) -> Iterator[str]:
    """Yield what a nested value holds, in its order."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (*_words(key), *_words(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner)
    elif value is not None:
        yield value.hex() if isinstance(value, bytes) else str(value)
