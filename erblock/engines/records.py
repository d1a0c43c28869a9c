"""Turns records into sketches, one Arrow batch at a time: the part of blocking that runs on executors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
import pyarrow as pa

from erblock.engines.wire import key_columns, vector_columns
from erblock.hashing.base import Hasher, Rows, Sketch
from erblock.tables.text import record_texts

PLACE = "__erblock_place"
"""The partition of a record (from bit 33 up) and its position in this partition, as Spark numbers rows."""

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


DIGESTS = pa.schema([("row", pa.int64()), ("digest", pa.binary())])


@dataclass(frozen=True)
class RecordKernel:
    """Maps batches of a table's rows to their sketches (`SKETCHES`).

    `hasher` opens the hasher on the worker. `first_rows[i]`: the row number at which partition i of the
    sorted table begins. Records whose row numbers are in `left_out` have no sketch.
    """

    side: int
    columns: tuple[str, ...]
    first_rows: tuple[int, ...]
    hasher: Callable[[], Hasher]
    left_out: Rows

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the sketches of each batch."""
        for batch in batches:
            if batch.num_rows:
                yield self._sketches(batch)

    def _sketches(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = row_numbers(batch, self.first_rows)
        texts = batch_texts(batch, self.columns)
        compared = np.flatnonzero(~np.isin(rows, self.left_out))
        return sketch_rows(self.hasher().sketch(texts.gather(compared)), self.side, rows[compared])


def row_numbers(batch: pa.RecordBatch, first_rows: tuple[int, ...]) -> Rows:
    """Return the row numbers of a batch; `first_rows[i]`: the row number at which partition i begins."""
    places = batch.column(PLACE).to_numpy()
    firsts = np.array(first_rows, dtype=np.int64)
    return np.asarray(firsts[places >> PARTITION_SHIFT] + (places & ((1 << PARTITION_SHIFT) - 1)))


def sketch_rows(sketch: Sketch, side: int, rows: Rows) -> pa.RecordBatch:
    """Return `SKETCHES` of the records of one side whose row numbers are `rows`."""
    sides = np.full(len(rows), side, dtype=np.int8)
    columns = {"side": sides, "row": rows, **key_columns(sketch), **vector_columns(sketch)}
    return pa.record_batch(columns, schema=SKETCHES)


@dataclass(frozen=True)
class DigestKernel:
    """Maps batches of rows to 128-bit digests of their texts (`DIGESTS`), without empty texts."""

    columns: tuple[str, ...]
    first_rows: tuple[int, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the row numbers and the digests of each batch."""
        for batch in batches:
            rows = row_numbers(batch, self.first_rows)
            texts = batch_texts(batch, self.columns).fill_null("")
            digests = [blake2b(text.encode(), digest_size=16).digest() for text in texts if text]
            known = pa.array(rows[(texts != "").to_numpy()])
            yield pa.record_batch([known, pa.array(digests, pa.binary())], schema=DIGESTS)


@dataclass(frozen=True)
class TextKernel:
    """Maps batches of a table's rows to the text of every record."""

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
