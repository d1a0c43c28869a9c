"""The candidate pairs that are beyond doubt, from the similarities alone."""

import numpy as np

from erblock.blocking.score import ScoredPairs, rank_within
from erblock.hashing.base import Rows, Scores

_SHARE = 0.8


def sure_pairs(pairs: ScoredPairs) -> Rows:
    """Return the positions of the mutual best pairs that stand furthest above the second best, four fifths.

    Mutual best candidates with a margin are matches nearly without exception (CollaborER, arXiv 2108.08090).
    """
    similarity = pairs.similarity
    best = (similarity >= pairs.best_left[pairs.left]) & (similarity >= pairs.best_right[pairs.right])
    mutual = np.flatnonzero(best & (similarity > 0))
    left, right = _second_best(pairs)
    rival = np.maximum(left[pairs.left[mutual]], right[pairs.right[mutual]])
    margin = 1 - rival / similarity[mutual]
    kept = mutual[np.argsort(-margin, kind="stable")[: int(_SHARE * len(mutual))]]
    return np.sort(kept)


def _second_best(pairs: ScoredPairs) -> tuple[Scores, Scores]:
    """Return the second highest similarity of every record of either side."""
    if pairs.one_table:
        ends = np.concatenate([pairs.left, pairs.right])
        both = _second_of(ends, np.concatenate([pairs.similarity] * 2), len(pairs.best_left))
        return both, both
    return (
        _second_of(pairs.left, pairs.similarity, len(pairs.best_left)),
        _second_of(pairs.right, pairs.similarity, len(pairs.best_right)),
    )


def _second_of(records: Rows, similarity: Scores, size: int) -> Scores:
    seconds = np.zeros(size, dtype=np.float32)
    at = np.flatnonzero(rank_within(records, similarity) == 1)
    seconds[records[at]] = similarity[at]
    return seconds
