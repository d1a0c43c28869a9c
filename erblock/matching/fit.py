"""Probabilities of a match, learned from few labels or none.

Pairs beyond doubt stand for the matches, and their rivals for the rest. But a rival looks worse beside its
record's match than the best candidate of a record that has no match, and it is the latter that must not pass
for one. So some records are orphaned: their match is taken away, what is left is ranked as if it had never
been, and goes among the non-matches. It is the decoy of proteomics (Elias and Gygi 2007): a known non-match
that had every chance to look like a match. A logistic regression of the ranking score and of the evidence on
all of these gives probabilities that hold for records with a match and without one.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from erblock.blocking.examples import (
    AGREE,
    LABEL_COUNTS,
    MATCH,
    NO_MATCH,
    PairExamples,
    Verdicts,
    choose_examples,
)
from erblock.blocking.ranking import ranking, rivalries, with_evidence
from erblock.blocking.score import ScoredPairs
from erblock.blocking.sure import groups_apart, sure_pairs
from erblock.comparison.evidence import Evidence, Examples, fit_evidence
from erblock.comparison.vectors import Comparison
from erblock.errors import ConfigError
from erblock.hashing.base import Scores
from erblock.matching.assign import How

_ORPHANED = 1 / 3
_LEAST_OF_EITHER = 20
_ALONE = 0.8
_BOTH_AGREE = np.array([True, True])

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Matcher:
    """What the columns say, what this and the ranking make of a pair, and whether candidates are rivals."""

    evidence: Evidence
    calibration: Evidence
    rivalry: tuple[float, float]

    def probability(self, pairs: ScoredPairs, log_odds: Scores) -> Scores:
        """Return the probability of each pair to be a match; `log_odds` are those of the evidence."""
        weighed = with_evidence(replace(pairs, rivalry=self.rivalry), log_odds)
        return np.asarray(expit(self.calibration.log_odds(_inputs(weighed, log_odds))), dtype=np.float32)

    @property
    def how(self) -> How:
        """How the tables' records match: one to one unless a record's candidates are no rivals."""
        left, right = (side > _ALONE for side in self.rivalry)
        if left and right:
            return "one-to-one"
        if left:
            return "many-to-one"
        return "one-to-many" if right else "clusters"


def fit_matcher(pairs: ScoredPairs, comparison: Comparison, verdicts: Verdicts, seed: int) -> Matcher:
    """Return a matcher learned from the pairs themselves and what rules and labels say of them.

    Raises:
        ConfigError: if too few pairs are beyond doubt or labelled, or too few are not matches, to learn from.
    """
    chosen = choose_examples(pairs, verdicts)
    _check_enough(chosen)
    vectors = comparison.vectors(pairs.left[chosen.at], pairs.right[chosen.at])
    evidence = fit_evidence(Examples(vectors, chosen.matches, chosen.counts), comparison.agrees)
    log_odds = comparison.log_odds(evidence, pairs.left, pairs.right)
    weighed = with_evidence(pairs, log_odds)
    calibration = fit_evidence(_calibrating(weighed, log_odds, verdicts, seed), _BOTH_AGREE)
    return Matcher(evidence, calibration, rivalries(pairs))


def _check_enough(chosen: PairExamples) -> None:
    matches = int(chosen.matches.sum())
    for found, what in (
        (matches, "stand out or are labelled as matches"),
        (len(chosen.at) - matches, "are near one that is a match, or labelled as none"),
    ):
        if found < _LEAST_OF_EITHER:
            raise ConfigError(
                f"only {found} candidate pairs {what}, {_LEAST_OF_EITHER} are needed to learn from; "
                "give more --labels, or block with more candidates"
            )


def _inputs(pairs: ScoredPairs, log_odds: Scores) -> Floats:
    return np.column_stack([ranking(pairs), log_odds]).astype(np.float32)


def _calibrating(pairs: ScoredPairs, log_odds: Scores, verdicts: Verdicts, seed: int) -> Examples:
    """Return ranking and evidence of matches, of rivals, and of candidates of orphaned records."""
    sure, nearest = _mask(pairs, sure_pairs(pairs)), _mask(pairs, groups_apart(pairs))
    likely = sure | nearest | np.isin(verdicts, (AGREE, MATCH))
    supposed = sure | nearest if min(rivalries(pairs)) < 1 else sure
    matches = (supposed | (verdicts == MATCH)) & (verdicts != NO_MATCH)
    orphaned = _of_orphans(pairs, np.flatnonzero(sure), seed)
    left = ~(likely & orphaned)
    decoys = np.flatnonzero(orphaned & left)
    without = np.full(len(pairs), np.nan, dtype=np.float32)
    without[left] = ranking(pairs.at(np.flatnonzero(left)))
    rivals = (_shares_record(pairs, sure) & ~likely & ~orphaned) | (verdicts == NO_MATCH)
    inputs = _inputs(pairs, log_odds)
    orphans = np.column_stack([without, log_odds]).astype(np.float32)[decoys]
    known = np.flatnonzero(matches | rivals)
    counts = np.where(np.isin(verdicts[known], (MATCH, NO_MATCH)), LABEL_COUNTS, 1.0)
    return Examples(
        np.concatenate([inputs[known], orphans]),
        np.concatenate([matches[known], np.zeros(len(decoys), dtype=bool)]),
        np.concatenate([counts, np.ones(len(decoys))]).astype(np.float32),
    )


def _of_orphans(pairs: ScoredPairs, sure: npt.NDArray[np.int64], seed: int) -> Mask:
    """Mark the pairs of some records of sure pairs; of two tables, one of the two records of a pair."""
    random = np.random.default_rng(seed)
    drawn = sure[random.random(len(sure)) < _ORPHANED]
    of_left = random.random(len(drawn)) < 0.5
    left = np.zeros(len(pairs.best_left), dtype=bool)
    right = left if pairs.one_table else np.zeros(len(pairs.best_right), dtype=bool)
    left[pairs.left[drawn[of_left | pairs.one_table]]] = True
    right[pairs.right[drawn[~of_left | pairs.one_table]]] = True
    return np.asarray(left[pairs.left] | right[pairs.right])


def _shares_record(pairs: ScoredPairs, chosen: Mask) -> Mask:
    left = np.zeros(len(pairs.best_left), dtype=bool)
    right = left if pairs.one_table else np.zeros(len(pairs.best_right), dtype=bool)
    left[pairs.left[chosen]] = True
    right[pairs.right[chosen]] = True
    return np.asarray(left[pairs.left] | right[pairs.right])


def _mask(pairs: ScoredPairs, at: npt.NDArray[np.int64]) -> Mask:
    mask = np.zeros(len(pairs), dtype=bool)
    mask[at] = True
    return mask
