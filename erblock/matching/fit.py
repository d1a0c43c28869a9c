"""Probabilities of a match, learned from few labels or none.

The evidence of the columns is learned from seed pairs, rules and labels (`erblock.comparison.evidence`).
Target-decoy calibration turns ranking and evidence into probabilities (`erblock.scoring.target_decoy`).

Decision: docs/decisions/037-no-trees-on-labels.md.
"""

from dataclasses import dataclass, replace

import numpy as np

from erblock.comparison.evidence import Evidence, Examples, fit_evidence
from erblock.comparison.vectors import Comparison
from erblock.errors import ConfigError
from erblock.hashing.base import Scores
from erblock.matching.assign import HAS_ONE_MATCH, How
from erblock.scoring.competition import (
    ONE_TO_ONE,
    competition_of,
    declared,
    sides_with_one_match,
    with_evidence,
)
from erblock.scoring.doubts import find_doubts
from erblock.scoring.look_alikes import among_look_alikes
from erblock.scoring.one_match import probabilities
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.target_decoy import CalibrationSet, beside, calibration_set, inputs_of
from erblock.scoring.weak_labels import (
    LEAST_EXAMPLES,
    NOTHING_TAUGHT,
    PairExamples,
    PairLabels,
    TaughtPairs,
    choose_examples,
)

_IN_CLUSTERS = 0.5
"""Exclusion where clusters are asked for, but candidates show that nearly all records have one match: each of
these two counts half (docs/decisions/033-match-cardinality.md)."""


@dataclass(frozen=True)
class Matcher:
    """The evidence of the columns, its calibration with the ranking, and the competition of both sides."""

    evidence: Evidence
    calibration: Evidence
    competition: tuple[float, float]

    def probability(
        self, pairs: ScoredPairs, log_odds: Scores, logits: Scores | None = None, how: How | None = None
    ) -> Scores:
        """Return the probability of each pair to be a match.

        `log_odds`: those of the evidence. `logits`: those of a language model, if the calibration uses them.
        `how`: the match cardinality, if it is not the one read from the candidates.
        """
        return self.exclusive(pairs, self.alone(pairs, log_odds, logits), how or self.how)

    def alone(self, pairs: ScoredPairs, log_odds: Scores, logits: Scores | None = None) -> Scores:
        """Return the log odds of each pair by itself, before the pairs of a record exclude each other."""
        weighed = with_evidence(replace(pairs, competition=self.competition), log_odds)
        return self.calibration.log_odds(beside(inputs_of(weighed, log_odds), logits))

    def exclusive(self, pairs: ScoredPairs, alone: Scores, how: How) -> Scores:
        """Return the probability of each pair, given the log odds of each pair by itself."""
        return probabilities(pairs, alone, self._exclusion(how)).astype(np.float32)

    def _exclusion(self, how: How) -> tuple[float, float]:
        """Return the extent, 0 to 1, to which a match of a left or right record excludes its other pairs."""
        if how != "clusters":
            left, right = HAS_ONE_MATCH[how]
            return float(left), float(right)
        left, right = sides_with_one_match(self.competition)
        return _IN_CLUSTERS * left, _IN_CLUSTERS * right

    @property
    def how(self) -> How:
        """The match cardinality read from the candidates: one match on sides whose candidates compete."""
        once = sides_with_one_match(self.competition)
        return (
            "clusters" if not any(once) else next(how for how in HAS_ONE_MATCH if HAS_ONE_MATCH[how] == once)
        )


def fit_matcher(pairs: ScoredPairs, comparison: Comparison, pair_labels: PairLabels, seed: int) -> Matcher:
    """Return a matcher learned from the pairs, rules and labels.

    Raises:
        ConfigError: if there are too few seed pairs and labels, or too few non-matches, to learn from.
    """
    return learn(pairs, comparison, pair_labels, seed).matcher


@dataclass(frozen=True)
class Learned:
    """A matcher, the log odds that its evidence gives to all pairs, and its calibration set."""

    matcher: Matcher
    log_odds: Scores
    known: CalibrationSet


def learn(
    pairs: ScoredPairs,
    comparison: Comparison,
    pair_labels: PairLabels,
    seed: int,
    how: How | None = None,
    taught: TaughtPairs = NOTHING_TAUGHT,
) -> Learned:
    """Return the matcher learned from pairs, rules and labels, with its log odds and calibration set.

    `how`: the match cardinality, if it is given. `taught`: labels with a probability or a weight, which
    override all other information on a pair.

    Raises:
        ConfigError: as `fit_matcher`.
    """
    if how is not None and any(HAS_ONE_MATCH[how]):
        pairs = declared(pairs, HAS_ONE_MATCH[how])
    doubts = find_doubts(pairs, comparison)
    doubted = doubts.among(pairs, pair_labels)
    if how is None and among_look_alikes(pairs, doubted, comparison):
        pairs = declared(pairs, ONE_TO_ONE)
    chosen = choose_examples(pairs, doubted).taught(taught)
    _check_enough(chosen)
    vectors = comparison.vectors(pairs.left[chosen.at], pairs.right[chosen.at])
    examples = Examples(vectors, chosen.matches, chosen.sample_weight, chosen.unlabelled)
    evidence = fit_evidence(examples, comparison.agrees)
    log_odds = comparison.log_odds(evidence, pairs.left, pairs.right)
    weighed = with_evidence(pairs, log_odds)
    known = calibration_set(weighed, log_odds, doubts.among(weighed, pair_labels), seed)
    known = replace(known.taught(taught), competitors_may_match=True)
    return Learned(Matcher(evidence, known.calibration, competition_of(weighed)), log_odds, known)


def _check_enough(chosen: PairExamples) -> None:
    matches = int(chosen.matches.sum())
    for found, what in (
        (matches, "stand out or are labelled as matches"),
        (len(chosen.at) - matches, "are near one that is a match, or labelled as none"),
    ):
        if found < LEAST_EXAMPLES:
            raise ConfigError(
                f"only {found} candidate pairs {what}, {LEAST_EXAMPLES} are needed to learn from; "
                "give more --labels, or block with more candidates"
            )
