"""Triplets: positives that rules or labels say are similar, negatives that are known not to be."""

import random

import polars as pl
import pytest

from erblock.errors import RuleError
from erblock.rules.compile import compile_rules
from erblock.rules.pairs import labelling_pairs
from erblock.rules.triplets import TripletOptions, build_triplets, labelled_pairs
from erblock.tables.read import Records, TablePair

MATCH = ["exact(code) AND exact(kind)", "token_sort_ratio(name) >= 95"]
CONFLICT = ["NOT exact(kind)"]
NO_LABELS = {"left_id": pl.String, "right_id": pl.String, "label": pl.Int8}


@pytest.fixture(scope="module")
def shop(records, pair_of):
    """100 products on both sides; product i matches i, and i + 50 has its name but another kind and code."""
    draw = random.Random(0)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(50)]

    def table(name, spell):
        return records(
            name,
            name=[spell(f"Maker{i % 7} {names[i % 50]}") for i in range(100)],
            code=[None if i % 10 == 9 else f"c{i}" for i in range(100)],
            kind=["tv" if i < 50 else "radio" for i in range(100)],
        )

    return pair_of(table("left", str), table("right", str.upper))


def make(tables, match=MATCH, conflict=CONFLICT, labels=None, budget=4_000, **options):
    rules = compile_rules(match, conflict, tables)
    labelled = labelled_pairs(tables, rules, labelling_pairs(tables, budget, 0), labels)
    return build_triplets(tables, rules, labelled, TripletOptions(**options))


def rows_of(triplets, *columns):
    return [tuple(int(value[1:]) for value in row) for row in triplets.select(columns).rows()]


def test_positives_match_and_negatives_do_not(shop):
    triplets = make(shop)
    assert triplets.columns == ["anchor_id", "positive_id", "negative_id", "rule"]
    assert triplets["anchor_id"].str.starts_with("l").all()
    assert triplets["negative_id"].str.starts_with("r").all()
    assert {(a, p) for a, p in rows_of(triplets, "anchor_id", "positive_id")} == {(i, i) for i in range(100)}
    assert all(a != n for a, n in rows_of(triplets, "anchor_id", "negative_id"))
    assert set(triplets["rule"]) == set(MATCH)


def test_a_near_conflict_is_the_negative(shop):
    """Of the same name, but of another kind."""
    near = [abs(a - n) == 50 for a, n in rows_of(make(shop, budget=500), "anchor_id", "negative_id")]
    assert sum(near) > len(near) / 2


def test_unknown_pairs_are_never_negatives(records, pair_of):
    """Where the price is missing nothing is known, and the only record that is known to differ is taken."""
    left = records("left", name=["a b", "c d"], price=["10", None])
    right = records("right", name=["a b", "c d", "x y", "z"], price=["10", "5", None, "99"])
    triplets = make(pair_of(left, right), ["relative_difference(price) < 0.1"], [])
    assert rows_of(triplets, "anchor_id", "positive_id") == [(0, 0)]
    assert triplets["negative_id"].item() in ("r1", "r3")


def test_rows_seed_and_repetition(shop):
    turned = TablePair(
        Records(shop.left.frame.reverse(), "left.csv"),
        Records(shop.other.frame.reverse(), "right.csv"),
        shop.columns,
    )
    assert make(shop).equals(make(shop))
    assert make(shop).equals(make(turned))
    assert not make(shop, seed=1).equals(make(shop))


def test_caps(shop):
    counts = make(shop, per_rule=7)["rule"].value_counts()["count"].to_list()
    assert max(counts) == 7
    loose = make(shop, ["exact(kind)"], [], per_record=3)
    for side in ("anchor_id", "positive_id"):
        assert loose[side].value_counts()["count"].max() <= 3
    assert loose["anchor_id"].n_unique() > 90


def test_one_table(records, pair_of):
    table = records(
        "one",
        name=[f"thing {i // 2} {'xyz'[i % 3]}" for i in range(60)],
        key=[f"k{i // 2}" for i in range(60)],
    )
    triplets = make(pair_of(table), ["exact(key)"], [])
    assert set(rows_of(triplets, "anchor_id", "positive_id")) == {(i, i + 1) for i in range(0, 60, 2)}
    assert all(a // 2 != n // 2 for a, n in rows_of(triplets, "anchor_id", "negative_id"))


def labels_of(*rows):
    return pl.DataFrame(rows, schema=NO_LABELS, orient="row")


def test_a_label_goes_over_the_rules(shop):
    labels = labels_of(("l0", "r0", 0), ("l1", "r77", 1))
    triplets = make(shop, labels=labels)
    pairs = set(rows_of(triplets, "anchor_id", "positive_id"))
    assert (0, 0) not in pairs
    assert triplets.filter(pl.col("rule") == "label").select("anchor_id", "positive_id").rows() == [
        ("l1", "r77")
    ]


def test_labels_without_rules(shop):
    labels = labels_of(*((f"l{i}", f"r{i}", 1) for i in range(20)), ("l0", "r90", 0))
    triplets = make(shop, [], [], labels)
    assert triplets.height == 20
    assert set(triplets["rule"]) == {"label"}
    assert triplets.filter(pl.col("anchor_id") == "l0")["negative_id"].item() == "r90"
    assert all(a != n for a, n in rows_of(triplets, "anchor_id", "negative_id"))


def test_a_label_never_becomes_a_negative_when_it_says_similar(records, pair_of):
    """The rules call every other pair dissimilar; all but one of them are labelled similar."""
    left = records("left", name=["a"])
    right = records("right", name=["a", "b", "c", "d"])
    labels = labels_of(("l0", "r1", 1), ("l0", "r2", 1))
    triplets = make(pair_of(left, right), ["exact(name)"], [], labels)
    assert set(triplets["positive_id"]) == {"r0", "r1", "r2"}
    assert set(triplets["negative_id"]) == {"r3"}


def test_nothing_similar_is_explained(shop):
    with pytest.raises(RuleError) as failure:
        make(shop, ["exact(code) AND NOT exact(kind)", "exact(name) AND NOT exact(kind) AND exact(code)"], [])
    message = str(failure.value)
    assert "match rule 1 (exact(code) AND NOT exact(kind)): true for 0, false for " in message
    assert "match rule 2 (" in message
    assert "loosen" in message


def test_no_rules_and_no_labels(shop):
    with pytest.raises(RuleError, match="no match rule and no pair labelled 1"):
        make(shop, [], [])


def test_no_negative_is_explained(records, pair_of):
    table = records("one", name=["a", "a"])
    with pytest.raises(RuleError, match="no record is clearly dissimilar"):
        make(pair_of(table), ["exact(name)"], [])


def test_positives_of_one_anchor_get_different_negatives_as_long_as_there_are_some(shop):
    labels = labels_of(("l0", "r0", 1), ("l0", "r1", 1), ("l0", "r2", 0), ("l0", "r3", 0), ("l0", "r4", 1))
    triplets = make(shop, [], [], labels)
    assert set(triplets["negative_id"]) == {"r2", "r3"}
    assert triplets["negative_id"].value_counts()["count"].sort().to_list() == [1, 2]
    assert make(shop, [], [], labels, seed=3).height == 3
