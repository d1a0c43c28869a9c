"""`rules check`: the numbers add up, and borderline pairs are those near a threshold."""

import numpy as np
import pytest

from erblock.errors import RuleError
from erblock.rules.compile import compile_rules
from erblock.rules.margin import margins
from erblock.rules.review import review_rules


def review(tables, match, conflict=(), show=10):
    return review_rules(tables, compile_rules(match, conflict, tables), 1_000, 0, show)


def test_counts(shop):
    found = review(shop, ["exact(brand)", "shares_code(name)"], ["relative_difference(price) > 0.5"])
    assert found.pairs == 16
    assert found.positives + found.negatives + found.unknowns == 16
    assert found.positives == 3
    assert [(rule.name, rule.true, rule.false, rule.unknown) for rule in found.rules] == [
        ("match rule 1", 3, 13, 0),
        ("match rule 2", 3, 6, 7),
        ("conflict rule 1", 5, 4, 7),
    ]
    assert found.conflicts == 0
    assert [(side.source, side.covered, side.records) for side in found.coverage] == [
        ("left.csv", 3, 4),
        ("right.csv", 3, 4),
    ]
    assert found.coverage[0].share == 0.75


def test_conflicts_and_the_busiest_record(records, pair_of):
    tables = pair_of(
        records("left", a=["x", "y"], b=["1", "1"]), records("right", a=["x", "x", "x"], b=["1", "1", "2"])
    )
    found = review(tables, ["exact(a)"], ["NOT exact(b)"])
    assert (found.positives, found.conflicts) == (2, 1)
    assert (found.coverage[0].busiest_id, found.coverage[0].most_positives) == ("l0", 2)


def test_one_table_is_covered_once(records, pair_of):
    found = review(pair_of(records("one", a=["x", "x", "y"])), ["exact(a)"])
    assert [(side.covered, side.records) for side in found.coverage] == [(2, 3)]


def test_borderline_pairs_are_nearest_to_the_threshold(records, pair_of):
    left = records("left", n=["100"])
    right = records("right", n=["100", "91", "89", "50"])
    found = review(pair_of(left, right), ["relative_difference(n) <= 0.1"], show=2)
    assert [(pair.right_id, pair.label, pair.margin) for pair in found.borderline] == [
        ("r1", 1, 0.01),
        ("r2", 0, 0.01),
    ]
    assert found.borderline[0].columns == {"n": ("100", "91")}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("jaccard(a) >= 0.5", -0.5),
        ("jaccard(a) < 0.5", 0.5),
        ("NOT jaccard(a) < 0.5", -0.5),
        ("exact(b) AND jaccard(a) < 0.25", 0.25),
        ("jaccard(a) >= 0.5 OR exact(b)", 1),
        ("exact(c)", np.nan),
        ("token_set_ratio(b) >= 80", 0.2),
        ("absolute_difference(d) <= 20", 0.5),
    ],
)
def test_margins(records, pair_of, rule, expected):
    tables = pair_of(
        records("left", a=["x"], b=["q"], c=["-"], d=["10"]),
        records("right", a=["y"], b=["q"], c=["s"], d=["20"]),
    )
    row = np.array([0])
    assert margins(compile_rules([rule], [], tables), row, row) == pytest.approx([expected], nan_ok=True)


def test_margins_with_a_conflict(records, pair_of):
    tables, row = pair_of(records("left", a=["x"]), records("right", a=["x"])), np.array([0])
    rules = compile_rules(["jaccard(a) >= 0.9"], ["jaccard(a) > 0.95"], tables)
    assert margins(rules, row, row) == pytest.approx([-0.05])


def test_no_rules(shop):
    with pytest.raises(RuleError, match="no rules to check"):
        review(shop, [])


@pytest.mark.parametrize(
    ("match", "conflict", "expected"),
    [
        (["jaccard(a) >= 0.9", "jaccard(a) >= 0.6"], [], 0.4),
        (["jaccard(a) >= 0.6", "jaccard(a) >= 0.9"], [], 0.4),
        (["exact(c)", "jaccard(a) >= 0.75"], [], 0.25),
        (["exact(c)"], [], np.nan),
        (["jaccard(a) >= 0.5"], ["jaccard(a) > 0.95", "jaccard(a) > 0.8"], -0.2),
        (["jaccard(a) >= 0.5"], ["jaccard(a) < 0.5", "exact(c)"], 0.5),
    ],
)
def test_of_several_match_rules_the_widest_margin_counts_and_of_conflicts_the_narrowest(
    match, conflict, expected, records, pair_of
):
    tables = pair_of(records("left", a=["x"], c=["-"]), records("right", a=["x"], c=["s"]))
    row = np.array([0])
    found = margins(compile_rules(match, conflict, tables), row, row)
    assert found == pytest.approx([expected], nan_ok=True)


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        (1, ["r2"]),
        (3, ["r2", "r1", "r3"]),
        (5, ["r2", "r1", "r0", "r3", "r4"]),
        # Where there are too few of the one kind, more of the other are shown.
        (8, ["r2", "r1", "r0", "r3", "r4", "r5", "r6"]),
    ],
)
def test_half_of_the_borderline_pairs_are_positives_the_nearest_first(show, expected, records, pair_of):
    left, right = records("left", n=["100"]), records("right", n=["100", "95", "91", "89", "80", "50", "40"])
    found = review(pair_of(left, right), ["relative_difference(n) <= 0.1"], show=show)
    assert [pair.right_id for pair in found.borderline] == expected
