"""Labels: what match and conflict rules together say of a pair."""

import numpy as np
import pytest

from erblock.rules.compile import compile_rules
from erblock.rules.label import label_pairs

ROW = np.array([0])
TRUTHS = {"true": "exact(brand)", "false": "NOT exact(brand)", "unknown": "exact(none)"}


@pytest.fixture(scope="module")
def tables(records, pair_of):
    return pair_of(records("left", brand=["x"], none=["n/a"]), records("right", brand=["X"], none=["a"]))


@pytest.mark.parametrize(
    ("match", "conflict", "label", "rule"),
    [
        (["true"], [], 1, 0),
        (["false", "true"], [], 1, 1),
        (["true"], ["unknown"], 1, 0),
        (["true"], ["true"], 0, 1),
        (["unknown"], ["false", "true"], 0, 2),
        (["false"], [], 0, -1),
        (["false", "false"], ["unknown"], 0, -1),
        (["false", "unknown"], ["false"], -1, -1),
        (["unknown", "true"], [], 1, 1),
        ([], ["false"], -1, -1),
        ([], ["true"], 0, 0),
        ([], [], -1, -1),
    ],
)
def test_label_and_the_rule_that_decided(tables, match, conflict, label, rule):
    rules = compile_rules([TRUTHS[m] for m in match], [TRUTHS[c] for c in conflict], tables)
    found = label_pairs(rules, ROW, ROW)
    assert (found.label.tolist(), found.rule.tolist()) == ([label], [rule])
