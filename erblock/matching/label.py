"""Active learning: chooses the pairs to label: doubtful ones of every rank, and some likely matches.

Labels of pairs with a probability near a half help most (uncertainty sampling, Lewis and Gale 1994,
https://arxiv.org/abs/cmp-lg/9407020), but the pairs nearest to a half resemble each other. So a batch is a
random sample of doubtful pairs, weighted by their doubt, spread evenly over the ranking by similarity, and no
record is in two pairs. A share of the batch is a random sample of likely matches, because a matcher that is
certain and wrong would never ask about its mistakes.

Decision: docs/decisions/036-questions-among-the-doubtful.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import ranking
from erblock.scoring.pairs import ScoredPairs

_LIKELY_SHARE = 0.1
_LIKELY = 0.1
_DOUBTFUL = 2.0
"""Largest distance in log odds of a doubtful probability from a half (0.12 to 0.88) or from the threshold."""
_FEWEST = 5  # doubtful pairs per question; where there are fewer, the next most doubtful are added
_CERTAIN = 1e-6

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predictions:
    """Probability and ranking score of every pair, and the threshold from which on a pair is a match."""

    probability: Scores
    ranking: Scores
    threshold: float

    @property
    def doubt(self) -> Scores:
        """Distance in log odds of each probability from a half or from the threshold, whichever is nearer."""
        odds = logit(np.clip(self.probability.astype(np.float64), _CERTAIN, 1 - _CERTAIN))
        nearest = np.minimum(np.abs(odds), np.abs(odds - logit(self.threshold)))
        return np.asarray(nearest, dtype=np.float32)


def guessed(pairs: ScoredPairs) -> Scores:
    """Return rough probabilities from the ranking alone, for pairs that are too few to learn from.

    The pair whose rank is the smaller table's size gets a half.
    """
    scores = ranking(pairs).astype(np.float64)
    if not len(scores):
        return np.zeros(0, dtype=np.float32)
    place = min(len(pairs.best_left), len(pairs.best_right), len(scores)) - 1
    middle = -np.partition(-scores, place)[place]
    return np.asarray(expit((scores - middle) / (scores.std() + 1e-3)), dtype=np.float32)


def choose_questions(pairs: ScoredPairs, predictions: Predictions, asked: Mask, size: int, seed: int) -> Rows:
    """Return the positions of at most `size` pairs to label, none of them in `asked`, in random order.

    No record is in two of these pairs. At least one pair is returned while any has not been asked about.
    """
    random = np.random.default_rng(seed)
    free = np.flatnonzero(~asked)
    likely = random.permutation(free[predictions.probability[free] >= _LIKELY])
    doubtful = _doubtful(predictions, free, size, random)
    some = _distinct(pairs, likely, round(_LIKELY_SHARE * size))
    chosen = _distinct(pairs, np.concatenate([some, doubtful]), size)
    return np.asarray(random.permutation(chosen), dtype=np.int64)


def _doubtful(predictions: Predictions, free: Rows, places: int, random: np.random.Generator) -> Rows:
    """Return the free positions in the order in which to ask, in turn from each part of the ranking."""
    doubt = predictions.doubt[free]
    order = np.argsort(doubt, kind="stable")
    pool = max(int((doubt <= _DOUBTFUL).sum()), _FEWEST * places)
    rest = free[order[pool:]]
    drawn = order[:pool]
    # Weighted sampling without replacement (Efraimidis and Spirakis 2006).
    weight = expit(doubt[drawn]) * expit(-doubt[drawn])
    drawn = drawn[np.argsort(random.exponential(size=len(drawn)) / weight)]
    part = np.empty(len(drawn), dtype=np.int64)
    by_rank = np.argsort(-predictions.ranking[free[drawn]], kind="stable")
    part[by_rank] = np.arange(len(drawn)) * places // max(len(drawn), 1)
    turn = _turns(part)
    return np.concatenate([free[drawn[np.lexsort((part, turn))]], rest])


def _turns(part: Rows) -> Rows:
    """Return, for each entry of `part`, how many earlier entries have the same value."""
    order = np.argsort(part, kind="stable")
    _, first, count = np.unique(part[order], return_index=True, return_counts=True)
    turns = np.empty(len(part), dtype=np.int64)
    turns[order] = np.arange(len(part)) - np.repeat(first, count)
    return turns


def _distinct(pairs: ScoredPairs, order: Rows, size: int) -> Rows:
    """Return the first `size` of these positions that share no record with an earlier one."""
    shift = 0 if pairs.one_table else len(pairs.best_left)
    used: set[int] = set()
    taken: list[int] = []
    for position in order:
        if len(taken) == size:
            break
        ends = {int(pairs.left[position]), int(pairs.right[position]) + shift}
        if used.isdisjoint(ends):
            used |= ends
            taken.append(int(position))
    return np.array(taken, dtype=np.int64)
