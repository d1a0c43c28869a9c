"""Labelling pairs: distinct, capped, near before random, the same whatever the order of the rows."""

import itertools
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.rules.pairs import labelling_pairs, shared_features
from erblock.tables.read import Records, TablePair

WORDS = [f"word{i}" for i in range(300)]


def texts(count, seed):
    draw = random.Random(seed)
    return [" ".join(draw.sample(WORDS, 4)) for _ in range(count)]


@pytest.fixture(scope="module")
def linked(records, pair_of):
    """Two tables of 300, record i of one is record i of the other with a word changed."""
    left = texts(300, 1)
    right = [" ".join([*text.split()[:3], "changed"]) for text in left]
    return pair_of(records("left", text=left), records("right", text=right))


def test_every_pair_if_there_are_few(linked):
    pairs = labelling_pairs(linked, 90_000, 0)
    expected = set(itertools.product(range(300), repeat=2))
    assert set(pairs.select("left_row", "right_row").rows()) == expected
    assert pairs["origin"].unique().to_list() == ["all"]


def test_near_pairs_come_first(linked):
    pairs = labelling_pairs(linked, 3_000, 0)
    found = set(pairs.select("left_row", "right_row").rows())
    assert sum((i, i) in found for i in range(300)) >= 295
    assert pairs.height <= 3_000
    assert len(found) == pairs.height
    assert set(pairs["origin"]) == {"words", "pieces", "random"}


def test_one_table_has_no_pair_twice_and_no_record_with_itself(linked):
    for budget in (2_000, 10**6):
        pairs = labelling_pairs(TablePair(linked.left, None, linked.columns), budget, 0)
        assert (pairs["left_row"] < pairs["right_row"]).all()
        assert pairs.select("left_row", "right_row").n_unique() == pairs.height
    assert pairs.height == 300 * 299 // 2


def with_ids(tables, pairs):
    left, right = (side.frame["id"] for side in (tables.left, tables.other))
    return pl.DataFrame({"l": left.gather(pairs["left_row"]), "r": right.gather(pairs["right_row"])})


@pytest.mark.parametrize("dedup", [False, True])
def test_the_order_of_the_rows_does_not_matter(linked, dedup):
    right = None if dedup else linked.right
    tables = TablePair(linked.left, right, linked.columns)
    turned = TablePair(
        Records(linked.left.frame.reverse(), "left.csv"),
        right and Records(right.frame.sample(fraction=1, shuffle=True, seed=3), "right.csv"),
        linked.columns,
    )
    found = [with_ids(each, labelling_pairs(each, 2_000, 0)).rows() for each in (tables, turned)]
    assert [frozenset(pair) for pair in found[0]] == [frozenset(pair) for pair in found[1]]


def test_the_seed_draws_other_random_pairs(linked):
    first, second = (labelling_pairs(linked, 2_000, seed) for seed in (0, 1))
    assert first.equals(labelling_pairs(linked, 2_000, 0))
    assert not first.equals(second)
    near = [
        pairs.filter(pl.col("origin") != "random").select("left_row", "right_row")
        for pairs in (first, second)
    ]
    assert near[0].equals(near[1])


LISTS = st.lists(st.frozensets(st.sampled_from("abcde"), max_size=4), min_size=1, max_size=6)


@given(left=LISTS, right=LISTS)
def test_shared_features_by_brute_force(left, right):
    def long(sets):
        rows = [(row, feature) for row, features in enumerate(sets) for feature in sorted(features)]
        return pl.DataFrame(rows, schema={"row": pl.UInt32, "feature": pl.String}, orient="row")

    joined = shared_features(long(left), long(right), 10**6, dedup=False)
    expected = {(i, j) for i, a in enumerate(left) for j, b in enumerate(right) if a & b}
    assert set(joined.select("left", "right").rows()) == expected
    assert joined.height == len(expected)


def test_empty_texts_make_no_near_pairs(records, pair_of):
    tables = pair_of(
        records("left", text=pl.Series([None] * 50, dtype=pl.String)), records("right", text=["-"] * 50)
    )
    assert set(labelling_pairs(tables, 100, 0)["origin"]) == {"random"}
