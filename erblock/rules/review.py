"""Reviews rules on real tables before any training: counts, coverage, borderline pairs, verdicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from erblock.errors import RuleError
from erblock.rules.compile import FALSE, TRUE, UNKNOWN, RuleSet, Truth
from erblock.rules.label import DISSIMILAR, SIMILAR, UNSURE, labels_of
from erblock.rules.margin import margins
from erblock.rules.pairs import labelling_pairs
from erblock.rules.verdict import Verdict, judge_rules
from erblock.similarity import Rows
from erblock.tables.read import Records, TablePair
from erblock.tables.schemas import ID


@dataclass(frozen=True)
class RuleCount:
    """How often one rule holds on the sample."""

    name: str
    text: str
    true: int
    false: int
    unknown: int


@dataclass(frozen=True)
class SidePair:
    """Two records side by side, with the label of the pair and its margin to the other label."""

    label: int
    margin: float
    left_id: Any
    right_id: Any
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Coverage:
    """Counts of one table: records with a positive, all records, and the record with the most positives."""

    source: str
    covered: int
    records: int
    busiest_id: Any
    most_positives: int

    @property
    def share(self) -> float:
        """Share of the records that have at least one positive."""
        return self.covered / self.records


@dataclass(frozen=True)
class Review:
    """The findings of `review_rules` on a sample of `pairs` pairs."""

    pairs: int
    positives: int
    negatives: int
    unknowns: int
    conflicts: int
    rules: tuple[RuleCount, ...]
    coverage: tuple[Coverage, ...]
    borderline: tuple[SidePair, ...]
    verdicts: tuple[Verdict, ...]


def review_rules(tables: TablePair, rules: RuleSet, budget: int, seed: int, show: int = 10) -> Review:
    """Return what the rules say about at most `budget` labelling pairs, and `show` borderline ones.

    Raises:
        RuleError: if there are no rules.
    """
    if not rules.rules:
        raise RuleError("there are no rules to check; add some under match in [rules], or run erblock init")
    pairs = labelling_pairs(tables, budget, seed)
    left, right = pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy()
    truth = rules.evaluate(left, right)
    label = labels_of(rules, truth).label
    return Review(
        pairs=pairs.height,
        positives=int((label == SIMILAR).sum()),
        negatives=int((label == DISSIMILAR).sum()),
        unknowns=int((label == UNSURE).sum()),
        conflicts=int(
            ((truth[rules.match] == TRUE).any(axis=0) & (truth[rules.conflict] == TRUE).any(axis=0)).sum()
        ),
        rules=_counts(rules, truth),
        coverage=_coverage(tables, left[label == SIMILAR], right[label == SIMILAR]),
        borderline=_borderline(tables, rules, pairs.with_columns(label=pl.Series(label)), show),
        verdicts=judge_rules(tables, rules, left, right, truth),
    )


def _counts(rules: RuleSet, truth: Truth) -> tuple[RuleCount, ...]:
    return tuple(
        RuleCount(
            rule.source.name,
            rule.source.text,
            *(int((found == value).sum()) for value in (TRUE, FALSE, UNKNOWN)),
        )
        for rule, found in zip(rules.rules, truth, strict=True)
    )


def _coverage(tables: TablePair, left: Rows, right: Rows) -> tuple[Coverage, ...]:
    if tables.dedup:
        return (_covered(tables.left, np.concatenate([left, right])),)
    return _covered(tables.left, left), _covered(tables.other, right)


def _covered(table: Records, rows: Rows) -> Coverage:
    counts = np.bincount(rows, minlength=table.frame.height)
    busiest = int(counts.argmax())
    covered = int((counts > 0).sum())
    return Coverage(table.source, covered, len(counts), table.frame[ID][busiest], int(counts[busiest]))


def _borderline(tables: TablePair, rules: RuleSet, labelled: pl.DataFrame, show: int) -> tuple[SidePair, ...]:
    """Return the positives and the negatives nearest to the other label, half of each."""
    known = labelled.filter(pl.col("label") != UNSURE)
    margin = margins(rules, known["left_row"].to_numpy(), known["right_row"].to_numpy())
    near = known.with_columns(margin=pl.Series(margin).abs()).filter(pl.col("margin").is_not_nan())
    near = near.sort("margin", maintain_order=True)
    chosen = [near.filter(pl.col("label") == label) for label in (SIMILAR, DISSIMILAR)]
    half = min(chosen[0].height, (show + 1) // 2)
    rows = [*chosen[0].head(half).rows(named=True), *chosen[1].head(show - half).rows(named=True)]
    return tuple(_side_by_side(tables, row) for row in rows)


def _side_by_side(tables: TablePair, row: dict[str, Any]) -> SidePair:
    left, right = (
        tables.left.frame.row(row["left_row"], named=True),
        tables.other.frame.row(row["right_row"], named=True),
    )
    columns = {pair.name: (left[pair.left], right[pair.right]) for pair in tables.columns}
    return SidePair(row["label"], round(row["margin"], 4), left[ID], right[ID], columns)
