"""What the features of each column weigh in keys: as much as they agree between likely matches.

A long description drowns a short title: most features of a key come from it, and few of them are in the
other record. So a column weighs the square of the share of its features, by idf, that likely matches have in
common. It is the rule that spends keys where they find matches, as does the choice of columns of Sparkly
(PVLDB 2023), without a choice: a column that says little is drawn seldom.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.hashing.native import native
from erblock.hashing.ngrams import FeatureSets

Floats = npt.NDArray[np.float32]

_LEAST = 1e-3
"""A column that never agrees still has a weight, or a record of nothing else would have no keys."""


class _Table(NamedTuple):
    """Features of records in order, their idf, and the columns that each is in."""

    starts: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint32]
    idf: Floats
    columns: npt.NDArray[np.uint64]


def fit_column_weights(
    left: FeatureSets, right: FeatureSets, weights: Floats, likely: tuple[Rows, Rows], columns: int
) -> tuple[float, ...]:
    """Return the weight of each column.

    `weights`: the idf of each of the 2**20 features; `likely`: left and right rows of likely matches.
    """
    tables = [_Table(s.starts, s.hashes, weights[s.features], s.columns) for s in (left, right)]
    shared, all_of_it = np.zeros(min(columns, 64)), np.zeros(min(columns, 64))
    _add_agreement(tables[0], tables[1], likely, (shared, all_of_it))
    _add_agreement(tables[1], tables[0], likely[::-1], (shared, all_of_it))
    agreement = shared / np.maximum(all_of_it, 1e-9)
    squared = np.maximum(agreement**2, _LEAST).tolist()
    return tuple(squared[min(column, 63)] for column in range(columns))


@native
def _add_agreement(
    table: _Table, other: _Table, rows: tuple[Rows, Rows], sums: tuple[npt.NDArray[np.float64], ...]
) -> None:
    """Add up, for every column, the idf of the features that both records of a pair have, and of all."""
    shared, all_of_it = sums
    for pair in range(len(rows[0])):
        at, end = other.starts[rows[1][pair]], other.starts[rows[1][pair] + 1]
        for i in range(table.starts[rows[0][pair]], table.starts[rows[0][pair] + 1]):
            while at < end and other.hashes[at] < table.hashes[i]:
                at += 1
            is_shared = at < end and other.hashes[at] == table.hashes[i]
            for column in range(len(shared)):
                if table.columns[i] >> np.uint64(column) & np.uint64(1):
                    all_of_it[column] += table.idf[i]
                    shared[column] += table.idf[i] if is_shared else 0
