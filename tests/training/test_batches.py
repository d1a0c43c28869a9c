"""Batches of triplets."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.tables.read import ColumnPair, Records, TablePair
from erblock.training.batches import KnownPairs, TripletRows, batches, split, triplet_rows

rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)


def triplets_of(values, same_table=False):
    anchor, positive, negative = (np.array(column, dtype=np.int64) for column in zip(*values, strict=True))
    return TripletRows(anchor, positive, negative, same_table)


def listed(triplets):
    return list(
        zip(triplets.anchor.tolist(), triplets.positive.tolist(), triplets.negative.tolist(), strict=True)
    )


@given(rows, st.floats(0, 1), st.integers(0, 5), st.integers(0, 3))
def test_a_split_keeps_all_triplets_and_parts_the_anchors(values, share, most, seed):
    training, held_out = split(triplets_of(values), share, most, seed)
    assert sorted(listed(training) + listed(held_out)) == sorted(values)
    assert not set(training.anchor.tolist()) & set(held_out.anchor.tolist())
    assert len(set(held_out.anchor.tolist())) <= min(most, share * 10)


def test_a_split_is_that_of_its_seed():
    values = [(i, i, i) for i in range(100)]
    once, again, other = (listed(split(triplets_of(values), 0.1, 99, seed)[1]) for seed in (0, 0, 1))
    assert once == again != other
    assert len(once) == 10


@given(rows, st.integers(1, 6), st.integers(1, 3), st.integers(0, 3))
def test_every_epoch_has_every_triplet_once_and_no_batch_a_record_twice(values, size, epochs, seed):
    made = list(batches(triplets_of(values), size, epochs, seed))
    for batch in made:
        assert 1 <= len(batch) <= size
        assert len(set(batch.anchor.tolist())) == len(set(batch.positive.tolist())) == len(batch)
    assert sorted(row for batch in made for row in listed(batch)) == sorted(values * epochs)


def test_batches_are_full_where_records_differ_and_shuffled_anew():
    values = [(i, i, i) for i in range(32)]
    made = list(batches(triplets_of(values), 8, 2, 0))
    assert [len(batch) for batch in made] == [8] * 8
    assert listed(made[0]) != values[:8]
    assert [listed(batch) for batch in made[:4]] != [listed(batch) for batch in made[4:]]
    again = list(batches(triplets_of(values), 8, 2, 0))
    assert [listed(batch) for batch in made] == [listed(batch) for batch in again]


def test_no_triplets_make_no_batches():
    assert list(batches(triplets_of([(1, 1, 1)])[np.zeros(0, dtype=np.int64)], 8, 2, 0)) == []


def reached(links, start):
    """All nodes that links connect to `start`."""
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        fresh = {b for a, b in links if a == node} - seen
        seen |= fresh
        waiting += fresh
    return seen


@given(rows)
@pytest.mark.parametrize("same_table", [False, True])
def test_known_pairs_are_those_that_matches_connect(same_table, values):
    known = KnownPairs(triplets_of(values, same_table))
    other = "left" if same_table else "right"
    links = {(("left", anchor), (other, positive)) for anchor, positive, _ in values}
    links |= {(b, a) for a, b in links}
    anchors = np.unique([anchor for anchor, _, _ in values])
    found = known.among(anchors, np.arange(12))
    for i, anchor in enumerate(anchors):
        expected = {node for side, node in reached(links, ("left", int(anchor))) if side == other}
        assert set(np.flatnonzero(found[i]).tolist()) == expected


def test_triplets_by_id_become_row_numbers_of_their_tables():
    left = Records(pl.DataFrame({"id": ["a", "b", "c"], "name": ["x", "y", "z"]}), "left.csv")
    right = Records(pl.DataFrame({"id": [30, 10, 20], "name": ["x", "y", "z"]}), "right.csv")
    triplets = pl.DataFrame({"anchor_id": ["c", "a"], "positive_id": [10, 10], "negative_id": [20, 30]})
    rows = triplet_rows(TablePair(left, right, (ColumnPair("name", "name"),)), triplets)
    assert listed(rows) == [(2, 1, 2), (0, 1, 0)]
    assert not rows.same_table
