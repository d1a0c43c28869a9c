"""Tables in memory under names that stand where paths stand, so that Python's frames need no files.

A name such as "<left>" is no path. It is known in the thread that holds it, and only as long.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import polars as pl
import pyarrow as pa

from erblock.errors import TableError
from erblock.tables.formats import plain_columns
from erblock.tables.types import as_texts

Frames = dict[str, pl.DataFrame]

_held: ContextVar[Frames | None] = ContextVar("held", default=None)
_EXPECTED = (
    "expected a path, or a table of polars, pandas, pyarrow, DuckDB or another that has the Arrow PyCapsule "
    "interface"
)
_INDEX = r"^__index_level_\d+__$"
"""What pandas calls an index without a name, as every filtered frame has one."""


@contextmanager
def holding(frames: Frames) -> Iterator[None]:
    """Let the names of `frames` be read, and written, as if they were files."""
    token = _held.set(frames)
    try:
        yield
    finally:
        _held.reset(token)


def is_held(name: str | os.PathLike[str]) -> bool:
    """Return whether `name` is that of a table in memory."""
    return os.fspath(name) in (_held.get() or {})


def held(name: str) -> pl.DataFrame | None:
    """Return the table in memory of this name, if there is one."""
    return (_held.get() or {}).get(name)


def hold(frame: pl.DataFrame, name: str | os.PathLike[str]) -> None:
    """Put `frame` in the place of the held table `name`."""
    (_held.get() or {})[os.fspath(name)] = frame


def is_table(data: Any) -> bool:
    """Return whether `data` is a table rather than the name of one."""
    return isinstance(data, pl.LazyFrame) or hasattr(data, "__arrow_c_stream__")


def as_frame(data: Any, name: str) -> pl.DataFrame:
    """Return a table of any library as a frame with columns as those of a Parquet file.

    Raises:
        TableError: if it is none, or cannot be converted; `name` says which.
    """
    if not is_table(data):
        raise TableError(f"{name}: {_EXPECTED}, found {type(data).__name__}")
    try:
        frame = _polars(data)
    except Exception as error:  # of as many kinds as there are libraries
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TableError(f"{name} cannot be converted to Arrow: {reason}") from None
    return plain_columns(frame.drop(pl.selectors.matches(_INDEX)), name)


def _polars(data: Any) -> pl.DataFrame:
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    # By pyarrow, which makes a column of an index with a name; polars drops it.
    table = pa.table(data)
    table.validate(full=True)  # text that is no UTF-8 ends the process
    return pl.DataFrame([_column(*each) for each in zip(table.column_names, table.columns, strict=True)])


def _column(name: str, values: pa.ChunkedArray) -> pl.Series:
    if _is_known(values.type):
        return pl.Series(name, values)
    return pl.Series(name, as_texts(values.to_pylist()), dtype=pl.String)


def _is_known(kind: pa.DataType) -> bool:
    """Return whether polars has a type, and all that it holds; DuckDB's INTERVAL is one that it lacks."""
    of = pa.types
    if of.is_interval(kind) or of.is_decimal256(kind) or of.is_union(kind) or of.is_run_end_encoded(kind):
        return False
    return all(_is_known(kind.field(i).type) for i in range(kind.num_fields))
