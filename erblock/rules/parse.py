"""Parses a rule into a tree; checks syntax, functions and kinds of values, but not columns."""

from dataclasses import replace
from typing import Literal

from sqlglot import exp

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
    walk,
)
from erblock.rules.operands import COMPARISONS, OperandReader, shown
from erblock.rules.source import Source
from erblock.rules.tokens import SqlTree, sql_tree, start_of
from erblock.similarity import VOCABULARY


def parse_rule(kind: Literal["match", "conflict"], number: int, text: str) -> Rule:
    """Return the tree of one rule; `kind` and `number` say which rule a message is about.

    Raises:
        RuleError: if the text is not a condition over the vocabulary; the message names rule and place.
    """
    source = Source(kind, number, text)
    tree = sql_tree(source)
    try:
        return Rule(source, _Reader(source).truth(tree))
    except RecursionError:
        source.fail(0, "the rule is nested too deeply; split it into several rules")


class _Reader(OperandReader):
    """Converts sqlglot's nodes for conditions to expression nodes, or raises a RuleError."""

    def truth(self, tree: SqlTree) -> Node:
        """Return the condition that a tree stands for."""
        match tree:
            case exp.Paren():
                return self.truth(tree.this)
            case exp.And() | exp.Or():
                items = tuple(self.truth(item) for item in tree.flatten())
                return And(items) if isinstance(tree, exp.And) else Or(items)
            case exp.Not():
                return Not(self.truth(tree.this))
            case exp.Between() | exp.In():
                return self._both_sides(self._range(tree), tree)
            case _ if type(tree) in COMPARISONS:
                return self._both_sides(self._compare(COMPARISONS[type(tree)], tree, "expression"), tree)
            case _:
                return self._condition(tree)

    def _range(self, tree: SqlTree) -> Node:
        if isinstance(tree, exp.In):
            return self._any_of(tree)
        return And((self._compare(">=", tree, "low"), self._compare("<=", tree, "high")))

    def _condition(self, tree: SqlTree) -> Node:
        if isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null):
            return self.checked_call("is_null", [tree.this], start_of(tree))
        if not isinstance(tree, exp.Anonymous):
            self.fail(tree, f"expected something true or false, found {shown(tree)}; compare it with a value")
        call = self.call(tree)
        measure = VOCABULARY[call.name]
        if measure.gives == "number":
            example = (measure.scale or 10) * 0.9
            self.fail(tree, f"{call.name} gives a number; compare it, as in {measure.call} >= {example:g}")
        return call

    def _any_of(self, tree: SqlTree) -> Node:
        listed = tree.expressions
        if not listed:
            self.fail(tree, "IN needs a list of values, as in brand IN ('sony', 'bose')")
        return Or(tuple(self._typed("=", self.value(tree.this), self.value(item), tree) for item in listed))

    def _compare(self, operator: str, tree: SqlTree, second: str) -> Compare:
        return self._typed(operator, self.value(tree.this), self.value(tree.args[second]), tree)

    def _typed(self, operator: str, first: Value, second: Value, tree: SqlTree) -> Compare:
        parts = [part for side in (first, second) for part in walk(side)]
        texts = [part for part in parts if isinstance(part, Text)]
        if first == second or not any(isinstance(part, Call | Column) for part in parts):
            self.fail(
                tree, "this comparison has the same answer for every pair; compare columns of the two tables"
            )
        numeric = any(isinstance(part, Call | Number | Arithmetic) for part in parts)
        if texts and (numeric or operator not in ("=", "!=")):
            self.fail(tree, f"the text '{texts[0].value}' can only be compared with a column, by = or !=")
        self._check_threshold(first, second, tree)
        return Compare(operator, first, second, as_text=not numeric and operator in ("=", "!="))

    def _check_threshold(self, first: Value, second: Value, tree: SqlTree) -> None:
        """Refuse a threshold that is nearly always or never reached, as 0.9 in 0 to 100, or 90 in 0 to 1."""
        call, bound = (first, second) if isinstance(first, Call) else (second, first)
        if not (isinstance(call, Call) and isinstance(bound, Number)):
            return
        scale = VOCABULARY[call.name].scale
        if bound.value < 0 or (scale and bound.value > scale) or (scale == 100 and 0 < bound.value <= 1):
            top = f"to {scale:g}" if scale else "upwards"
            self.fail(tree, f"{call.name} goes from 0 {top}, found {bound.value:g}")

    def _both_sides(self, node: Node, tree: SqlTree) -> Node:
        """Return the comparison; if its columns have no side, it must hold for both records."""
        sides = {part.side for part in walk(node) if isinstance(part, Column)}
        if "both" not in sides:
            return node
        if len(sides) > 1:
            self.fail(tree, "write left. or right. before every column of a comparison, or before none")
        return And((_on_side(node, "left"), _on_side(node, "right")))


def _on_side(node: Node, side: Literal["left", "right"]) -> Node:
    """Return the comparison with its columns put on one side."""
    match node:
        case And(items):
            return And(tuple(_on_side(item, side) for item in items))
        case Or(items):
            return Or(tuple(_on_side(item, side) for item in items))
        case Compare(operator, first, second, as_text):
            return Compare(operator, _value_on_side(first, side), _value_on_side(second, side), as_text)
        case _:
            return node


def _value_on_side(value: Value, side: Literal["left", "right"]) -> Value:
    match value:
        case Column():
            return replace(value, side=side)
        case Arithmetic(operator, first, second):
            return Arithmetic(operator, _value_on_side(first, side), _value_on_side(second, side))
        case _:
            return value
