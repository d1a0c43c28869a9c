"""Verdicts on rules: tables of people made up here, with twins that are known and never shown to the code."""

import random

import numpy as np
import pytest

from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.verdict import judge_rules

PARTS = ["ka", "lo", "mi", "ren", "sto", "var", "bel", "tur", "nis", "gor", "ful", "dex", "pra", "zim", "hol"]
PEOPLE = 240


def people(copies):
    """Return columns of so many records of each person, who keep their phone; six or so share a street."""
    rng = random.Random(5)

    def word(size):
        return "".join(rng.choices(PARTS, k=size))

    streets = [f"{word(4)} road" for _ in range(PEOPLE // 6)]
    rows = []
    for _ in range(PEOPLE):
        person = [f"{word(2)} {word(3)}", rng.choice(streets), f"{rng.randint(100_000, 999_999)}"]
        rows += [[*person, f"{rng.randint(1950, 2000)}"] for _ in range(copies)]
    return dict(zip(("name", "street", "phone", "noted"), map(list, zip(*rows, strict=True)), strict=True))


def judged(tables, match, conflict=()):
    rules = compile_rules(match, conflict, tables)
    pairs = labelling_pairs(tables, 100_000, 0)
    left, right = pairs["left_row"].to_numpy(), pairs["right_row"].to_numpy()
    return judge_rules(tables, rules, left, right, rules.evaluate(left, right))


@pytest.fixture(scope="module")
def two_tables(records, pair_of):
    columns = people(1)
    return pair_of(records("left", **columns), records("right", **columns))


@pytest.fixture(scope="module")
def one_table(records, pair_of):
    """Every person three times: a right rule gives every record two partners."""
    return pair_of(records("one", **people(3)))


@pytest.mark.parametrize("name", ["two_tables", "one_table"])
def test_neighbours_are_told_from_matches(name, request):
    tables = request.getfixturevalue(name)
    good, wrong = judged(tables, ["exact(phone)", "exact(street)"])
    assert (good.word, wrong.word) == ("good", "likely wrong")
    assert good.usable
    assert not wrong.usable
    assert wrong.right < 0.5 < good.right


def test_many_partners_are_told_but_decide_nothing(one_table):
    (verdict,) = judged(one_table, ["exact(phone) AND exact(name)"])
    assert verdict.word == "good"
    assert "2.0 partners a record, at most 2" in verdict.reason


def test_a_rule_that_reads_the_column_by_side_is_not_checked_by_it(one_table):
    verdicts = judged(one_table, ["left.name = right.name AND exact(street) AND exact(phone)"])
    assert verdicts[0].word == "not checked"
    assert "no other column tells" in verdicts[0].reason


def test_a_column_on_which_matches_differ_says_nothing(two_tables):
    """`noted` is drawn anew for every record of the second table."""
    shuffled = np.random.default_rng(0).permutation(PEOPLE)
    right = two_tables.right.frame
    changed = right.with_columns(noted=right["noted"][shuffled])
    tables = type(two_tables)(two_tables.left, type(two_tables.right)(changed, "r"), two_tables.columns)
    assert judged(tables, ["exact(phone)"])[0].word == "good"


def test_conflict_rules_must_leave_likely_matches_alone(two_tables):
    verdicts = judged(two_tables, ["exact(phone)"], ["NOT exact(name)", "exact(street)"])
    assert [verdict.word for verdict in verdicts[1:]] == ["good", "likely wrong"]
    assert verdicts[2].reason == "it holds for 100% of the likely matches"


def test_a_rule_without_pairs_finds_nothing(two_tables):
    verdicts = judged(two_tables, ["name = 'nobody'"], ["street = 'nowhere'"])
    assert [(v.word, v.usable) for v in verdicts] == [("finds nothing", False)] * 2


def test_few_pairs_are_not_judged(records, pair_of):
    tables = pair_of(
        records("left", a=["x", "y"], b=["1", "2"]), records("right", a=["x", "z"], b=["1", "3"])
    )
    (verdict,) = judged(tables, ["exact(a)"])
    assert (verdict.word, verdict.right, verdict.usable) == ("not checked", None, True)
    assert "too few pairs to tell" in str(verdict)


def test_the_order_of_rows_changes_no_verdict(two_tables, records, pair_of):
    rules = ["exact(phone)", "exact(street)"]
    left, right = two_tables.left.frame, two_tables.right.frame
    turned = type(two_tables)(
        type(two_tables.left)(left.reverse(), "l"),
        type(two_tables.left)(right.reverse(), "r"),
        two_tables.columns,
    )
    assert [v.word for v in judged(turned, rules)] == [v.word for v in judged(two_tables, rules)]
