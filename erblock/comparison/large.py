"""Comparisons of large tables in the memory of one chunk of pairs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.measures import Floats
from erblock.comparison.vectors import Comparison
from erblock.similarity import Rows
from erblock.similarity.values import date_orders
from erblock.tables.profile import column_texts
from erblock.tables.read import Records, TablePair

_PREPARED = 500_000
"""Records of both tables that are prepared at once; a prepared record takes 1 to 3 kB."""


def comparison_of(tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats) -> Comparison:
    """Return a comparison of these columns; results are the same for tables of any size."""
    records = tables.left.frame.height + (0 if tables.dedup else tables.other.frame.height)
    kind = Comparison if records <= _PREPARED else ComparisonInParts
    return kind(tables, columns, weights)


class ComparisonInParts(Comparison):
    """A comparison that prepares only the records of one chunk of pairs at a time.

    A record is prepared again for each chunk with it, so pairs should be sorted by one side.
    """

    pairs_at_once = 500_000

    def __init__(self, tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats) -> None:
        self._tables, self._columns, self._weights = tables, columns, weights
        dated = [column for column in columns if column.kind == "date"]
        left = [_is_month_first(tables.left, column.left) for column in dated]
        right = left if tables.dedup else [_is_month_first(tables.other, column.right) for column in dated]
        orders = zip(left, right, strict=True)
        self._dates = dict(zip([column.left for column in dated], orders, strict=True))
        super().__init__(self._of(_NO_ROWS, _NO_ROWS), columns, weights)

    def vectors(self, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the (pairs, entries) comparison vectors of pairs of row numbers."""
        vectors = np.empty((len(left_rows), len(self.features)), dtype=np.float32)
        for start in range(0, len(left_rows), self.pairs_at_once):
            chunk = slice(start, start + self.pairs_at_once)
            left, left_places = np.unique(left_rows[chunk], return_inverse=True)
            right, right_places = np.unique(right_rows[chunk], return_inverse=True)
            part = Comparison(self._of(left, right), self._columns, self._weights, self._dates)
            vectors[chunk] = part.vectors(left_places, right_places)
        return vectors

    def _of(self, left: Rows, right: Rows) -> TablePair:
        """Return a table pair of these left and right records; those of one table are on either side."""
        sides = zip((self._tables.left, self._tables.other), (left, right), strict=True)
        one, other = (replace(records, frame=records.frame[rows]) for records, rows in sides)
        return TablePair(one, other, self._tables.columns)


_NO_ROWS = np.zeros(0, dtype=np.int64)


def _is_month_first(records: Records, column: str) -> bool:
    """Return how all dates of a column are read, of which only some are in a part."""
    day_first, month_first = date_orders(column_texts(records.frame.select(pl.col(column)))[column])
    return month_first > day_first
