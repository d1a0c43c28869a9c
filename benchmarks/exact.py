"""Exact nearest neighbours over the vectors of a neural sketch: what buckets are measured against."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing import neural
from erblock.hashing.neural import NeuralSketch
from erblock.scoring.pairs import ScoredPairs

_BLOCK_CELLS = 8_000_000

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NearestPairs:
    """Pairs of which one record is among the other's nearest: first all nearest ones, then the second, ..."""

    left: Rows
    right: Rows

    def __len__(self) -> int:
        return len(self.left)


def nearest_pairs(left: NeuralSketch, right: NeuralSketch | None, most: int) -> NearestPairs:
    """Return the pairs in which one record is among the other's `most` nearest; `right` None: one table.

    Those of one rank stand in the order of their similarity. Records without text have no neighbours, as they
    have no bucket.
    """
    other = left if right is None else right
    found = [_nearest(left, other, most, dedup=right is None)]
    if right is not None:
        found.append(_nearest(other, left, most, dedup=False)[[1, 0, 2, 3]])
    first, second, rank, similarity = np.concatenate(found, axis=1)
    if right is None:
        first, second = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((-similarity, rank))
    packed = first[order].astype(np.int64) * len(other) + second[order].astype(np.int64)
    kept = np.sort(np.unique(packed, return_index=True)[1])
    return NearestPairs(*np.divmod(packed[kept], len(other)))


def scored(pairs: NearestPairs, left: NeuralSketch, right: NeuralSketch | None) -> ScoredPairs:
    """Return the pairs with their similarities, rounded as those of buckets are."""
    other = left if right is None else right
    order = np.lexsort((pairs.right, pairs.left))
    first, second = pairs.left[order], pairs.right[order]
    best_left = np.zeros(len(left), dtype=np.float32)
    best_right = best_left if right is None else np.zeros(len(other), dtype=np.float32)
    nothing, once = np.zeros(len(pairs), dtype=np.float32), np.ones(len(pairs), dtype=np.uint16)
    unscored = ScoredPairs(first, second, nothing, once, best_left, best_right)
    return unscored.with_similarity(left.similarity(other, first, second))


def _nearest(left: NeuralSketch, other: NeuralSketch, most: int, *, dedup: bool) -> npt.NDArray[np.float64]:
    """Return (4, pairs): record, near one, its rank from 0 on, similarity."""
    parts = []
    for first, block in _blocks(left, other, dedup=dedup):
        count = min(most, block.shape[1])
        at = np.argpartition(block, -count, axis=1)[:, -count:]
        values = np.take_along_axis(block, at, axis=1)
        order = np.argsort(-values, axis=1)
        at, values = np.take_along_axis(at, order, axis=1), np.take_along_axis(values, order, axis=1)
        row, rank = np.nonzero(np.isfinite(values))
        parts.append(np.stack([first + row, at[row, rank], rank, values[row, rank]]).astype(np.float64))
    return np.concatenate(parts, axis=1)


def _blocks(left: NeuralSketch, other: NeuralSketch, *, dedup: bool) -> Iterator[tuple[int, Floats]]:
    """Yield the similarities of some left records to all others, and the number of the first of them.

    Minus infinity stands where a record has no text, and between a record and itself.
    """
    weight = np.float32(neural.NGRAM_WEIGHT)
    features = other.hybrid.sparse.T.tocsr()
    left_vectors, other_vectors = left.hybrid.dense.vectors, other.hybrid.dense.vectors
    step = max(1, _BLOCK_CELLS // max(1, len(other)))
    for first in range(0, len(left), step):
        rows = slice(first, first + step)
        block = (1 - weight) * (left_vectors[rows] @ other_vectors.T)
        block += weight * (left.hybrid.sparse[rows] @ features).toarray()
        block[~_has_text(left)[rows]] = -np.inf
        block[:, ~_has_text(other)] = -np.inf
        if dedup:
            at = np.arange(len(block))
            block[at, first + at] = -np.inf
        yield first, block


def _has_text(sketch: NeuralSketch) -> npt.NDArray[np.bool_]:
    return np.asarray(np.diff(sketch.hybrid.sparse.indptr) > 0)
