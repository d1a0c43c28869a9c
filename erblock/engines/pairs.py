"""Compares the records of pairs, one Arrow batch at a time: the part of matching that runs on executors.

A row is a pair with both its records: `place` (the position of the pair), `left`, `right` (row numbers) and
the columns of the records, `l0`, `l1`, ... and `r0`, `r1`, ...
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.evidence import Evidence
from erblock.comparison.measures import Floats
from erblock.comparison.texts import ngram_similarity
from erblock.comparison.vectors import Comparison
from erblock.hashing.base import Rows
from erblock.similarity.numeric import MonthFirst
from erblock.tables.read import ColumnPair, Records, TablePair
from erblock.tables.text import record_texts

ANSWERS = pa.schema([("place", pa.int64()), ("values", pa.list_(pa.float32()))])

Dates = dict[str, MonthFirst]


class PairTask(Protocol):
    """A computation on pairs that is sent to the workers, where the records are."""

    def __call__(self, tables: TablePair, left: Rows, right: Rows) -> Floats:
        """Return the (pairs, values) results for pairs of row numbers."""


@dataclass(frozen=True)
class VectorTask:
    """Computes comparison vectors. `weights`: a function that returns the feature weights on the worker."""

    columns: tuple[ComparedColumn, ...]
    weights: Callable[[], Floats]
    dates: Dates

    def __call__(self, tables: TablePair, left: Rows, right: Rows) -> Floats:
        """Return the comparison vectors of the pairs."""
        return Comparison(tables, self.columns, self.weights(), self.dates).vectors(left, right)


@dataclass(frozen=True)
class OddsTask:
    """Computes the log odds that the evidence gives to pairs."""

    vectors: VectorTask
    evidence: Evidence

    def __call__(self, tables: TablePair, left: Rows, right: Rows) -> Floats:
        """Return the log odds of the pairs, one value for each."""
        return self.evidence.log_odds(self.vectors(tables, left, right))[:, None]


@dataclass(frozen=True)
class SimilarityTask:
    """Computes the n-gram similarity of the mapped columns."""

    columns: tuple[ColumnPair, ...]
    weights: Callable[[], Floats]

    def __call__(self, tables: TablePair, left: Rows, right: Rows) -> Floats:
        """Return the similarities of the pairs, one value for each."""
        texts = (
            record_texts(tables.left.frame, [pair.left for pair in self.columns]),
            record_texts(tables.other.frame, [pair.right for pair in self.columns]),
        )
        return ngram_similarity(texts, self.weights(), left, right)[:, None]


@dataclass(frozen=True)
class PairKernel:
    """Maps batches of pairs with their records to the results of a task (`ANSWERS`).

    `columns`: the mapped columns, whose values are in `l0`, ... and `r0`, ... `question`: the task.
    """

    columns: tuple[ColumnPair, ...]
    question: PairTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the results for each batch."""
        for batch in batches:
            if batch.num_rows:
                yield self._answers(batch)

    def _answers(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        left, left_rows = _records(batch, "left", [pair.left for pair in self.columns])
        right, right_rows = _records(batch, "right", [pair.right for pair in self.columns])
        # Pairs of the same left record are adjacent, which makes comparison faster.
        order = np.argsort(left_rows, kind="stable")
        tables = TablePair(left, right, self.columns)
        values = self.question(tables, left_rows[order], right_rows[order])
        starts = np.arange(len(order) + 1, dtype=np.int32) * values.shape[1]
        lists = pa.ListArray.from_arrays(pa.array(starts), pa.array(values.ravel()))
        return pa.record_batch([batch.column("place").take(pa.array(order)), lists], schema=ANSWERS)


def _records(batch: pa.RecordBatch, side: str, names: Sequence[str]) -> tuple[Records, Rows]:
    """Return (distinct records of one side of a batch, position of the record of each pair among them)."""
    rows = batch.column(side).to_numpy()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    held = [batch.column(f"{side[0]}{place}") for place in range(len(names))]
    frame = pl.DataFrame(pa.table([column.take(pa.array(first)) for column in held], names=list(names)))
    return Records(frame, side), which
