"""Similarity of the records of pairs: overall, and in one column relative to chance.

The *agreement* of a column on some pairs is 1 if every pair is more similar in this column than either of its
records is to a random record, and 0 if pairs are no more similar than that. If a share p of the pairs are
matches with agreement m and the rest are like random pairs, the agreement on all pairs is p * m.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.pairwise import row_dots
from erblock.similarity import Rows
from erblock.tables.read import ColumnPair, TablePair
from erblock.tables.text import record_texts

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

FEWEST = 10
"""Least number of pairs from which a share is estimated."""

_MOST = 2_000  # enough for a standard error of about two percent
_OTHERS = 8
_EQUAL = 1e-6


class Likeness:
    """Pairs of row numbers, and which of them are the most similar pair of a record."""

    def __init__(self, tables: TablePair, left: Rows, right: Rows) -> None:
        self._tables = tables
        self._left, self._right = left, right
        columns = [pair.left for pair in tables.columns], [pair.right for pair in tables.columns]
        cosine = row_dots(*_vectors(tables, *columns), left, right)
        sizes = (tables.left.frame.height, tables.other.frame.height)
        best = [_best(rows, cosine, size) for rows, size in zip((left, right), sizes, strict=True)]
        if tables.dedup:
            best = [np.maximum(*best)] * 2
        self.best_left: Bools = (cosine > 0) & (cosine >= best[0][left] - _EQUAL)
        self.best_right: Bools = (cosine > 0) & (cosine >= best[1][right] - _EQUAL)
        self.mutual: Bools = self.best_left & self.best_right
        self._likely = _sample(np.flatnonzero(self.mutual))

    def agreements(
        self, column: ColumnPair, asked: list[Rows], least: float
    ) -> list[tuple[float, float]] | None:
        """Return (agreement of a column, share of pairs with both values) for the pairs at each of `asked`.

        An entry for the likely matches (mutual best pairs) comes first. If their agreement is below `least`,
        the others are not computed, and the result is None.
        """
        samples = [self._likely, *map(_sample, asked)]
        rows = [np.unique(np.concatenate([side[at] for at in samples])) for side in (self._left, self._right)]
        vectors = _vectors(self._tables, [column.left], [column.right], rows)
        places = [
            np.searchsorted(known, side) for known, side in zip(rows, (self._left, self._right), strict=True)
        ]
        filled = [np.flatnonzero(_has_value(vectors[i])[places[i][self._likely]]) for i in (0, 1)]
        pools = [places[i][self._likely[filled[i]]] for i in (0, 1)]
        likely, *others = [[place[at] for place in places] for at in samples]
        matches = _agreement(vectors, likely, pools)
        if not matches[0] >= least:
            return None
        return [matches, *(_agreement(vectors, pairs, pools) for pairs in others)]


def _agreement(
    vectors: tuple[sparse.csr_array, sparse.csr_array], pairs: list[Rows], pools: list[Rows]
) -> tuple[float, float]:
    known = _has_value(vectors[0])[pairs[0]] & _has_value(vectors[1])[pairs[1]]
    left, right = pairs[0][known], pairs[1][known]
    if len(left) < FEWEST or min(map(len, pools)) < FEWEST:
        return np.nan, 0.0
    random = np.random.default_rng(0)
    alike = row_dots(*vectors, left, right)
    more = np.zeros(len(left))
    for _ in range(_OTHERS // 2):
        others = [random.choice(pool, len(left)) for pool in pools]
        for drawn in (row_dots(*vectors, left, others[1]), row_dots(*vectors, others[0], right)):
            more += np.where(np.abs(drawn - alike) <= _EQUAL, 0.5, drawn > alike)
    return float(1 - 2 * more.mean() / _OTHERS), float(known.mean())


def _vectors(
    tables: TablePair, left: list[str], right: list[str], rows: list[Rows] | None = None
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Return the TF-IDF vectors of some columns, for all records or for those at `rows`."""
    frames = [tables.left.frame, tables.other.frame]
    if rows is not None:
        frames = [frame[at] for frame, at in zip(frames, rows, strict=True)]
    texts = [record_texts(frame, names) for frame, names in zip(frames, (left, right), strict=True)]
    sets = [ngrams.feature_sets(side) for side in texts]
    weights = ngrams.idf(*sets)
    return ngrams.tfidf(sets[0], weights), ngrams.tfidf(sets[1], weights)


def _has_value(vectors: sparse.csr_array) -> Bools:
    return np.asarray(np.diff(vectors.indptr) > 0)


def _best(rows: Rows, cosine: Floats, size: int) -> Floats:
    best = np.zeros(size, dtype=np.float32)
    np.maximum.at(best, rows, cosine)
    return best


def _sample(at: Rows) -> Rows:
    return at[:: 1 + max(len(at) - 1, 0) // _MOST]
