"""What rules say of one pair, and what they saw."""

import numpy as np
import pytest

from erblock.rules.answers import answers_of
from erblock.rules.compile import FALSE, TRUE, UNKNOWN, compile_rules

RULES = [
    "exact(brand) AND jaro_winkler(name) >= 0.9",
    "relative_difference(price) <= 0.1 OR prefix(name, 3)",
    "left.title = right.label AND brand != 'sony'",
    "NOT is_null(left.price)",
]


@pytest.mark.parametrize("row", range(4))
def test_answers_are_those_of_the_rules(shop, row):
    rules = compile_rules(RULES, [], shop)
    truth = rules.evaluate(np.array([row]), np.array([row]))[:, 0].tolist()
    words = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}
    assert [answer.says for answer in answers_of(rules, row, row)] == [words[value] for value in truth]


def test_values_are_those_of_the_pair(shop):
    first, second, third, fourth = answers_of(compile_rules(RULES, [], shop), 1, 2)
    assert first.values["exact(brand)"] == "0"
    assert first.name == "match rule 1"
    assert second.values == {"relative_difference(price)": "missing", "prefix(name, 3)": "0"}
    assert third.values == {
        "left.title": "b",
        "right.label": "c",
        "left.brand": "Bose",
        "right.brand": "Canon",
    }
    assert fourth.values == {"is_null(left.price)": "1"}
