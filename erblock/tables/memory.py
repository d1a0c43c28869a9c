"""Holds tables in memory under names, which are used like paths, so that a table needs no file.

A name such as "<left>" is not a path. Only the thread that holds the table knows the name, and only while it
holds the table.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import polars as pl

from erblock.errors import TableError
from erblock.tables.formats import plain_columns
from erblock.tables.types import as_texts

if TYPE_CHECKING:
    import pyarrow as pa

Frames = dict[str, pl.DataFrame]

_held: ContextVar[Frames | None] = ContextVar("held", default=None)
_EXPECTED = (
    "expected a path, or a table of polars, pandas, pyarrow, DuckDB or another that has the Arrow PyCapsule "
    "interface"
)
_INDEX = r"^__index_level_\d+__$"
"""The column name that pandas gives to an index without a name; each filtered frame has such an index."""


@contextmanager
def holding(frames: Frames) -> Iterator[None]:
    """Make the names of `frames` readable and writable like files, within a context."""
    token = _held.set(frames)
    try:
        yield
    finally:
        _held.reset(token)


def is_held(name: str | os.PathLike[str]) -> bool:
    """Return whether `name` is the name of a table in memory."""
    return os.fspath(name) in (_held.get() or {})


def held(name: str) -> pl.DataFrame | None:
    """Return the table in memory with this name, or None."""
    return (_held.get() or {}).get(name)


def hold(frame: pl.DataFrame, name: str | os.PathLike[str]) -> None:
    """Replace the held table `name` by `frame`."""
    (_held.get() or {})[os.fspath(name)] = frame


def is_table(data: Any) -> bool:
    """Return whether `data` is a table, not the name of one."""
    return isinstance(data, pl.LazyFrame) or hasattr(data, "__arrow_c_stream__")


def as_frame(data: Any, name: str) -> pl.DataFrame:
    """Return a table of any library as a polars frame, in types that every stage knows.

    Raises:
        TableError: if `data` is not a table or cannot be converted; the message has its `name`.
    """
    if not is_table(data):
        raise TableError(f"{name}: {_EXPECTED}, found {type(data).__name__}")
    try:
        frame = _polars(data)
    except Exception as error:  # each library raises its own kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TableError(f"{name} cannot be converted to Arrow: {reason}") from None
    return plain_columns(frame.drop(pl.selectors.matches(_INDEX)), name)


def _polars(data: Any) -> pl.DataFrame:
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    import pyarrow as pa

    # pyarrow turns an index with a name into a column; polars drops it.
    table = pa.table(data)
    table.validate(full=True)  # polars would crash on text that is not UTF-8
    return pl.DataFrame([_column(*each) for each in zip(table.column_names, table.columns, strict=True)])


def _column(name: str, values: "pa.ChunkedArray") -> pl.Series:
    if _is_known(values.type):
        return pl.Series(name, values)
    return pl.Series(name, as_texts(values.to_pylist()), dtype=pl.String)


def _is_known(kind: "pa.DataType") -> bool:
    """Return whether polars can represent an Arrow type and its nested types; it has no INTERVAL."""
    from pyarrow import types as of

    if of.is_interval(kind) or of.is_decimal256(kind) or of.is_union(kind) or of.is_run_end_encoded(kind):
        return False
    return all(_is_known(kind.field(i).type) for i in range(kind.num_fields))
