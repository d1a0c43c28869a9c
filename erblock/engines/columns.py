"""Statistics of whole columns for matching, computed per Arrow batch and then added up.

The statistics are the number of records with each feature, and for each column: the number of values, the
numbers of dates with the day first and with the month first, and an evenly spaced sample of values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from erblock.engines.records import PARTITION_SHIFT, PLACE, batch_texts
from erblock.hashing import ngrams
from erblock.similarity.values import date_orders
from erblock.tables.profile import column_texts

FREQUENCIES = pa.schema([("feature", pa.int32()), ("records", pa.int64())])
COUNTS = pa.schema(
    [
        ("partition", pa.int64()),
        ("column", pa.int32()),
        ("known", pa.int64()),
        ("day_first", pa.int64()),
        ("month_first", pa.int64()),
    ]
)
SAMPLE = pa.schema([("column", pa.int32()), ("index", pa.int64()), ("text", pa.string())])


@dataclass(frozen=True)
class FrequencyKernel:
    """Maps a table's rows to the features of their texts, with the number of rows that have each feature."""

    columns: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the features of all batches."""
        found = np.zeros(1 << ngrams.FEATURE_BITS, dtype=np.int64)
        for batch in batches:
            found += ngrams.frequencies([batch_texts(batch, self.columns)])
        features = np.flatnonzero(found)
        yield pa.record_batch([features.astype(np.int32), found[features]], schema=FREQUENCIES)


@dataclass(frozen=True)
class CountKernel:
    """Maps a table's rows to the counts (`COUNTS`) of each column in each batch."""

    columns: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the counts of each batch."""
        for batch in batches:
            if batch.num_rows:
                texts = column_texts(pl.DataFrame(batch.select(list(self.columns))))
                partition = batch.column(PLACE)[0].as_py() >> PARTITION_SHIFT
                rows = [
                    (partition, column, values.count(), *date_orders(values))
                    for column, values in enumerate(texts)
                ]
                values = [pa.array(numbers) for numbers in zip(*rows, strict=True)]
                yield pa.record_batch(
                    [array.cast(field.type) for array, field in zip(values, COUNTS, strict=True)],
                    schema=COUNTS,
                )


@dataclass(frozen=True)
class SampleKernel:
    """Maps a table's rows to every `steps[i]`-th known value of column i.

    `before[partition][i]`: number of known values of column i in earlier partitions.
    """

    columns: tuple[str, ...]
    steps: tuple[int, ...]
    before: dict[int, tuple[int, ...]]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the sampled values of each batch; batches come in the order of the partition's rows."""
        seen: list[int] | None = None
        for batch in batches:
            if batch.num_rows:
                partition = batch.column(PLACE)[0].as_py() >> PARTITION_SHIFT
                seen = seen or list(self.before[partition])
                texts = column_texts(pl.DataFrame(batch.select(list(self.columns))))
                for column, values in enumerate(texts):
                    known = values.drop_nulls()
                    yield self._sampled(column, known, seen[column])
                    seen[column] += len(known)

    def _sampled(self, column: int, known: pl.Series, seen: int) -> pa.RecordBatch:
        step = self.steps[column]
        at = np.arange(-seen % step, len(known), step)
        texts = known.gather(at).to_arrow().cast(pa.string())
        return pa.record_batch([np.full(len(at), column, np.int32), seen + at, texts], schema=SAMPLE)


@dataclass(frozen=True)
class TextsKernel:
    """Maps a table's rows to the folded texts of their columns, `c0`, `c1`, ..."""

    columns: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns of the result."""
        return pa.schema([(f"c{place}", pa.string()) for place in range(len(self.columns))])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the texts of each batch."""
        for batch in batches:
            texts = column_texts(pl.DataFrame(batch.select(list(self.columns))))
            arrays = [values.cast(pl.String).to_arrow().cast(pa.string()) for values in texts]
            yield pa.record_batch(arrays, schema=self.schema)
