"""Margins: the distance of a pair from the opposite answer of a rule, to choose borderline pairs.

The margin of a comparison is (value - threshold) / range of the measure, positive where it holds. AND is the
minimum and OR the maximum of the known margins, and NOT the negative. A measure that is true or false has
margin 1 or -1.
"""

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erblock.rules.compile import UNKNOWN, Batch, RuleSet
from erblock.rules.expression import And, Call, Compare, Node, Not, Number, Or, Value
from erblock.similarity import VOCABULARY, Rows


def margins(rules: RuleSet, left_rows: Rows, right_rows: Rows) -> NDArray[np.float64]:
    """Return each pair's margin, positive if a match rule holds and no conflict rule does, NaN if unknown."""
    result = np.full(len(left_rows), np.nan)
    for batch, part in rules.batches(left_rows, right_rows):
        at = np.arange(len(batch))
        match = [_margin(batch, rules.rules[i].root, at) for i in rules.match]
        conflict = [-_margin(batch, rules.rules[i].root, at) for i in rules.conflict]
        parts = [reduce(np.fmax, match)] if match else []
        result[part] = reduce(np.fmin, [*parts, *conflict], result[part])
    return result


def _margin(batch: Batch, node: Node, at: Rows) -> Any:
    match node:
        case And(items):
            return reduce(np.fmin, (_margin(batch, item, at) for item in items))
        case Or(items):
            return reduce(np.fmax, (_margin(batch, item, at) for item in items))
        case Not(item):
            return -_margin(batch, item, at)
        case Compare(operator="<" | "<=" | ">" | ">="):
            return _distance(batch, node, at)
        case _:
            truth = batch.truth(node, at)
            return np.where(truth == UNKNOWN, np.nan, truth)


def _distance(batch: Batch, node: Compare, at: Rows) -> Any:
    above = np.asarray(batch.numbers(node.first, at) - batch.numbers(node.second, at), dtype=np.float64)
    return np.clip((above if node.operator in (">", ">=") else -above) / _range(node), -1, 1)


def _range(node: Compare) -> float:
    """Return the range of a comparison; for an unbounded difference, the absolute threshold."""
    sides: tuple[Value, Value] = (node.first, node.second)
    for side in sides:
        if isinstance(side, Call) and (scale := VOCABULARY[side.name].scale):
            return scale
    return max([1.0, *(abs(side.value) for side in sides if isinstance(side, Number))])
