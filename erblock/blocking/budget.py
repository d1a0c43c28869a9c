"""The budget: one ranking over all candidate pairs, cut once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.blocking.mixture import match_probability
from erblock.blocking.score import ScoredPairs, rank_within
from erblock.hashing.base import Rows, Scores

DEFAULT_PER_RECORD = 10
"""Without any limit: as many pairs as ten for each record of the smaller table."""


@dataclass(frozen=True)
class Budget:
    """What to keep at most. `target_recall`: as few pairs as hold this share of the estimated matches."""

    max_pairs: int | None = None
    max_per_record: int | None = None
    target_recall: float | None = None


@dataclass(frozen=True)
class Cut:
    """The kept pairs, best first: positions in the scored pairs, and their scores."""

    kept: Rows
    scores: Scores
    estimated_recall: float


def ranking(pairs: ScoredPairs) -> Scores:
    """Return the score that pairs are ranked by: s / best(left) + s / best(right) + s, over 3.

    The first two terms compare a pair with the rivals of its records, and put the best partner of every
    record first; the third keeps near-certain further partners of one record before doubtful best ones.
    """
    best_left, best_right = pairs.best_left[pairs.left], pairs.best_right[pairs.right]
    floor = np.float32(1e-6)
    relative = pairs.similarity / np.maximum(best_left, floor) + pairs.similarity / np.maximum(
        best_right, floor
    )
    return np.asarray((relative + pairs.similarity) / 3, dtype=np.float32)


def cut(pairs: ScoredPairs, budget: Budget) -> Cut:
    """Return the best pairs that every limit of `budget` allows."""
    scores = ranking(pairs)
    order = np.lexsort((pairs.right, pairs.left, -scores))
    probability = match_probability(scores)
    within = _within(pairs, scores, budget)[order]
    kept = order[within][: _most(pairs, budget)]
    if budget.target_recall is not None:
        kept = kept[: _reaching(probability[kept], budget.target_recall * probability.sum())]
    recall = float(probability[kept].sum() / max(probability.sum(), 1e-12))
    return Cut(kept, scores[kept], min(recall, 1.0))


def _most(pairs: ScoredPairs, budget: Budget) -> int:
    if budget.max_pairs is not None:
        return budget.max_pairs
    if budget.max_per_record is not None or budget.target_recall is not None:
        return len(pairs)
    return DEFAULT_PER_RECORD * min(len(pairs.best_left), len(pairs.best_right))


def _within(pairs: ScoredPairs, scores: Scores, budget: Budget) -> npt.NDArray[np.bool_]:
    """Mark the pairs that are among the first `max_per_record` of both of their records."""
    if budget.max_per_record is None:
        return np.ones(len(pairs), dtype=bool)
    if pairs.best_left is pairs.best_right:
        return _within_one_table(pairs, scores, budget.max_per_record)
    ranks = np.maximum(rank_within(pairs.left, scores), rank_within(pairs.right, scores))
    return ranks < budget.max_per_record


def _within_one_table(pairs: ScoredPairs, scores: Scores, most: int) -> npt.NDArray[np.bool_]:
    """In one table a record's pairs are those on either side."""
    both = np.concatenate([pairs.left, pairs.right])
    ranks = rank_within(both, np.concatenate([scores, scores])).reshape(2, -1)
    return np.asarray(ranks.max(axis=0) < most)


def _reaching(probability: npt.NDArray[np.float64], target: float) -> int:
    return int(np.searchsorted(np.cumsum(probability), target)) + 1
