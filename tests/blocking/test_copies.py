"""Pairs of compared records, written out for all copies."""

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking.copies import COPIES_MET, written_out
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.copies import Copies

few = st.integers(1, 4)


def all_pairs(sizes, *, one_table):
    """Every pair of the compared records of tables with groups of so many copies; and the texts."""
    texts = [np.repeat(np.arange(len(counts)), counts) for counts in sizes]
    texts = [pl.Series("text", np.random.default_rng(0).permutation(side).astype(str)) for side in texts]
    copies = [Copies.of(side, one_table=one_table) for side in texts]
    rows = copies[0].rows, copies[-1].rows
    every = [(i, j) for i in rows[0] for j in rows[1] if not one_table or i < j]
    left, right = np.array(every, dtype=np.int64).reshape(-1, 2).T
    best = [np.zeros(len(side), dtype=np.float32) for side in texts]
    none = np.zeros(len(every))
    pairs = ScoredPairs(left, right, none.astype(np.float32), none.astype(np.uint16), best[0], best[-1])
    return pairs, (copies[0], copies[-1])


def ends(written):
    return list(zip(written.left.tolist(), written.right.tolist(), strict=True))


@given(st.lists(few, min_size=1, max_size=4), st.lists(few, min_size=1, max_size=4))
def test_of_two_tables_every_pair_of_records_is_written_once(left, right):
    pairs, copies = all_pairs([left, right], one_table=False)
    found = ends(written_out(pairs, np.arange(len(pairs)), copies, None))
    assert len(found) == len(set(found)) == sum(left) * sum(right)


@given(st.lists(few, min_size=1, max_size=4))
def test_of_one_table_every_pair_of_records_is_written_once(sizes):
    pairs, copies = all_pairs([sizes], one_table=True)
    found = ends(written_out(pairs, np.arange(len(pairs)), copies, None))
    assert len(found) == len(set(found)) == sum(sizes) * (sum(sizes) - 1) // 2
    assert all(i < j for i, j in found)


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_record_meets_few_copies_of_a_text_and_the_i_th_the_i_th(left, right):
    pairs, copies = all_pairs([[left], [right]], one_table=False)
    found = ends(written_out(pairs, np.arange(1), copies, None))
    assert len(found) == len(set(found)) == min(left, right) * min(max(left, right), COPIES_MET)
    for side in zip(*found, strict=True):
        assert max(Counter(side).values()) <= COPIES_MET
    if left == right:
        assert set(zip(range(left), range(left), strict=True)) <= set(found)


@given(st.integers(2, 60))
def test_within_a_group_of_one_table_a_record_meets_few_others(size):
    pairs, copies = all_pairs([[size]], one_table=True)
    found = ends(written_out(pairs, np.arange(1), copies, None))
    assert len(found) == len(set(found))
    met = Counter(row for pair in found for row in pair)
    assert set(met.values()) == {min(size - 1, COPIES_MET)}


@given(st.lists(few, min_size=1, max_size=4), st.integers(0, 30), st.booleans())
def test_fewer_are_the_first_ones(sizes, most, one_table):
    pairs, copies = all_pairs([sizes] if one_table else [sizes, sizes[::-1]], one_table=one_table)
    order = np.random.default_rng(0).permutation(len(pairs))
    every = written_out(pairs, order, copies, None)
    some = written_out(pairs, order, copies, most)
    assert ends(some) == ends(every)[:most]
    assert some.at.tolist() == every.at.tolist()[:most]
    at = np.unique(every.at, return_index=True)[1]
    assert every.at[np.sort(at)].tolist() == order.tolist(), "the pairs come in the order asked for"
