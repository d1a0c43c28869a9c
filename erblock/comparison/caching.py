"""A cache of comparison vectors, for pairs that are compared several times."""

from collections.abc import Sequence

import numpy as np

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.measures import Floats
from erblock.comparison.vectors import Comparison
from erblock.similarity import Rows
from erblock.tables.read import TablePair

MOST = 250_000_000
"""Vectors of more entries than this (1 GB) are not kept."""


class CachingComparison(Comparison):
    """A comparison that caches the vectors of the pairs given to `remember`."""

    def __init__(self, tables: TablePair, columns: Sequence[ComparedColumn], weights: Floats) -> None:
        super().__init__(tables, columns, weights)
        self._keys: Rows = np.zeros(0, dtype=np.int64)
        self._vectors = np.zeros((0, len(self.features)), dtype=np.float32)

    def remember(self, left_rows: Rows, right_rows: Rows) -> None:
        """Compute and cache the vectors of these pairs, unless they are too many."""
        if len(left_rows) * len(self.features) > MOST:
            return
        keys = _keys(left_rows, right_rows)
        order = np.argsort(keys)
        vectors = super().vectors(left_rows[order], right_rows[order])
        self._keys, self._vectors = keys[order], vectors

    def vectors(self, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the (pairs, entries) comparison vectors of pairs of row numbers."""
        keys = _keys(left_rows, right_rows)
        at = np.searchsorted(self._keys, keys)
        if not len(self._keys) or (self._keys[np.minimum(at, len(self._keys) - 1)] != keys).any():
            return super().vectors(left_rows, right_rows)
        return np.asarray(self._vectors[at])


def _keys(left_rows: Rows, right_rows: Rows) -> Rows:
    return (left_rows << 32) | right_rows
