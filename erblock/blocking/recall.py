"""How much of the matches a cut keeps, estimated without labels.

Every candidate pair has a probability to be a match (by `decoys`; made `exclusive` in two tables, joined with
the support of `paths` in one). The recall of a cut is the share of their sum that it keeps.

The interval joins the binomial error of that share with what the estimate was seen to be wrong by on six
public data sets (docs/recall.md), in squares, as errors that have nothing to do with each other. Matches that
no bucket held are not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.blocking.examples import MATCH, NO_MATCH, UNKNOWN, Verdicts
from erblock.blocking.exclusive import ranked_and_decided
from erblock.blocking.rivalry import known_of_rivals
from erblock.blocking.score import ScoredPairs
from erblock.blocking.sure import groups_apart, sure_pairs
from erblock.comparison.evidence import Evidence
from erblock.hashing.base import Rows, Scores

_LEAST_SURE = 20
_Z = 1.645
LEAST_SEVERAL = 0.03
"""A table whose records have several matches less than so far is one whose records have one."""
_TOO_HIGH, _TOO_LOW = 0.0295, 0.021
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
    `several`: how far, 0 to 1, left records, and right ones, are seen to have several matches; `by_signal`:
    log odds of a pair by its signal alone, where some are.
    """

    log_odds: Doubles | None
    decided: Doubles | None = None
    verdicts: Verdicts | None = None
    several: tuple[float, float] = (0.0, 0.0)
    by_signal: Evidence | None = None

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
        if not np.isin(verdicts, (MATCH, NO_MATCH)).any():
            return self
        if self.log_odds is None or self.probability is None:
            return replace(self, verdicts=verdicts)
        probability = _bounded(self.probability, verdicts, expit([_TOLD, -_TOLD]))
        log_odds = _bounded(self.log_odds, verdicts, (_TOLD, -_TOLD))
        return replace(self, log_odds=log_odds, decided=probability)


def _bounded(values: Doubles, verdicts: Verdicts, bounds: Sequence[float]) -> Doubles:
    """Return the values: of labelled matches the first bound at least, of non-matches the second at most."""
    bounded = values.copy()
    matches, others = verdicts == MATCH, verdicts == NO_MATCH
    bounded[matches] = np.maximum(values[matches], bounds[0])
    bounded[others] = np.minimum(values[others], bounds[1])
    return bounded


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
    read = known_of_rivals(pairs, signal, verdicts, seed)
    # Rivals hear of a labelled match, but not as if no label were ever wrong.
    heard = _bounded(read.known.alone, verdicts, (_HEARD, -_HEARD))
    ranked, decided = ranked_and_decided(replace(pairs, rivalry=read.rivalry), heard)
    if max(read.several) < LEAST_SEVERAL:
        return ExpectedMatches(ranked, decided)
    by_signal = read.known.calibration_by_signal()
    return ExpectedMatches(ranked, decided, several=read.several, by_signal=by_signal)
