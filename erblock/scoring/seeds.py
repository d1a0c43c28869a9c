"""Seed pairs: candidate pairs that are almost certainly matches, chosen by similarity alone."""

import numpy as np

from erblock.hashing.base import Rows, Scores
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import best_values

_BEST = 20


def seed_pairs(pairs: ScoredPairs) -> Rows:
    """Return the positions of the four fifths of the mutual best pairs with the widest margins.

    Nearly all mutual best pairs with a margin are matches (CollaborER, arXiv 2108.08090).
    """
    return widest_margins(*margins(pairs))


def widest_margins(mutual: Rows, margin: Scores) -> Rows:
    """Return the positions of the seed pairs among mutual best pairs with these margins."""
    return np.sort(mutual[np.argsort(-margin, kind="stable")[: int(TUNED.seed_share * len(mutual))]])


def margins(pairs: ScoredPairs) -> tuple[Rows, Scores]:
    """Return a pair (positions of the mutual best pairs, margin of each above its competitors, 0 to 1)."""
    mutual = mutual_best_pairs(pairs)
    left, right = pairs.by_side(pairs.similarity, _second_of)
    competitor = np.maximum(left[pairs.left[mutual]], right[pairs.right[mutual]])
    return mutual, np.asarray(1 - competitor / pairs.similarity[mutual])


def mutual_best_pairs(pairs: ScoredPairs) -> Rows:
    """Return the positions of the pairs that are the best candidates of both their records."""
    similarity = pairs.similarity
    best = (similarity >= pairs.best_left[pairs.left]) & (similarity >= pairs.best_right[pairs.right])
    return np.flatnonzero(best & (similarity > 0))


def _second_of(records: Rows, similarity: Scores, size: int) -> Scores:
    """Return the second highest similarity of every record."""
    seconds = best_values(records, similarity, size, 2)[:, 1]
    return np.where(np.isinf(seconds), np.float32(0), seconds)


def gap_separated_pairs(pairs: ScoredPairs) -> Rows:
    """Return the positions of the pairs in which each record is in the other's gap-separated neighbourhood.

    A record's gap-separated neighbourhood holds the candidates above the widest gap among its best ones: its
    one match, or the rest of its cluster. The gap must be at least a seventh of the similarity above it.
    """
    (left_edge, left_gap), (right_edge, right_gap) = pairs.by_side(pairs.similarity, _widest_gap)
    gap = np.minimum(left_gap[pairs.left], right_gap[pairs.right])
    edge = np.maximum(left_edge[pairs.left], right_edge[pairs.right])
    return np.flatnonzero((gap >= TUNED.gap) & (pairs.similarity >= edge))


def _widest_gap(records: Rows, similarity: Scores, size: int) -> tuple[Scores, Scores]:
    """Return, for each record, (similarity above the widest gap among its best, relative width of it)."""
    best = best_values(records, similarity, size, _BEST + 1)
    best[np.isinf(best)] = 0
    gaps = best[:, :-1] - best[:, 1:]
    # The similarity after the last candidate is unknown, so no gap is counted there unless it is the only
    # one.
    gaps[:, 1:][best[:, 2:] == 0] = 0
    at = gaps.argmax(axis=1)
    edge = best[np.arange(size), at]
    return edge, gaps[np.arange(size), at] / np.maximum(edge, 1e-6)
