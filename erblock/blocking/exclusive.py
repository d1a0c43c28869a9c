"""Probabilities of pairs whose records have one match at most.

Where candidates of a record of two tables are rivals, what one candidate is likely the others cannot be. The
odds that pairs have by themselves become the probabilities of edges in a matching, by belief propagation (the
Bethe approximation of the monomer-dimer model; Zdeborova and Mezard 2006). In one table any record may have
several matches: there a match of a match is a match.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.blocking.ranking import EXCLUSIVE, rivalries
from erblock.blocking.score import ScoredPairs
from erblock.hashing.base import Rows, Scores

_ROUNDS = 30
_MOST_ODDS = 1e4

Doubles = npt.NDArray[np.float64]


def probabilities(pairs: ScoredPairs, log_odds: Scores) -> Doubles:
    """Return the probability of each pair to be a match.

    On the sides where a record has one match at most, each record sends each of its candidates the chance
    that none of its other candidates is its match.
    """
    left, right = (rivalry > EXCLUSIVE and not pairs.one_table for rivalry in rivalries(pairs))
    if not (left or right):
        return np.asarray(expit(log_odds.astype(np.float64)))
    odds = np.exp(np.minimum(log_odds.astype(np.float64), np.log(_MOST_ODDS)))
    free_left, free_right = np.ones(len(odds)), np.ones(len(odds))
    for _ in range(_ROUNDS):
        to_left = _free(pairs.left, odds * free_right) if left else free_left
        to_right = _free(pairs.right, odds * free_left) if right else free_right
        free_left, free_right = (free_left + to_left) / 2, (free_right + to_right) / 2
    return np.asarray(expit(np.log(np.maximum(odds * free_left * free_right, 1e-300))))


def _free(records: Rows, odds: Doubles) -> Doubles:
    """Return for every pair 1 / (1 + the odds of the other pairs of its record)."""
    others = np.bincount(records, weights=odds)[records] - odds
    return np.asarray(1 / (1 + np.maximum(others, 0)))
