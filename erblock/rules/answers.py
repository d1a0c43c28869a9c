"""The answer of each rule for one pair, with the values that the rule read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from erblock.rules.compile import FALSE, TRUE, UNKNOWN, Batch, RuleSet
from erblock.rules.expression import Call, Column, Rule, walk

Word = Literal["true", "unknown", "false"]
_WORDS: dict[int, Word] = {TRUE: "true", UNKNOWN: "unknown", FALSE: "false"}


@dataclass(frozen=True)
class RuleAnswer:
    """A rule, its answer for the pair, and the value of each function and column in it."""

    name: str
    text: str
    says: Word
    values: dict[str, str]


def answers_of(rules: RuleSet, left_row: int, right_row: int) -> tuple[RuleAnswer, ...]:
    """Return the answer of each rule for a pair of row numbers, in the order of the rules."""
    batch = Batch(rules, np.array([left_row]), np.array([right_row]))
    return tuple(_answer(rules, batch, rule, (left_row, right_row)) for rule in rules.rules)


def _answer(rules: RuleSet, batch: Batch, rule: Rule, rows: tuple[int, int]) -> RuleAnswer:
    says = _WORDS[int(batch.truth(rule.root, np.arange(1))[0])]
    return RuleAnswer(rule.source.name, rule.source.text, says, dict(_values(rules, batch, rule, rows)))


def _values(rules: RuleSet, batch: Batch, rule: Rule, rows: tuple[int, int]) -> Iterator[tuple[str, str]]:
    sides = dict(zip(("left", "right"), rows, strict=True))
    for node in walk(rule.root):
        if isinstance(node, Call):
            score = float(batch.scores(node, np.arange(1))[0])
            yield str(node), "missing" if np.isnan(score) else f"{score:.4g}"
        elif isinstance(node, Column):
            value = rules.columns.text(node.side, node.name, node.functions)[sides[node.side]]
            yield str(node), "missing" if value is None else value
