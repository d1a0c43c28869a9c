"""Log odds of pairs where a record has at most one match.

If a record has at most one match, a likely candidate makes its other candidates unlikely. Belief propagation
turns the odds that pairs have by themselves into the odds of edges in a matching (the Bethe approximation of
the monomer-dimer model; Zdeborova and Mezard 2006). Each message has an exponent: 1 where a record has at
most one match, 0 where it may have any number. For ranking, the exponent is the competition of the side,
which suits tables of look-alikes. For decisions it is 1 or 0. In one table no messages are sent, because any
record may have several matches (`erblock.scoring.transitive`).

Decision: docs/decisions/019-ranked-by-log-odds.md.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import competition_of, sides_with_one_match
from erblock.scoring.pairs import ScoredPairs

_ROUNDS = 30
_LEAST_ODDS, _MOST_ODDS = 1e-4, 1e4
_LEAST = 1e-300

Doubles = npt.NDArray[np.float64]


def ranked_and_decided(pairs: ScoredPairs, log_odds: Doubles) -> tuple[Doubles, Doubles]:
    """Return the log odds by which pairs are ranked, and the probability of each pair to be a match.

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
    of_left, of_right = exponents
    likely = np.flatnonzero(alone >= np.log(_LEAST_ODDS))
    odds = np.exp(np.minimum(alone[likely], np.log(_MOST_ODDS)))
    left, right = (_Side(rows, rows[likely]) for rows in (pairs.left, pairs.right))
    free_left, free_right = np.ones(len(odds)), np.ones(len(odds))
    for _ in range(_ROUNDS):
        to_left = left.free(odds * free_right) ** of_left
        to_right = right.free(odds * free_left) ** of_right
        free_left, free_right = (free_left + to_left) / 2, (free_right + to_right) / 2
    free = left.free_of_any(odds * free_right) ** of_left * right.free_of_any(odds * free_left) ** of_right
    free[likely] = free_left * free_right
    return np.asarray(alone + np.log(np.maximum(free, _LEAST)))


@dataclass(frozen=True)
class _Side:
    """The records of one side: of all pairs, and of the pairs that are likely enough to send messages."""

    of_any: Rows
    of_likely: Rows

    def free(self, odds: Doubles) -> Doubles:
        """Return for every likely pair 1 / (1 + the odds of the other likely pairs of its record)."""
        others = np.bincount(self.of_likely, weights=odds)[self.of_likely] - odds
        return np.asarray(1 / (1 + np.maximum(others, 0)))

    def free_of_any(self, odds: Doubles) -> Doubles:
        """Return for every pair 1 / (1 + the odds of the likely pairs of its record)."""
        size = int(self.of_any.max(initial=-1)) + 1
        return np.asarray(1 / (1 + np.bincount(self.of_likely, weights=odds, minlength=size)))[self.of_any]
