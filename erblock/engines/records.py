"""Records to sketches: the row work of every engine, a batch of Arrow rows at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from erblock.engines.wire import key_columns, vector_columns
from erblock.hashing.base import Hasher, Rows, Sketch
from erblock.tables.text import record_texts

PLACE = "__erblock_place"
"""A record's partition (from bit 33 up) and its place therein, as Spark numbers rows."""

PARTITION_SHIFT = 33

SKETCHES = pa.schema(
    [
        ("side", pa.int8()),
        ("row", pa.int64()),
        ("order", pa.int64()),
        ("buckets", pa.list_(pa.int32())),
        ("indices", pa.list_(pa.int32())),
        ("values", pa.list_(pa.float32())),
        ("dense", pa.list_(pa.int8())),
    ]
)


@dataclass(frozen=True)
class RecordKernel:
    """Batches of a table's rows to their sketches (`SKETCHES`).

    `hasher` opens the hasher where the kernel runs; `first_rows[i]` is the row number at which partition i
    of the sorted table begins.
    """

    side: int
    columns: tuple[str, ...]
    first_rows: tuple[int, ...]
    hasher: Callable[[], Hasher]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the sketches of each batch."""
        for batch in batches:
            if batch.num_rows:
                yield self._sketches(batch)

    def _sketches(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        sketch = self.hasher().sketch(batch_texts(batch, self.columns))
        places = batch.column(PLACE).to_numpy()
        rows = np.array(self.first_rows)[places >> PARTITION_SHIFT] + (places & ((1 << PARTITION_SHIFT) - 1))
        return sketch_rows(sketch, self.side, rows)


def sketch_rows(sketch: Sketch, side: int, rows: Rows) -> pa.RecordBatch:
    """Return `SKETCHES` of the records of one side whose row numbers are `rows`."""
    sides = np.full(len(rows), side, dtype=np.int8)
    columns = {"side": sides, "row": rows, **key_columns(sketch), **vector_columns(sketch)}
    return pa.record_batch(columns, schema=SKETCHES)


@dataclass(frozen=True)
class TextKernel:
    """Batches of a table's rows to the text of every record."""

    columns: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the texts of each batch."""
        for batch in batches:
            texts = batch_texts(batch, self.columns).cast(pl.String)
            yield pa.record_batch([texts.to_arrow().cast(pa.string())], names=["text"])


def batch_texts(batch: pa.RecordBatch, columns: tuple[str, ...]) -> pl.Series:
    """Return the compared columns of every row as one text."""
    frame = pl.DataFrame(batch.select(list(columns)))
    return record_texts(frame, columns)
