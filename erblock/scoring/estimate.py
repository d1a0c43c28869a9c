"""Recall of a cut, estimated without labels: the share of all matches that it keeps.

Every candidate pair has a probability of being a match: `target_decoy` computes it, then `one_match` (two
tables) or `transitive` (one table) changes it. The number of matches that share no bucket is estimated from
the number of bands in which likely matches met (`never_met`). The recall of a cut is the expected number of
matches among its pairs, divided by the expected number among all candidates plus that of matches that share
no bucket.

The interval comes from raising and lowering the log odds of all pairs. It is narrow where probabilities are
near 0 or 1, and wide where matches and non-matches look alike. No recall is stated where more than a quarter
of the expected matches are doubtful (docs/recall.md).

Decisions: docs/decisions/020-pooled-log-odds.md,
docs/decisions/027-recall-from-probabilities.md,
docs/decisions/028-recall-interval.md.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.comparison.evidence import Evidence
from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import competition_of
from erblock.scoring.one_match import ranked_and_decided
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.seeds import gap_separated_pairs, seed_pairs
from erblock.scoring.target_decoy import calibration_set
from erblock.scoring.weak_labels import MATCH, NO_MATCH, UNKNOWN, PairLabels

_LEAST_SURE = 20
_Z = 1.645
Doubles = npt.NDArray[np.float64]


def doubtful_share(probability: npt.NDArray[np.floating]) -> float:
    """Return the share of the expected matches that falls on pairs with doubtful probabilities."""
    if not probability.sum() > 0:
        return 0.0
    is_doubtful = (probability > TUNED.doubtful[0]) & (probability < TUNED.doubtful[1])
    return float(probability[is_doubtful].sum() / probability.sum())


def doubtful_said(share: float) -> str:
    """Return the part of a message that states a `doubtful_share`."""
    low, high = TUNED.doubtful
    return (
        f"{100 * share:.0f} % of the expected ones are in pairs with a probability from {low:g} to {high:g}"
    )


@dataclass(frozen=True)
class RecallEstimate:
    """An estimate of the share of all matches that is kept, with an interval of about 90 %.

    `kept`, `cut_off`, `never_met`: expected number of matches among kept pairs, among the other candidates,
    and among pairs that share no bucket.
    """

    value: float
    low: float
    high: float
    kept: float
    cut_off: float
    never_met: float


@dataclass(frozen=True)
class Unmet:
    """Expected number of matches that share no bucket, as given by two estimators."""

    by_probability: float = 0.0
    by_rarity: float = 0.0

    @property
    def value(self) -> float:
        """The mean of the two estimates."""
        return (self.by_probability + self.by_rarity) / 2


def never_met(probability: Doubles, bands: npt.NDArray[np.uint16], of: int) -> Unmet:
    """Return the expected number of matches that share no bucket; pair i met in `bands[i]` of `of` bands.

    `by_probability`: a pair that meets in m of B bands would have met in none with probability (1 - m/B)**B,
    so it also stands for similar matches that met in none (Horvitz and Thompson 1952). `by_rarity`: computed
    from the numbers of matches that met once and twice (Chao 1987, with the correction for bias). A pair that
    met in no band is a candidate for another reason and counts for neither estimator.
    """
    if of < 2 or not len(probability):
        return Unmet()
    expected = np.bincount(bands, weights=probability, minlength=3)
    times = np.arange(1, len(expected))
    missed = (1 - np.minimum(times / of, 1)) ** of
    once, twice = expected[1:3]
    return Unmet(
        float((expected[1:] * missed / (1 - missed)).sum()),
        float((of - 1) / of * max(once * (once - 1), 0) / (2 * (twice + 1))),
    )


@dataclass(frozen=True)
class ExpectedMatches:
    """The expected matches among scored pairs: log odds, probabilities, and what was estimated beside them.

    `log_odds`: those by which pairs are ranked; None where there are too few seed pairs to estimate from.
    `decided`: the probability of each pair, where it is not that of `log_odds`. `pair_labels`: the labels of
    the pairs, where there are no log odds that they could override. `unmet`: the expected number of matches
    that are no candidates. `multiplicity`: the extent, 0 to 1, to which left and right records have several
    matches. `by_signal`: the calibration on the signal alone (see `target_decoy`), needed where records have
    several matches.
    """

    log_odds: Doubles | None
    decided: Doubles | None = None
    pair_labels: PairLabels | None = None
    multiplicity: tuple[float, float] = (0.0, 0.0)
    by_signal: Evidence | None = None
    unmet: Unmet = Unmet()

    @property
    def usable(self) -> bool:
        """Whether there are enough seed pairs to estimate from."""
        return self.log_odds is not None

    @property
    def probability(self) -> Doubles | None:
        """The probability of each pair to be a match, where it can be estimated."""
        if self.decided is not None:
            return self.decided
        return None if self.log_odds is None else np.asarray(expit(self.log_odds))

    @property
    def doubtful(self) -> float:
        """The share of the expected matches that falls on pairs with doubtful probabilities."""
        return 0.0 if self.probability is None else doubtful_share(self.probability)

    @property
    def can_estimate(self) -> bool:
        """Whether matches stand out clearly enough to estimate their number."""
        return self.usable and self.doubtful <= TUNED.most_doubtful

    def kept(self, at: Rows) -> RecallEstimate | None:
        """Return the estimated recall of the pairs at these positions; None where it cannot be estimated."""
        found = self.along(at, np.array([len(at)]))
        return found[0] if found else None

    def along(self, order: Rows, sizes: Rows) -> list[RecallEstimate]:
        """Return the estimated recall of the first `sizes[i]` pairs of `order` (positions), for each i.

        The list is empty where recall cannot be estimated.
        """
        probability = self.probability
        if probability is None or not self.can_estimate:
            return []
        unmet = sorted((self.unmet.by_probability, self.unmet.by_rarity))
        kept, total = _sums_of_first(probability[order], sizes), float(probability.sum())
        value = np.minimum(kept / max(total + self.unmet.value, 1.0), 1.0)
        error = TUNED.unseen + _Z * np.sqrt(value * (1 - value) / max(total, 1.0))
        low = _shares_kept(probability, (order, sizes), TUNED.log_odds_too_low, unmet[1]) - error
        high = _shares_kept(probability, (order, sizes), -TUNED.log_odds_too_high, unmet[0]) + error
        ends = np.clip(low, 0.0, value), np.clip(high, value, 1.0)
        parts = kept, total - kept, np.full(len(sizes), self.unmet.value)
        columns = (value, *ends, *parts)
        return [RecallEstimate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]

    def reaching(self, target: float, order: Rows) -> int:
        """Return how many of the pairs at these positions, taken in order, reach this estimated recall.

        If all pairs together do not reach this recall, their number is returned.
        """
        probability = self.probability
        if probability is None:
            raise ValueError("there is nothing to estimate from")
        total = float(probability.sum()) + self.unmet.value
        share = np.cumsum(probability[order]) / max(total, 1e-9)
        return min(int(np.searchsorted(share, target - 1e-9)) + 1, len(order))

    def with_labels(self, pair_labels: PairLabels) -> "ExpectedMatches":
        """Return these expectations with the probabilities of labelled pairs replaced by their labels."""
        if not np.isin(pair_labels, (MATCH, NO_MATCH)).any():
            return self
        if self.log_odds is None or self.probability is None:
            return replace(self, pair_labels=pair_labels)
        bounds = np.array([TUNED.label_log_odds, -TUNED.label_log_odds])
        probability = _bounded(self.probability, pair_labels, expit(bounds))
        log_odds = _bounded(self.log_odds, pair_labels, bounds)
        return replace(self, log_odds=log_odds, decided=probability)


def _shares_kept(probability: Doubles, first: tuple[Rows, Rows], shift: float, unmet: float) -> Doubles:
    """Return the share of the matches that each cut keeps if `shift` is added to the log odds of all pairs.

    `first`: positions of the pairs in order, and the sizes of the cuts.
    """
    order, sizes = first
    odds = np.exp(shift)
    shifted = odds * probability / (1 + (odds - 1) * probability)
    return _sums_of_first(shifted[order], sizes) / max(float(shifted.sum()) + unmet, 1e-9)


def _sums_of_first(values: Doubles, sizes: Rows) -> Doubles:
    """Return the sums of the first `sizes[i]` values."""
    return np.concatenate([[0.0], np.cumsum(values)])[sizes]


def _bounded(values: Doubles, pair_labels: PairLabels, bounds: Doubles) -> Doubles:
    """Return the values, bounded for labelled pairs: from below for matches, from above for non-matches."""
    bounded = values.copy()
    matches, others = pair_labels == MATCH, pair_labels == NO_MATCH
    bounded[matches] = np.maximum(values[matches], bounds[0])
    bounded[others] = np.minimum(values[others], bounds[1])
    return bounded


def own_share(pairs: ScoredPairs) -> float:
    """Return the weight, 0 to 1/2, of a pair's own log odds in the pool.

    The weight is 0 where every record has at most one match, because the competitors then decide. In one
    table no record is limited to one match.
    """
    return TUNED.own_share if pairs.one_table else TUNED.own_share * (1 - min(competition_of(pairs)))


def pooled(relative: Doubles, own: Scores, share: float) -> Doubles:
    """Return the weighted mean of two log odds: a logarithmic opinion pool (Genest and Zidek 1986).

    `relative`: log odds from how far a pair stands out among the candidates of its records. `own`: log odds
    from the columns of the pair alone; their weight is `share`.
    """
    return np.asarray((1 - share) * relative + share * np.maximum(own, TUNED.least_own))


def expected_matches(
    pairs: ScoredPairs,
    signal: Scores,
    pair_labels: PairLabels | None = None,
    own: Scores | None = None,
    seed: int = 0,
) -> ExpectedMatches:
    """Return the expected matches among `pairs`.

    `signal`: the second input of the calibration, beside the ranking score (see `target_decoy`).
    `pair_labels`: the label of each pair. Labels enter the calibration and the messages to competitors;
    `with_labels` overrides the labelled pair itself. `own`: the log odds of each pair, computed from its
    columns alone, if known.
    """
    if min(len(seed_pairs(pairs)), len(gap_separated_pairs(pairs))) < _LEAST_SURE:
        return ExpectedMatches(None)
    if pair_labels is None:
        pair_labels = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    known, competition = calibration_set(pairs, signal, pair_labels, seed), competition_of(pairs)
    alone = known.alone if own is None else pooled(known.alone, own, own_share(pairs))
    # Labels may be wrong, so their messages to competitors are less than certain.
    bounds = np.array([TUNED.competitor_log_odds, -TUNED.competitor_log_odds])
    clamped = _bounded(alone, pair_labels, bounds)
    ranked, decided = ranked_and_decided(replace(pairs, competition=competition), clamped)
    if pairs.one_table or min(competition) == max(competition):
        return ExpectedMatches(ranked, decided)
    multiplicity = (1 - competition[0] / max(competition), 1 - competition[1] / max(competition))
    return ExpectedMatches(
        ranked, decided, multiplicity=multiplicity, by_signal=known.calibration_by_signal()
    )
