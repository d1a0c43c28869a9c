"""Exact nearest neighbours over the vectors of a neural sketch: what buckets are measured against."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from erblock.blocking.score import ScoredPairs
from erblock.hashing import neural
from erblock.hashing.neural import NeuralSketch

NEIGHBOURS = 20
"""As many as the ranking looks at, so that it sees of every record what it would see of all pairs."""

_BLOCK_CELLS = 8_000_000

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def exact_pairs(left: NeuralSketch, right: NeuralSketch | None) -> ScoredPairs:
    """Return the pairs in which one record is among the other's nearest 20 of all; `right` None: one table.

    Records without text have no neighbours, as they have no bucket.
    """
    other = left if right is None else right
    pairs = _nearest(left, other, dedup=right is None)
    if right is None:
        pairs = np.sort(pairs, axis=1)
    pairs = np.unique(pairs, axis=0)
    best_left = np.zeros(len(left), dtype=np.float32)
    best_right = best_left if right is None else np.zeros(len(other), dtype=np.float32)
    nothing, once = np.zeros(len(pairs), dtype=np.float32), np.ones(len(pairs), dtype=np.uint16)
    unscored = ScoredPairs(pairs[:, 0], pairs[:, 1], nothing, once, best_left, best_right)
    # Scored once more pair by pair, as bucketed pairs are: no difference may come from rounding.
    return unscored.seen_as(left.similarity(other, pairs[:, 0], pairs[:, 1]))


def _nearest(left: NeuralSketch, other: NeuralSketch, *, dedup: bool) -> Rows:
    """Return (pairs, 2) row numbers: the nearest of every left record, then of every other."""
    found: list[Rows] = []
    values = np.full((NEIGHBOURS, len(other)), -np.inf, dtype=np.float32)
    rows = np.zeros((NEIGHBOURS, len(other)), dtype=np.int64)
    for first, block in _blocks(left, other, dedup=dedup):
        most = min(NEIGHBOURS, len(other))
        at = np.argpartition(block, -most, axis=1)[:, -most:]
        row, place = np.nonzero(np.isfinite(np.take_along_axis(block, at, axis=1)))
        found.append(np.column_stack([first + row, at[row, place]]))
        if not dedup:
            values, rows = _better(values, rows, block, first)
    place, column = np.nonzero(np.isfinite(values))
    return np.concatenate([*found, np.column_stack([rows[place, column], column])])


def _better(values: Floats, rows: Rows, block: Floats, first: int) -> tuple[Floats, Rows]:
    """Return the highest values of each column so far, and their rows, with those of `block` taken in."""
    numbers = np.broadcast_to(np.arange(first, first + len(block))[:, None], block.shape)
    values, rows = np.vstack([values, block]), np.vstack([rows, numbers])
    at = np.argpartition(values, -NEIGHBOURS, axis=0)[-NEIGHBOURS:]
    return np.take_along_axis(values, at, axis=0), np.take_along_axis(rows, at, axis=0)


def _blocks(left: NeuralSketch, other: NeuralSketch, *, dedup: bool) -> Iterator[tuple[int, Floats]]:
    """Yield the similarities of some left records to all others, and the number of the first of them.

    Minus infinity stands where a record has no text, and between a record and itself.
    """
    weight = np.float32(neural.NGRAM_WEIGHT)
    features = other.channels.sparse.T.tocsr()
    left_vectors, other_vectors = left.channels.dense.vectors, other.channels.dense.vectors
    step = max(1, _BLOCK_CELLS // max(1, len(other)))
    for first in range(0, len(left), step):
        rows = slice(first, first + step)
        block = (1 - weight) * (left_vectors[rows] @ other_vectors.T)
        block += weight * (left.channels.sparse[rows] @ features).toarray()
        block[~_has_text(left)[rows]] = -np.inf
        block[:, ~_has_text(other)] = -np.inf
        if dedup:
            at = np.arange(len(block))
            block[at, first + at] = -np.inf
        yield first, block


def _has_text(sketch: NeuralSketch) -> npt.NDArray[np.bool_]:
    return np.asarray(np.diff(sketch.channels.sparse.indptr) > 0)
