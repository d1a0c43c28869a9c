"""Verdicts on rules, without labels.

A match rule is judged by three observations. First, if likely matches (mutual best pairs) agree on a column
that the rule does not read, the pairs of a right rule agree on it as much (`likeness`). The column with the
least agreement gives an upper bound of the share of right pairs. Second, one of two tables usually holds
everything once, so most pairs of a right rule are best pairs of that table's records. Third, a right rule
gives few records many partners. This is reported but decides nothing, because a table may hold the same thing
twenty times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from erblock.rules.compile import TRUE, RuleSet, Truth
from erblock.rules.expression import Call, Column, Rule, walk
from erblock.rules.likeness import FEWEST, Likeness
from erblock.similarity import Rows
from erblock.tables.read import ColumnPair, TablePair

Word = Literal["good", "doubtful", "likely wrong", "not checked", "finds nothing"]

_HALF = 0.5
"""Share of right pairs below which a rule is likely wrong."""

_MOSTLY = 0.75
"""Share of right pairs from which on a rule is good: halfway between one half and all.

It is also the least agreement of likely matches on a column that verdicts use. On other columns the two
tables differ in style, so pairs that disagree may be matches.
"""

_FILLED = 0.25
"""Least share of a rule's pairs that must have both values for a column to represent all of them."""


@dataclass(frozen=True)
class Verdict:
    """A rule, its verdict and the reason. `right`: upper bound of the share of its pairs that are right."""

    name: str
    text: str
    word: Word
    reason: str
    right: float | None

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"

    @property
    def usable(self) -> bool:
        """Whether the rule should be kept."""
        return self.word not in {"likely wrong", "finds nothing"}


@dataclass(frozen=True)
class _Bound:
    """Upper bound of the share of a rule's pairs that are right, and the column that gives it."""

    right: float
    reason: str


def judge_rules(
    tables: TablePair, rules: RuleSet, left: Rows, right: Rows, truth: Truth
) -> tuple[Verdict, ...]:
    """Return a verdict on each rule, in order, from its truth on pairs of row numbers."""
    likeness = Likeness(tables, left, right)
    holds = [np.flatnonzero(found == TRUE) for found in truth]
    bounds = _column_bounds(tables, rules, likeness, holds)
    found = (truth[rules.match] == TRUE).any(axis=0) | (not rules.match)
    likely = np.flatnonzero(likeness.mutual & found)
    verdicts = []
    for i, rule in enumerate(rules.rules):
        if rule.kind == "conflict":
            verdicts.append(_on_conflict(rule, truth[i], likely))
            continue
        bounds[i].extend(_best_bound(likeness, holds[i], tables))
        partners = _partners(tables, left[holds[i]], right[holds[i]])
        verdicts.append(_on_match(rule, len(holds[i]), bounds[i], partners))
    return tuple(verdicts)


def _column_bounds(
    tables: TablePair, rules: RuleSet, likeness: Likeness, holds: Sequence[Rows]
) -> list[list[_Bound]]:
    bounds: list[list[_Bound]] = [[] for _ in rules.rules]
    for column in tables.columns:
        asked = [
            i for i in rules.match if len(holds[i]) >= FEWEST and not _reads(rules, rules.rules[i], column)
        ]
        agreed = likeness.agreements(column, [holds[i] for i in asked], _MOSTLY) if asked else None
        if agreed is None:
            continue
        (matches, _), *found = agreed
        for i, (agreement, filled) in zip(asked, found, strict=True):
            if filled >= _FILLED:
                right = float(np.clip(agreement / matches, 0, 1))
                bounds[i].append(
                    _Bound(right, f"in {column.name}, {right:.0%} of its pairs look like matches")
                )
    return bounds


def _reads(rules: RuleSet, rule: Rule, column: ColumnPair) -> bool:
    """Return whether a rule reads the column in either table."""
    names = set(_names(rules, rule))
    return bool(names & {("left", column.left), ("right", column.right), ("both", column.name)})


def _names(rules: RuleSet, rule: Rule) -> Iterator[tuple[str, str | None]]:
    for node in walk(rule.root):
        if isinstance(node, Call):
            yield from zip(("left", "right"), rules.key(node)[1], strict=True)
        elif isinstance(node, Column):
            yield node.side, node.name


def _best_bound(likeness: Likeness, holds: Rows, tables: TablePair) -> Iterator[_Bound]:
    """Yield the bound from best pairs of two tables, one of which usually holds everything once."""
    if tables.dedup or not len(holds):
        return
    shares = [float(best[holds].mean()) for best in (likeness.best_left, likeness.best_right)]
    share, side = max(zip(shares, ("left", "right"), strict=True))
    yield _Bound(share, f"{share:.0%} of its pairs are the most similar one of their {side} record")


def _partners(tables: TablePair, left: Rows, right: Rows) -> str:
    sides = [np.concatenate([left, right])] if tables.dedup else [left, right]
    counts = [np.bincount(rows)[np.unique(rows)] for rows in sides]
    mean = max((float(count.mean()) for count in counts if len(count)), default=0.0)
    most = max((int(count.max()) for count in counts if len(count)), default=0)
    return f"{mean:.1f} partners a record, at most {most:,}"


def _on_match(rule: Rule, found: int, bounds: list[_Bound], partners: str) -> Verdict:
    if not found:
        return _verdict(rule, "finds nothing", "it holds for no pair")
    if found < FEWEST or not bounds:
        lack = "too few pairs to tell" if found < FEWEST else "no other column tells whether it is right"
        return _verdict(rule, "not checked", f"{partners}; {lack}")
    lowest = min(bounds, key=lambda bound: bound.right)
    return _verdict(rule, _word(lowest.right), f"{partners}; {lowest.reason}", lowest.right)


def _on_conflict(rule: Rule, truth: Truth, likely: Rows) -> Verdict:
    """Return the verdict on a conflict rule, which must not hold for likely matches."""
    if not (truth == TRUE).any():
        return _verdict(rule, "finds nothing", "it holds for no pair")
    if len(likely) < FEWEST:
        return _verdict(rule, "not checked", "too few likely matches to tell")
    share = float((truth[likely] == TRUE).mean())
    return _verdict(rule, _word(1 - share), f"it holds for {share:.0%} of the likely matches", 1 - share)


def _word(right: float) -> Word:
    if right >= _MOSTLY:
        return "good"
    return "doubtful" if right >= _HALF else "likely wrong"


def _verdict(rule: Rule, word: Word, reason: str, right: float | None = None) -> Verdict:
    return Verdict(rule.source.name, rule.source.text, word, reason, right)
