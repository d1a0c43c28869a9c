"""Target-decoy calibration: probabilities of a match from ranking scores.

Seed pairs are the examples of matches, and their competitors are examples of non-matches. But beside the
match of its record, a competitor ranks lower than the best candidate of a record without a match. Such a
candidate must not pass for a match, either. So some records are orphaned: their match is taken away, their
other candidates are ranked as if it had never existed, and these become non-matches, too. They are decoys as
in proteomics (Elias and Gygi 2007, https://doi.org/10.1038/nmeth1019): known non-matches that had every
chance to look like a match. A logistic regression has two inputs: the ranking score, and the signal, which is
the log odds of the columns, or the similarity where there are none. It gives probabilities that hold for
records with and without a match. In one table the candidates of an orphan include the rest of its cluster, so
there the sample weight of non-matches is the competition.

These examples do not show how many records have a match, because the share of orphans is fixed. In two tables
the share of matches among records' best candidates is found by expectation maximisation: at the solution it
equals the mean of their probabilities (Saerens, Latinne and Decaestecker 2002, Adjusting the Outputs of a
Classifier to New a Priori Probabilities, https://doi.org/10.1162/089976602753284446).

Decision: docs/decisions/025-target-decoy-calibration.md.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from erblock.comparison.evidence import Evidence, Examples, fit_evidence
from erblock.hashing.base import Rows, Scores
from erblock.scoring.competition import competition_of, ranking
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.seeds import gap_separated_pairs, seed_pairs
from erblock.scoring.weak_labels import AGREE, CONFLICT, DOUBTED, MATCH, NO_MATCH, PairLabels, TaughtPairs

_ROUNDS = 50
_MOST = 400_000
"""Largest number of competitors to learn from; of more, an even sample is weighted up."""
_LEAST_SHARE, _MOST_SHARE = 0.01, 0.99

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def inputs_of(pairs: ScoredPairs, signal: Scores) -> Floats:
    """Return the (pairs, 2) inputs of a calibration: ranking score and signal."""
    return np.column_stack([ranking(pairs), signal]).astype(np.float32)


@dataclass(frozen=True)
class CalibrationSet:
    """Examples of a calibration, and its inputs.

    Of each example: `at`, its position in `pairs`; `matches`, its class; `sample_weight`; `inputs`,
    (examples, 2), ranking score and signal; `labelled`, whether a label gives the class. A candidate of an
    orphan has the ranking score that it has when the orphan's match is taken away. Of each of all `pairs`:
    `of_all`, (pairs, 2), ranking score and signal; `pair_labels`, its label by rules and by hand.
    `competitors_may_match`: competitors count as unlabelled instead of non-matches. Where records have
    several matches, this gives better probabilities and a worse order of the pairs
    (docs/decisions/026-unlabelled-competitors.md).
    """

    at: Rows
    matches: Mask
    sample_weight: Floats
    inputs: Floats
    labelled: Mask
    pairs: ScoredPairs
    of_all: Floats
    pair_labels: PairLabels
    competitors_may_match: bool = False

    def taught(self, pairs: TaughtPairs) -> "CalibrationSet":
        """Return the calibration set with the given labels of `pairs` in place of supposed ones."""
        at, matches, sample_weight = pairs.examples()
        rest = self[~np.isin(self.at, pairs.at)]
        return replace(
            rest,
            at=np.concatenate([rest.at, at]),
            matches=np.concatenate([rest.matches, matches]),
            sample_weight=np.concatenate([rest.sample_weight, sample_weight]),
            inputs=np.concatenate([rest.inputs, self.of_all[at]]),
            labelled=np.concatenate([rest.labelled, np.ones(len(at), dtype=bool)]),
        )

    def __getitem__(self, chosen: Mask) -> "CalibrationSet":
        return replace(
            self,
            at=self.at[chosen],
            matches=self.matches[chosen],
            sample_weight=self.sample_weight[chosen],
            inputs=self.inputs[chosen],
            labelled=self.labelled[chosen],
        )

    @cached_property
    def alone(self) -> Doubles:
        """The log odds of every pair, computed from its ranking score and signal before competition."""
        return self.calibration.log_odds(self.of_all).astype(np.float64)

    @cached_property
    def calibration(self) -> Evidence:
        """The regression on ranking score and signal."""
        return self.calibration_with(None)

    def calibration_by_signal(self) -> Evidence:
        """Return the regression on the signal alone."""
        return fit_evidence(
            Examples(self.inputs[:, 1:], self.matches, self.sample_weight), np.ones(1, dtype=bool)
        )

    def calibration_with(self, third: Scores | None) -> Evidence:
        """Return the regression on ranking score, signal and, if given, a third input of all pairs."""
        inputs = beside(self.inputs, None if third is None else third[self.at])
        unlabelled = ~self.matches & ~self.labelled if self.competitors_may_match else None
        examples = Examples(inputs, self.matches, self.sample_weight, unlabelled)
        learned = fit_evidence(examples, np.ones(inputs.shape[1], dtype=bool))
        if self.pairs.one_table:
            return learned
        best = np.flatnonzero(_best(self.pairs, self.of_all[:, 0]))
        log_odds = learned.log_odds(beside(self.of_all[best], None if third is None else third[best]))
        shift = _shift(log_odds, self._share(), self.pair_labels[best])
        return replace(learned, intercept=learned.intercept + shift)

    def _share(self) -> float:
        """Return the share of matches among the examples that are best candidates of records."""
        others = np.flatnonzero(~self.matches)
        best = others[_best(self.pairs.at(self.at[others]), self.inputs[others, 0])]
        matches = float(self.sample_weight[self.matches].sum())
        return matches / max(matches + float(self.sample_weight[best].sum()), 1.0)


def _best(pairs: ScoredPairs, ranking: Scores) -> Mask:
    """Mark the pairs that are ranked highest for either of their records."""
    highest = pairs.by_side(ranking, _highest)
    return np.asarray((ranking >= highest[0][pairs.left]) | (ranking >= highest[1][pairs.right]))


def _highest(records: Rows, ranking: Scores, size: int) -> Scores:
    highest = np.full(size, -np.inf, dtype=np.float32)
    np.maximum.at(highest, records, ranking)
    return highest


def _shift(log_odds: Scores, share: float, pair_labels: PairLabels) -> float:
    """Return the shift of log odds that turns the share of matches `share` into that of these pairs.

    Each round is a step of expectation maximisation: the share is the mean of the probabilities, and log odds
    move by the difference of its logits (Saerens et al. 2002), with labels fixed.
    """
    known = logit(np.clip(share, _LEAST_SHARE, _MOST_SHARE))
    by_label = np.select([pair_labels == MATCH, pair_labels == NO_MATCH], [1.0, 0.0], np.nan)
    shift = 0.0
    for _ in range(_ROUNDS):
        found = np.where(np.isnan(by_label), expit(log_odds + shift), by_label).mean()
        shift = float(logit(np.clip(found, _LEAST_SHARE, _MOST_SHARE)) - known)
    return shift


def beside(inputs: Floats, third: Scores | None) -> Floats:
    """Return the inputs of a calibration, with `third` as a further column if it is given."""
    return inputs if third is None else np.column_stack([inputs, third]).astype(np.float32)


def calibration_set(pairs: ScoredPairs, signal: Scores, pair_labels: PairLabels, seed: int) -> CalibrationSet:
    """Return the calibration set: seed pairs, their competitors, and the candidates of orphaned records."""
    sure, nearest = _mask(pairs, seed_pairs(pairs)), _mask(pairs, gap_separated_pairs(pairs))
    likely = sure | nearest | np.isin(pair_labels, (AGREE, MATCH))
    believed = ~np.isin(pair_labels, (CONFLICT, DOUBTED))
    sure, nearest = sure & believed, nearest & believed
    supposed = sure | nearest if min(competition_of(pairs)) < 1 else sure
    matches = (supposed | (pair_labels == MATCH)) & (pair_labels != NO_MATCH)
    orphaned = _of_orphans(pairs, np.flatnonzero(sure), seed)
    remaining = ~(likely & orphaned)
    decoys = np.flatnonzero(orphaned & remaining)
    without = np.full(len(pairs), np.nan, dtype=np.float32)
    without[remaining] = ranking(pairs.at(np.flatnonzero(remaining)))
    competitors = (_shares_record(pairs, sure) & ~likely & ~orphaned) | (pair_labels == NO_MATCH)
    inputs = inputs_of(pairs, signal)
    orphans = np.column_stack([without, signal]).astype(np.float32)[decoys]
    step, labelled = 1 + int(competitors.sum()) // _MOST, np.isin(pair_labels, (MATCH, NO_MATCH))
    some = np.zeros(len(pairs), dtype=bool)
    some[np.flatnonzero(competitors)[::step]] = True
    known = np.flatnonzero(matches | (competitors & (some | labelled)))
    apart = min(competition_of(pairs)) if pairs.one_table else 1.0
    sample_weight = np.where(matches, 1.0, apart * step)
    sample_weight[labelled] = TUNED.label_weight
    at = np.concatenate([known, decoys])
    return CalibrationSet(
        at,
        np.concatenate([matches[known], np.zeros(len(decoys), dtype=bool)]),
        np.concatenate([sample_weight[known], np.full(len(decoys), apart)]).astype(np.float32),
        np.concatenate([inputs[known], orphans]),
        labelled[at],
        pairs,
        inputs,
        pair_labels,
    )


def _of_orphans(pairs: ScoredPairs, sure: npt.NDArray[np.int64], seed: int) -> Mask:
    """Mark the pairs of orphaned records: one record (two tables) or both (one table) of some seed pairs."""
    random = np.random.default_rng(seed)
    drawn = sure[random.random(len(sure)) < TUNED.orphaned_share]
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
