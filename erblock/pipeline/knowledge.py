"""Supervision of a fit by rules and labels, and the column evidence that a fit learns.

This module is separate from `evidence` because it imports the parser of rules, which a run without rules does
not need.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from erblock.blocking.candidates import JoinReport
from erblock.blocking.score import score_candidates
from erblock.comparison.fitted import FittedEvidence
from erblock.hashing.base import Hasher, Progress, Rows
from erblock.pipeline.evidence import LEARNED_FROM, learned_from
from erblock.pipeline.inputs import texts_of
from erblock.rules.compile import RuleSet, compile_rules
from erblock.rules.label import NO_RULE, SIMILAR
from erblock.rules.triplets import FROM_LABELS, labelled_pairs
from erblock.scoring.pairs import ScoredPairs, best_of_either
from erblock.scoring.weak_labels import AGREE, CONFLICT, MATCH, NO_MATCH, UNKNOWN, PairLabels
from erblock.tables.read import Records, TablePair

_SAMPLE = 20_000


@dataclass(frozen=True)
class Knowledge:
    """Supervision: match and conflict rules, and labels (left_id, right_id, label) or None."""

    rules: tuple[tuple[str, ...], tuple[str, ...]]
    labels: pl.DataFrame | None

    def of(self, tables: TablePair, pairs: ScoredPairs) -> PairLabels:
        """Return the label that the rules and labels give each pair."""
        rows = pl.DataFrame({"left_row": pairs.left, "right_row": pairs.right})
        rules = compile_rules(*self.rules, tables)
        asked = rows.with_columns(origin=pl.lit("candidates"))
        found = labelled_pairs(tables, rules, asked, self.labels)
        joined = rows.join(found, on=["left_row", "right_row"], how="left", maintain_order="left")
        return _pair_labels(joined["label"].to_numpy(), joined["rule"].to_numpy(), rules)


def _pair_labels(label: Rows, rule: Rows, rules: RuleSet) -> PairLabels:
    pair_labels = np.full(len(label), UNKNOWN, dtype=np.int8)
    pair_labels[label == SIMILAR] = AGREE
    # A pair for which no match rule holds can still match; a conflict rule is strong evidence.
    pair_labels[np.isin(rule, rules.conflict) & (rule != NO_RULE)] = CONFLICT
    labelled = rule == FROM_LABELS
    pair_labels[labelled] = np.where(label[labelled] == SIMILAR, MATCH, NO_MATCH)
    return pair_labels


def sample_of(tables: TablePair, seed: int) -> TablePair:
    """Return at most 20,000 records of each table, drawn at random, in the order of their ids."""
    random = np.random.default_rng(seed)

    def drawn(records: Records) -> Records:
        size = records.frame.height
        if size <= _SAMPLE:
            return records
        return replace(records, frame=records.frame[np.sort(random.permutation(size)[:_SAMPLE])])

    return replace(
        tables, left=drawn(tables.left), right=None if tables.right is None else drawn(tables.right)
    )


def learn_evidence(
    sample: TablePair, hasher: Hasher, known: Knowledge, on_progress: Progress
) -> FittedEvidence | None:
    """Return the evidence learned from the candidates in a sample; None if there are too few seed pairs."""
    texts = texts_of(sample)
    left = hasher.sketch(texts.left)
    right = None if texts.dedup else hasher.sketch(texts.right)
    scored = score_candidates(left, right, JoinReport(), on_progress)
    scored = scored.at(best_of_either(scored, LEARNED_FROM))
    learned = learned_from(scored, known.of(sample, scored), sample, hasher.weights, on_progress)
    return None if learned is None else learned.fitted
