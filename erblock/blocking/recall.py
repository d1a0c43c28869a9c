"""How much of the matches a cut keeps, estimated without labels.

Every candidate pair has a probability to be a match (by `decoys`; made `exclusive` in two tables, joined with
the support of `paths` in one). The recall of a cut is the share of their sum that it keeps.

The interval joins the binomial error of that share with what the estimate was seen to be wrong by on six
public data sets (docs/recall.md), in squares, as errors that have nothing to do with each other. Matches that
no bucket held are not seen.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from erblock.blocking.examples import MATCH, NO_MATCH, UNKNOWN, Verdicts
from erblock.blocking.exclusive import ranked_and_decided
from erblock.blocking.rivalry import known_of_rivals
from erblock.blocking.score import ScoredPairs
from erblock.blocking.sure import groups_apart, sure_pairs
from erblock.hashing.base import Rows, Scores

_LEAST_SURE = 20
_Z = 1.645
_TOO_HIGH, _TOO_LOW = 0.032, 0.023
_TOLD, _HEARD = 7.0, 4.0
"""Log odds of what a label says at least: of its pair, and to rivals. One in fifty may be wrong."""

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
    `verdicts`: what labels say of each pair, where there are no log odds that they could go over.
    """

    log_odds: Doubles | None
    decided: Doubles | None = None
    verdicts: Verdicts | None = None

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

    def told(self, verdicts: Verdicts) -> "ExpectedMatches":
        """Return the same with what labels say of some pairs going over it."""
        limit = _limits(verdicts, _TOLD)
        if not limit.any():
            return self
        if self.log_odds is None or self.probability is None:
            return replace(self, verdicts=verdicts)
        probability = expit(_within(logit(self.probability), limit))
        return ExpectedMatches(_within(self.log_odds, limit), probability)


def _limits(verdicts: Verdicts, told: float) -> Doubles:
    """Return `told` for labelled matches, minus that for labelled non-matches, and zero for the rest."""
    return np.select([verdicts == MATCH, verdicts == NO_MATCH], [told, -told], 0.0)


def _within(log_odds: Doubles, limit: Doubles) -> Doubles:
    """Return the log odds, up to a limit above zero where there is one, and down to one below."""
    raised, lowered = np.maximum(log_odds, limit), np.minimum(log_odds, limit)
    return np.select([limit > 0, limit < 0], [raised, lowered], log_odds)


def expected_matches(
    pairs: ScoredPairs, signal: Scores, verdicts: Verdicts | None = None, seed: int = 0
) -> ExpectedMatches:
    """Return log odds and probabilities of `pairs`.

    `signal`: what speaks for a match beside the ranking; `verdicts`: what labels say of each pair. Others are
    learned from them, and rivals hear of them; over the pair's own log odds they go by `told`.
    """
    if min(len(sure_pairs(pairs)), len(groups_apart(pairs))) < _LEAST_SURE:
        return ExpectedMatches(None)
    if verdicts is None:
        verdicts = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    known = known_of_rivals(pairs, signal, verdicts, seed)
    alone = known.calibration().log_odds(known.of_all).astype(np.float64)
    heard = _limits(verdicts, _HEARD)
    # Rivals hear of a labelled match, but not as if no label were ever wrong.
    return ExpectedMatches(*ranked_and_decided(known.pairs, _within(alone, heard) if heard.any() else alone))
