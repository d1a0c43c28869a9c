"""Log odds of pairs where a record has at most one match.

If a record has at most one match, a likely candidate makes its other candidates unlikely. Belief propagation
turns the odds that pairs have by themselves into the odds of edges in a matching (the Bethe approximation of
the monomer-dimer model; Zdeborova and Mezard 2006). Each message has an exponent: 1 where a record has at
most one match, 0 where it may have any number. For ranking, the exponent is the competition of the side,
which suits tables of look-alikes. For decisions it is 1 or 0. In one table no messages are sent, because any
record may have several matches (`erblock.scoring.transitive`).

Decision: docs/decisions/019-ranked-by-log-odds.md.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import in_parallel
from erblock.scoring.competition import competition_of, sides_with_one_match
from erblock.scoring.pairs import ScoredPairs

_ROUNDS = 30
_LEAST_ODDS, _MOST_ODDS = 1e-4, 1e4
_LEAST = 1e-300

_PAIRS = 200000
"""Pairs whose messages are computed at a time, on one core."""

Doubles = npt.NDArray[np.float64]


def ranked_and_decided(pairs: ScoredPairs, log_odds: Doubles) -> tuple[Doubles, Doubles]:
    """Return a pair (log odds by which pairs are ranked, probability of each pair to be a match).

    `log_odds`: those of each pair by itself.
    """
    competition = competition_of(pairs)
    ranked = _exclusive(pairs, log_odds, competition)
    sides = sides_with_one_match(competition)
    decided = ranked if sides == competition else _exclusive(pairs, log_odds, sides)
    return ranked, np.asarray(expit(decided))


def probabilities(pairs: ScoredPairs, log_odds: Scores, exclusion: tuple[float, float]) -> Doubles:
    """Return the probability of each pair to be a match; `log_odds`: those of each pair by itself.

    `exclusion`: the extent, 0 to 1, to which a match of a left or right record excludes its other candidates.
    """
    return np.asarray(expit(_exclusive(pairs, log_odds.astype(np.float64), exclusion)))


def _exclusive(pairs: ScoredPairs, alone: Doubles, exponents: tuple[float, float]) -> Doubles:
    """Return the log odds after the messages of left and right records, raised to these exponents.

    Each record sends each of its candidates the probability that none of its other candidates is its match.
    Candidates that are too unlikely to change a message are left out.
    """
    if pairs.one_table or not any(exponents):
        return alone
    likely = np.flatnonzero(alone >= np.log(_LEAST_ODDS))
    odds = np.exp(np.minimum(alone[likely], np.log(_MOST_ODDS)))
    left, right = (_Side(rows, likely) for rows in (pairs.left, pairs.right))
    for _ in range(_ROUNDS):
        _exchange(odds, left, right, exponents)
    free = left.of_any(odds * right.free) ** exponents[0] * right.of_any(odds * left.free) ** exponents[1]
    free[likely] = left.free * right.free
    return np.asarray(alone + np.log(np.maximum(free, _LEAST)))


class _Side:
    """The records of one side, and the messages that they send to the pairs that are likely enough.

    `free[i]`: the probability, sent to likely pair i, that its record matches no other candidate.
    """

    def __init__(self, rows: Rows, likely: Rows) -> None:
        self._rows, self._of_likely = rows, rows[likely].astype(np.int64, copy=False)
        self._size = int(rows.max(initial=-1)) + 1
        self.free: Doubles = np.ones(len(likely))

    def sums(self, odds: Doubles) -> Doubles:
        """Return the sum of the odds of the likely pairs of each record."""
        return np.bincount(self._of_likely, weights=odds, minlength=self._size).astype(np.float64, copy=False)

    def message(self, span: slice, sums: Doubles, odds: Doubles) -> Doubles:
        """Return, for each pair of a span, 1 / (1 + the odds of the other likely pairs of its record)."""
        others = sums[self._of_likely[span]] - odds
        return np.asarray(1 / (1 + np.maximum(others, 0)))

    def of_any(self, odds: Doubles) -> Doubles:
        """Return, for every pair, 1 / (1 + the odds of the likely pairs of its record)."""
        return np.asarray(1 / (1 + self.sums(odds)))[self._rows]


def _exchange(odds: Doubles, left: _Side, right: _Side, exponents: tuple[float, float]) -> None:
    """Replace every message by its mean with the next one, which damps oscillation."""
    sums = left.sums(odds * right.free), right.sums(odds * left.free)

    def work(first: int) -> None:
        span = slice(first, first + _PAIRS)
        to_left = left.message(span, sums[0], odds[span] * right.free[span]) ** exponents[0]
        to_right = right.message(span, sums[1], odds[span] * left.free[span]) ** exponents[1]
        left.free[span] = (left.free[span] + to_left) / 2
        right.free[span] = (right.free[span] + to_right) / 2

    for _ in in_parallel(work, range(0, len(odds), _PAIRS)):
        pass
