"""How much of the matches a cut keeps, estimated without labels.

Every candidate pair has a probability to be a match (by `decoys`; made `exclusive` in two tables, joined with
the support of `paths` in one). The recall of a cut is the share of their sum that it keeps.

The interval joins the binomial error of that share with what the estimate was seen to be wrong by on six
public data sets (docs/recall.md), in squares, as errors that have nothing to do with each other. Matches that
no bucket held are not seen.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.blocking.decoys import calibrate, inputs_of
from erblock.blocking.examples import UNKNOWN
from erblock.blocking.exclusive import ranked_and_decided
from erblock.blocking.score import ScoredPairs
from erblock.blocking.sure import groups_apart, sure_pairs
from erblock.hashing.base import Rows, Scores

_LEAST_SURE = 20
_Z = 1.645
_TOO_HIGH, _TOO_LOW = 0.032, 0.023

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RecallEstimate:
    """An estimate of the share of matches kept, with an interval of about 90 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ExpectedMatches:
    """The log odds by which pairs are ranked; None where too little is sure to estimate from.

    `decided`: the probability of each pair to be a match, where it is another than that of these log odds.
    """

    log_odds: Doubles | None
    decided: Doubles | None = None

    @property
    def usable(self) -> bool:
        """Whether there are sure pairs enough to judge by."""
        return self.log_odds is not None

    @property
    def probability(self) -> Doubles | None:
        """The probability of each pair to be a match, where it can be told."""
        if self.decided is not None:
            return self.decided
        return None if self.log_odds is None else np.asarray(expit(self.log_odds))

    def kept(self, at: Rows) -> RecallEstimate | None:
        """Return the estimated recall of the pairs at these positions."""
        probability = self.probability
        if probability is None:
            return None
        total = max(float(probability.sum()), 1.0)
        value = min(float(probability[at].sum()) / total, 1.0)
        error = _Z * float(np.sqrt(value * (1 - value) / total))
        low, high = value - np.hypot(error, _TOO_HIGH), value + np.hypot(error, _TOO_LOW)
        return RecallEstimate(value, float(max(low, 0.0)), float(min(high, 1.0)))

    def reaching(self, target: float, order: Rows) -> int:
        """Return how many of the pairs at these positions, in order, hold this share of all matches.

        All of them, if even they do not.
        """
        probability = self.probability
        if probability is None:
            raise ValueError("there is nothing to estimate from")
        share = np.cumsum(probability[order]) / max(float(probability.sum()), 1e-9)
        return min(int(np.searchsorted(share, target - 1e-9)) + 1, len(order))


def expected_matches(pairs: ScoredPairs, signal: Scores, seed: int = 0) -> ExpectedMatches:
    """Return log odds and probabilities of `pairs`; `signal`: what speaks for a match beside the ranking."""
    if min(len(sure_pairs(pairs)), len(groups_apart(pairs))) < _LEAST_SURE:
        return ExpectedMatches(None)
    verdicts = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    learned = calibrate(pairs, signal, verdicts, seed)
    alone = learned.log_odds(inputs_of(pairs, signal))
    return ExpectedMatches(*ranked_and_decided(pairs, alone))
