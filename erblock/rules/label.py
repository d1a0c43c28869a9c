"""Pairs labelled by rules: similar, dissimilar or unknown."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from erblock.rules.compile import FALSE, TRUE, RuleSet, Truth
from erblock.similarity import Rows

SIMILAR, DISSIMILAR, UNSURE = 1, 0, -1
NO_RULE = -1
Label: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True)
class Labels:
    """The label of each pair, and the position in `RuleSet.rules` of the deciding rule, or `NO_RULE`.

    A similar pair is decided by the first match rule that holds, a dissimilar pair by the first conflict rule
    that holds. No single rule decides a pair that is dissimilar because all match rules are false.
    """

    label: Label
    rule: NDArray[np.int16]


def label_pairs(rules: RuleSet, left_rows: Rows, right_rows: Rows) -> Labels:
    """Return the labels of the pairs of row numbers.

    A pair is similar if some match rule holds and no conflict rule does; dissimilar if a conflict rule holds,
    or there are match rules and all are false; unknown otherwise.
    """
    return labels_of(rules, rules.evaluate(left_rows, right_rows))


def labels_of(rules: RuleSet, truth: Truth) -> Labels:
    """Return the labels given by the truth values of `RuleSet.evaluate`."""
    match, match_rule = _first_true(truth, rules.match)
    conflict, conflict_rule = _first_true(truth, rules.conflict)
    all_false = (truth[rules.match] == FALSE).all(axis=0) & bool(rules.match)
    label = np.full(truth.shape[1], UNSURE, dtype=np.int8)
    label[match] = SIMILAR
    label[conflict | all_false] = DISSIMILAR
    return Labels(label, np.where(conflict, conflict_rule, match_rule).astype(np.int16))


def _first_true(truth: Truth, rules: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    if not rules:
        none = np.full(truth.shape[1], NO_RULE, dtype=np.int64)
        return none != NO_RULE, none
    holds = truth[rules] == TRUE
    found = holds.any(axis=0)
    return found, np.where(found, np.array(rules)[holds.argmax(axis=0)], NO_RULE)
