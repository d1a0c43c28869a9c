"""Binds rules to two tables: checks names first, then computes truth values column-wise.

Truth is three-valued (Kleene): TRUE 1, UNKNOWN 0, FALSE -1, so that AND is the minimum, OR the maximum and
NOT the negative. Rows are int64 arrays of row numbers, with one entry for each pair.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.rules.bind import ColumnNames, Functions, TableColumns, functions_of
from erblock.rules.expression import (
    And,
    Arithmetic,
    Call,
    Column,
    Compare,
    Node,
    Not,
    Number,
    Or,
    Rule,
    Text,
    Value,
    children,
    walk,
)
from erblock.rules.parse import parse_rule
from erblock.similarity import VOCABULARY, Rows, Scores
from erblock.similarity import Compare as ComparePairs
from erblock.similarity.values import folded
from erblock.tables.read import TablePair

TRUE, UNKNOWN, FALSE = 1, 0, -1
CHUNK = 1_000_000
Truth: TypeAlias = NDArray[np.int8]
Key: TypeAlias = tuple[str, ColumnNames, float | None, tuple[Functions, Functions]]

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


class RuleSet:
    """Rules checked against the tables. Every distinct measure is prepared once."""

    def __init__(self, rules: Sequence[Rule], tables: TablePair) -> None:
        self.rules = tuple(rules)
        self.columns = TableColumns(tables)
        self._keys = {call: self._key(call, rule) for rule, call in _calls(self.rules)}
        for rule in self.rules:
            self._check_operands(rule)
        self.measure = cache(self._measure)

    @property
    def match(self) -> list[int]:
        """Positions of the match rules."""
        return [i for i, rule in enumerate(self.rules) if rule.kind == "match"]

    @property
    def conflict(self) -> list[int]:
        """Positions of the conflict rules."""
        return [i for i, rule in enumerate(self.rules) if rule.kind == "conflict"]

    def evaluate(self, left_rows: Rows, right_rows: Rows) -> Truth:
        """Return TRUE, UNKNOWN or FALSE for each rule (row) and pair (column)."""
        truth = np.empty((len(self.rules), len(left_rows)), dtype=np.int8)
        for batch, part in self.batches(left_rows, right_rows):
            for i, rule in enumerate(self.rules):
                truth[i, part] = batch.truth(rule.root, np.arange(len(batch)))
        return truth

    def batches(self, left_rows: Rows, right_rows: Rows) -> Iterator[tuple["Batch", slice]]:
        """Yield the pairs in chunks that fit in memory, each with its slice of all pairs."""
        for start in range(0, len(left_rows), CHUNK):
            part = slice(start, start + CHUNK)
            yield Batch(self, left_rows[part], right_rows[part]), part

    def key(self, call: Call) -> Key:
        """Return what identifies a measure; `name` and `left.name, right.name` may name the same one."""
        return self._keys[call]

    def _key(self, call: Call, rule: Rule) -> Key:
        return call.name, self.columns.pair(call, rule.source), call.option, functions_of(call)

    def _check_operands(self, rule: Rule) -> None:
        for node in walk(rule.root):
            if isinstance(node, Column):
                self.columns.check(node, rule.source)
                self.columns.check_values(node, rule.source)

    def _measure(self, key: Key) -> ComparePairs:
        name, (left, right), option, (own, other) = key
        sides = [
            self.columns.text_or_present("left", left, own),
            self.columns.text_or_present("right", right, other),
        ]
        return VOCABULARY[name].build(*sides, *([] if option is None else [option]))


def compile_rules(match: Sequence[str], conflict: Sequence[str], tables: TablePair) -> RuleSet:
    """Return the rules, ready to evaluate on pairs of `tables`.

    Raises:
        RuleError: if a rule cannot be parsed or names a column that the tables do not have.
    """
    matches = [parse_rule("match", i, text) for i, text in enumerate(match, start=1)]
    conflicts = [parse_rule("conflict", i, text) for i, text in enumerate(conflict, start=1)]
    return RuleSet([*matches, *conflicts], tables)


def _calls(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Call]]:
    for rule in rules:
        for node in walk(rule.root):
            if isinstance(node, Call):
                yield rule, node


def cost(node: Node | Value) -> int:
    """Return the cost of a node for one pair: the sum of the relative costs of its functions."""
    own = VOCABULARY[node.name].cost if isinstance(node, Call) else 0
    return own + sum(cost(child) for child in children(node))


class Batch:
    """Some pairs and the measures computed for them. A measure runs only on pairs that still need it."""

    def __init__(self, rules: RuleSet, left_rows: Rows, right_rows: Rows) -> None:
        self._rules = rules
        self._rows = {"left": left_rows, "right": right_rows}
        self._scores: dict[Key, Scores] = {}
        self._known: dict[Key, NDArray[np.bool_]] = {}

    def __len__(self) -> int:
        return len(self._rows["left"])

    def truth(self, node: Node, at: Rows) -> Truth:
        """Return the truth of a condition for the pairs at positions `at`."""
        match node:
            case And(items):
                return self._chain(items, at, FALSE, np.minimum)
            case Or(items):
                return self._chain(items, at, TRUE, np.maximum)
            case Not(item):
                return -self.truth(item, at)
            case Compare():
                return self._compare(node, at)
            case Call():
                scores = self.scores(node, at)
                return np.where(np.isnan(scores), UNKNOWN, 2 * (scores > 0) - 1).astype(np.int8)

    def _chain(self, items: Sequence[Node], at: Rows, final: int, join: Callable[..., Any]) -> Truth:
        """Return the truth of AND or OR: cheap items come first, others run only on pairs still undecided."""
        result = np.full(len(at), -final, dtype=np.int8)
        for item in sorted(items, key=cost):
            still = np.flatnonzero(result != final)
            result[still] = join(result[still], self.truth(item, at[still]))
        return result

    def _compare(self, node: Compare, at: Rows) -> Truth:
        compare = _COMPARISONS[node.operator]
        if node.as_text:
            first, second = self._text(node.first, at), self._text(node.second, at)
            unknown = (first == "") | (second == "")
        else:
            first, second = self.numbers(node.first, at), self.numbers(node.second, at)
            unknown = np.isnan(first) | np.isnan(second)
        holds = np.asarray(compare(first, second), dtype=bool)
        return np.where(unknown, UNKNOWN, np.where(holds, TRUE, FALSE)).astype(np.int8)

    def numbers(self, value: Value, at: Rows) -> Any:
        """Return a value for the pairs at positions `at`, NaN where missing; a constant is one number."""
        match value:
            case Number(number):
                return number
            case Call():
                return self.scores(value, at)
            case Arithmetic(sign, first, second):
                # A division by zero has no value, so it is unknown.
                with np.errstate(divide="ignore", invalid="ignore"):
                    result = np.asarray(_ARITHMETIC[sign](self.numbers(first, at), self.numbers(second, at)))
                return np.where(np.isfinite(result), result, np.nan)
            case Column(side, name, functions):
                return self._rules.columns.numbers(side, name, functions)[self._rows[side][at]]
            case _:
                raise TypeError(f"{value} is no number")

    def _text(self, value: Value, at: Rows) -> Any:
        if isinstance(value, Column):
            texts = self._rules.columns.folded(value.side, value.name, value.functions)
            return texts[self._rows[value.side][at]]
        return folded(pl.Series([value.value if isinstance(value, Text) else ""])).fill_null("")[0]

    def scores(self, call: Call, at: Rows) -> Scores:
        """Return a measure for the pairs at positions `at`; it is computed once for each pair."""
        key = self._rules.key(call)
        known = self._known.setdefault(key, np.zeros(len(self), dtype=bool))
        todo = at[~known[at]]
        if len(todo) or key not in self._scores:
            computed = self._rules.measure(key)(self._rows["left"][todo], self._rows["right"][todo])
            # The type is kept: 0.9 in single precision is less than 0.9 in double precision.
            scores = self._scores.setdefault(key, np.full(len(self), np.nan, dtype=computed.dtype))
            scores[todo] = computed
            known[todo] = True
        return self._scores[key][at]
