"""Column evidence: learned from some candidates and added to the ranking of all.

A model has the evidence that was learned when it was fitted, with rules and labels. Without a model, the
evidence is learned from the candidates themselves: from seed pairs and their competitors. The module
`knowledge` learns the evidence of a fit.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Examples, fit_evidence
from erblock.comparison.fitted import FittedEvidence, read_evidence
from erblock.comparison.large import ComparisonByColumn, comparison_of
from erblock.comparison.measures import Floats
from erblock.comparison.vectors import Comparison
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.hashing.base import Progress, Rows, Scores, silent
from erblock.pipeline.model import model_folder
from erblock.scoring.competition import ONE_TO_ONE, declared, with_evidence
from erblock.scoring.doubts import Doubts, find_doubts
from erblock.scoring.look_alikes import among_look_alikes, makes_mutual
from erblock.scoring.pairs import ScoredPairs, best_of_either
from erblock.scoring.weak_labels import (
    LEAST_EXAMPLES,
    UNKNOWN,
    PairLabels,
    choose_examples,
)
from erblock.tables.read import TablePair

LEARNED_FROM = 20
"""The number of best candidates per record that evidence is learned from."""

_COMPARED, _LEAST_COMPARED, _COMPARED_IN_ALL = 60, 3, 10_000_000
"""Limits on the candidates whose columns are compared: maximum and minimum per record, and maximum in all.

Comparing takes most of the time for large tables, and a match rarely has a lower rank.
"""


def learned_from(
    scored: ScoredPairs,
    pair_labels: PairLabels,
    tables: TablePair,
    weights: Floats,
    on_progress: Progress = silent,
) -> "ColumnEvidence | None":
    """Return the evidence learned from these pairs; None if there are too few seed pairs."""
    on_progress("learn", 0, 4)
    columns = compared_columns(tables)
    comparison = comparison_of(tables, columns, weights)
    on_progress("learn", 1, 4)
    doubts = find_doubts(scored, comparison)
    pair_labels = doubts.among(scored, pair_labels)
    one_match = among_look_alikes(scored, pair_labels, comparison)
    chosen = choose_examples(declared(scored, ONE_TO_ONE) if one_match else scored, pair_labels)
    if chosen.matches.sum() < LEAST_EXAMPLES or not columns:
        on_progress("learn", 4, 4)
        return None
    on_progress("learn", 2, 4)
    vectors = comparison.vectors(scored.left[chosen.at], scored.right[chosen.at])
    on_progress("learn", 3, 4)
    examples = Examples(vectors, chosen.matches, chosen.sample_weight, chosen.unlabelled)
    evidence = fit_evidence(examples, comparison.agrees)
    on_progress("learn", 4, 4)
    fitted = FittedEvidence(columns, comparison.names, evidence)
    return ColumnEvidence(fitted, weights, tables, comparison, doubts, one_match)


@dataclass(frozen=True)
class ColumnEvidence:
    """Fitted column evidence with the tables whose records it compares.

    Creating the `comparison` reads all records of both tables, or parts of them for large tables.
    `one_match`: whether every record has at most one match, although look-alikes hide it.
    """

    fitted: FittedEvidence
    weights: Floats
    tables: TablePair
    comparison: Comparison
    doubts: Doubts
    one_match: bool

    def between(self, left: Rows, right: Rows) -> Scores:
        """Return the log odds of a match for each pair of row numbers."""
        return self.fitted.log_odds_by(self.comparison, left, right)

    def within(self, rows: Rows, others: Rows, *, right: bool) -> Scores:
        """Return the log odds of a match for pairs within one table, by the evidence for both tables."""
        one = TablePair(self.tables.other if right else self.tables.left, None, ())
        columns = tuple(column.of_side(right=right) for column in self.fitted.columns)
        comparison = ComparisonByColumn(one, columns, self.weights)
        comparison.on_progress = self.comparison.on_progress
        return comparison.log_odds(self.fitted.evidence, rows, others)


@dataclass(frozen=True)
class Weighed:
    """Candidates after weighing their columns.

    `scored`: the candidates with their scores. `signal`: the second input of the calibration: the log odds by
    the columns or, without column evidence, the similarity. `evidence`: the column evidence, if any.
    """

    scored: ScoredPairs
    signal: Scores
    evidence: ColumnEvidence | None = None

    def doubted(self, pair_labels: PairLabels) -> PairLabels:
        """Return the pair labels, with seed pairs marked that chance explains as well (`scoring.doubts`)."""
        return pair_labels if self.evidence is None else self.evidence.doubts.among(self.scored, pair_labels)


def weigh(config: Config, found: Candidates, on_progress: Progress = silent) -> Weighed:
    """Return the candidates with the column evidence added to the score, if there is any."""
    scored, evidence = found.scored, _evidence(config, found, on_progress)
    if evidence is None:
        return Weighed(scored, scored.similarity)
    records = len(scored.best_left) + (0 if scored.one_table else len(scored.best_right))
    most = max(_LEAST_COMPARED, min(_COMPARED, _COMPARED_IN_ALL // max(records, 1)))
    compared = best_of_either(scored, most)
    evidence.comparison.on_progress = on_progress
    odds = evidence.between(scored.left[compared], scored.right[compared])
    log_odds = np.full(len(scored), odds.min(), dtype=np.float32)
    log_odds[compared] = odds
    scored = declared(scored, ONE_TO_ONE) if evidence.one_match else scored
    return Weighed(with_evidence(scored, log_odds), log_odds, evidence)


def _evidence(config: Config, found: Candidates, on_progress: Progress) -> ColumnEvidence | None:
    """Return the column evidence of the model or, without a model, evidence learned from the candidates."""
    folder = model_folder(config.block)
    if found.tables is None or found.weights is None or not len(found.scored):
        return None
    fitted = None if folder is None else read_evidence(folder)
    if folder is not None and fitted is None:
        return None
    best = found.scored.at(best_of_either(found.scored, LEARNED_FROM))
    if fitted is not None:
        comparison = comparison_of(found.tables, fitted.columns, found.weights)
        one_match = makes_mutual(best, partial(fitted.log_odds_by, comparison))
        doubts = find_doubts(best, comparison)
        return ColumnEvidence(fitted, found.weights, found.tables, comparison, doubts, one_match)
    unknown = np.full(len(best), UNKNOWN, dtype=np.int8)
    return learned_from(best, unknown, found.tables, found.weights, on_progress)
