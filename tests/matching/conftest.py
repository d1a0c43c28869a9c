"""Candidate pairs of small tables, ready to be matched."""

from dataclasses import dataclass

import numpy as np
import pytest

from erblock.comparison.columns import ComparedColumn, compared_columns
from erblock.comparison.vectors import Comparison
from erblock.hashing import ngrams
from erblock.hashing.pairwise import row_dots
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.weak_labels import UNKNOWN
from erblock.tables.read import ColumnPair, Records, TablePair


@dataclass(frozen=True)
class Linked:
    """Tables, all pairs of their records that are alike at all, and how their columns compare."""

    tables: TablePair
    pairs: ScoredPairs
    weights: np.ndarray
    columns: tuple[ComparedColumn, ...]
    comparison: Comparison

    @property
    def unknown(self):
        """PairLabels that say nothing."""
        return np.full(len(self.pairs), UNKNOWN, dtype=np.int8)


def _linked(left, right):
    tables = TablePair(
        Records(left, "left.csv"),
        Records(right, "right.csv"),
        (ColumnPair("name", "name"), ColumnPair("price", "price")),
    )
    sets = [ngrams.feature_sets(table["name"]) for table in (left, right)]
    weights = ngrams.idf(*sets)
    rows = [side.ravel() for side in np.indices((len(left), len(right)))]
    similarity = row_dots(*(ngrams.tfidf(each, weights) for each in sets), *rows)
    kept = similarity > 0.02
    best = [np.zeros(len(table), dtype=np.float32) for table in (left, right)]
    bands = np.zeros(kept.sum(), dtype=np.uint16)
    pairs = ScoredPairs(rows[0][kept], rows[1][kept], similarity[kept], bands, *best).with_similarity(
        similarity[kept]
    )
    columns = compared_columns(tables)
    return Linked(tables, pairs, weights, columns, Comparison(tables, columns, weights))


@pytest.fixture(scope="session")
def linked(products):
    """Make candidates of products: the first `size` records match by row number, `alone` more do not."""

    def make(size=80, alone=0):
        left, right = products(size + alone)
        return _linked(left[: size + alone // 2], right[:size].vstack(right[size + alone // 2 :]))

    return make
