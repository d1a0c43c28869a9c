"""Comparisons of large tables, one column after the other, in limited memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.evidence import Evidence
from erblock.comparison.measures import Floats, Sides
from erblock.comparison.vectors import Comparison, compared_texts
from erblock.similarity import Rows, Scores
from erblock.similarity.values import date_orders
from erblock.tables.profile import column_texts
from erblock.tables.read import Records, TablePair

_PREPARED = 500_000
"""Maximum records of both tables that are prepared in all columns at once; one takes 1 to 3 kB."""

_TEXT_AT_ONCE = 64 << 20
"""Bytes of a column's text that are prepared at once; prepared text takes about 30 times as much."""


def comparison_of(tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats) -> Comparison:
    """Return a comparison of these columns; results are the same for tables of any size."""
    records = tables.left.frame.height + (0 if tables.dedup else tables.other.frame.height)
    kind = Comparison if records <= _PREPARED else ComparisonByColumn
    return kind(tables, columns, weights)


class ComparisonByColumn(Comparison):
    """A comparison that prepares one column at a time, for the records that are compared.

    Long columns are prepared in parts, each for a run of the pairs. A record is prepared again for every part
    that it is in, so pairs should be sorted by one side.
    """

    pairs_at_once = 2_000_000

    def __init__(self, tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats) -> None:
        self._tables, self._columns, self._weights = tables, columns, weights
        dated = [column for column in columns if column.kind == "date"]
        left = [_is_month_first(tables.left, column.left) for column in dated]
        right = left if tables.dedup else [_is_month_first(tables.other, column.right) for column in dated]
        orders = zip(left, right, strict=True)
        self._dates = dict(zip([column.left for column in dated], orders, strict=True))
        super().__init__(_without_rows(tables), columns, weights)

    def vectors(self, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the (pairs, entries) comparison vectors of pairs of row numbers."""
        vectors = np.empty((len(left_rows), len(self.features)), dtype=np.float32)
        for entry, part, values in self._entries(left_rows, right_rows):
            vectors[part, entry] = values
        return vectors

    def log_odds(self, evidence: Evidence, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the log odds of a match of pairs of row numbers; their vectors are not kept."""
        odds = np.full(len(left_rows), evidence.intercept, dtype=np.float64)
        for entry, part, values in self._entries(left_rows, right_rows):
            self.on_progress("compare", len(odds) * entry // len(self.features), len(odds))
            evidence.add(odds[part], entry, values.astype(np.float32))
        self.on_progress("compare", len(odds), len(odds))
        return odds.astype(np.float32)

    def _entries(self, left_rows: Rows, right_rows: Rows) -> Iterator[tuple[int, slice, Scores]]:
        """Yield triples (number of an entry, slice of the pairs, values of the entry for these pairs)."""
        first = 0
        for sides, build in compared_texts(self._tables, self._columns, self._weights, self._dates):
            entry = first
            for part in _parts(sides, len(left_rows)):
                of_part, left, right = _of_pairs(sides, left_rows[part], right_rows[part])
                for entry, feature in enumerate(build(of_part), first):
                    yield entry, part, feature.compare(left, right)
            first = entry + 1


def _parts(sides: Sides, pairs: int) -> Iterator[slice]:
    """Yield runs of pairs such that the texts of one run can be prepared at once."""
    text = sum(int(texts.str.len_bytes().sum()) for texts in (sides.left, sides.right))
    size = max(1, pairs // (1 + text // _TEXT_AT_ONCE))
    for start in range(0, pairs, size):
        yield slice(start, start + size)


def _of_pairs(sides: Sides, left_rows: Rows, right_rows: Rows) -> tuple[Sides, Rows, Rows]:
    """Return (texts of the records of these pairs, positions of left records there, of right records)."""
    if sides.right is sides.left:
        rows, places = np.unique(np.concatenate([left_rows, right_rows]), return_inverse=True)
        texts = sides.left[rows]
        return replace(sides, left=texts, right=texts), places[: len(left_rows)], places[len(left_rows) :]
    left, left_places = np.unique(left_rows, return_inverse=True)
    right, right_places = np.unique(right_rows, return_inverse=True)
    return replace(sides, left=sides.left[left], right=sides.right[right]), left_places, right_places


def _without_rows(tables: TablePair) -> TablePair:
    left, right = (replace(records, frame=records.frame.clear()) for records in (tables.left, tables.other))
    return TablePair(left, None if tables.dedup else right, tables.columns)


def _is_month_first(records: Records, column: str) -> bool:
    """Return whether the month comes first in the dates of a whole column, of which a part has only some."""
    day_first, month_first = date_orders(column_texts(records.frame.select(pl.col(column)))[column])
    return month_first > day_first
