"""The join, against comparing everything with everything."""

import tracemalloc
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking import candidates
from erblock.blocking.bucket_runs import LEAST_WINDOW, window
from erblock.blocking.candidates import JoinReport, join
from erblock.hashing.base import BandKeys


@dataclass(frozen=True)
class Table:
    """A sketch made by hand: the bucket of every record in every band, 0 for none."""

    buckets: list[list[int]]
    bands: int = 3
    order: tuple[int, ...] = ()

    def __len__(self):
        return len(self.buckets)

    def keys(self, band):
        rows = [row for row, buckets in enumerate(self.buckets) if buckets[band]]
        numbers = np.array([self.buckets[row][band] for row in rows], dtype=np.uint64) << np.uint64(32)
        return BandKeys(np.array(rows, dtype=np.uint32), numbers)

    def neighbour_order(self):
        return np.array(self.order or range(len(self)), dtype=np.uint32)


tables = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=12).map(Table)


def brute_force(left, right):
    """How many bands every pair of rows meets in."""
    met = Counter()
    for i, one in enumerate(left.buckets):
        for j, other in enumerate(left.buckets if right is None else right.buckets):
            if right is not None or i < j:
                met[i, j] += sum(a == b != 0 for a, b in zip(one, other, strict=True))
    return +met


def joined(left, right):
    report = JoinReport()
    chunks = list(join(left, right, report))
    rows = [
        ((i, j), n)
        for chunk in chunks
        for i, j, n in zip(chunk.left.tolist(), chunk.right.tolist(), chunk.bands.tolist(), strict=True)
    ]
    assert report.distinct == len(rows)
    return rows, report, len(chunks)


@given(tables, tables)
def test_two_tables_are_joined_to_what_a_full_comparison_finds(left, right):
    rows, report, _ = joined(left, right)
    assert rows == sorted(brute_force(left, right).items())
    assert report.joined == sum(brute_force(left, right).values())
    assert (report.oversized_keys, report.skipped) == (0, 0)


@given(tables)
def test_one_table_has_every_pair_once_smaller_row_first(table):
    rows, _, _ = joined(table, None)
    assert rows == sorted(brute_force(table, None).items())


@given(tables, st.none() | tables, st.integers(1, 8))
def test_the_size_of_chunks_changes_nothing(left, right, size):
    whole, report, _ = joined(left, right)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_CHUNK_PAIRS", size)
        rows, chunked, _ = joined(left, right)
    assert (rows, chunked) == (whole, report)


@given(tables, tables)
def test_buckets_are_counted_by_powers_of_two(left, right):
    _, report, _ = joined(left, right)
    expected = Counter()
    for band in range(left.bands):
        held = Counter(buckets[band] for buckets in right.buckets)
        expected.update(
            (held[buckets[band]] if buckets[band] else 0).bit_length() for buckets in left.buckets
        )
    assert {i: count for i, count in enumerate(report.sizes) if count} == expected


def test_a_small_chunk_makes_more_of_them(monkeypatch):
    table = Table([[1, 0, 0]] * 6)
    assert joined(table, table)[2] == 1
    monkeypatch.setattr(candidates, "_CHUNK_PAIRS", 12)
    assert joined(table, table)[2] == 3
    monkeypatch.setattr(candidates, "_CHUNK_PAIRS", 1)
    assert joined(table, table)[2] == 6


def test_tables_without_a_bucket_in_common_have_no_pairs():
    rows, report, _ = joined(Table([[1, 1, 1]]), Table([[2, 2, 0]]))
    assert rows == []
    assert report == JoinReport(bands=3)


def by_definition(left, right, most):
    """How many bands every pair of rows meets in where buckets of more than `most` records are too full."""
    met = Counter()
    other = left if right is None else right
    for band in range(left.bands):
        for bucket in {buckets[band] for buckets in left.buckets} - {0}:
            met.update(near_pairs(left, other, band, bucket, most))
    return +Counter({pair: n for pair, n in met.items() if right is not None or pair[0] < pair[1]})


def near_pairs(left, right, band, bucket, most):
    """The pairs of a bucket: all, or those at most so many places apart in the order of both tables."""
    sides = [
        sorted(
            (table.neighbour_order()[row], row)
            for row in range(len(table))
            if table.buckets[row][band] == bucket
        )
        for table in (left, right)
    ]
    size = max(map(len, sides))
    if size <= most:
        return [(i, j) for _, i in sides[0] for _, j in sides[1]]
    near = window(size, most)
    places = [
        [
            (number + sum(other < order for other, _ in others)) * most // near
            for number, (order, _) in enumerate(own)
        ]
        for own, others in (sides, sides[::-1])
    ]
    return [
        (i, j)
        for place, (_, i) in zip(places[0], sides[0], strict=True)
        for other, (_, j) in zip(places[1], sides[1], strict=True)
        if abs(place - other) <= most
    ]


orders = st.lists(st.integers(0, 9), min_size=12, max_size=12)
ordered_tables = st.builds(
    lambda buckets, order: Table(buckets, order=tuple(order[: len(buckets)])),
    st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=12),
    orders,
)


@given(ordered_tables, st.none() | ordered_tables, st.integers(1, 4))
def test_of_an_overfull_bucket_those_meet_that_stand_near(left, right, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MAX_BUCKET", most)
        rows, report, _ = joined(left, right)
    assert rows == sorted(by_definition(left, right, most).items())
    other = left if right is None else right
    full = [
        (len(mine), len(theirs), band, bucket)
        for band in range(3)
        for bucket in (1, 2)
        for mine in [[row for row in left.buckets if row[band] == bucket]]
        for theirs in [[row for row in other.buckets if row[band] == bucket]]
    ]
    assert report.joined + report.skipped == sum(mine * theirs for mine, theirs, _, _ in full)
    assert report.largest_bucket == max((theirs for mine, theirs, _, _ in full if mine), default=0)
    if right is not None:
        assert report.joined == sum(n for _, n in rows)


@pytest.mark.parametrize("sizes", [(300, 300), (150, 700), (700, 20), (500, 1)])
def test_so_it_is_of_a_bucket_that_is_far_too_full(sizes, monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 100)
    random = np.random.default_rng(4)
    for spread in (10**9, 40):
        left, right = (
            Table([[1]] * size, bands=1, order=tuple(random.integers(0, spread, size).tolist()))
            for size in sizes
        )
        rows, _, _ = joined(left, right)
        assert rows == sorted(by_definition(left, right, 100).items())
        assert 0 < len(rows) < sizes[0] * sizes[1]


@given(ordered_tables, ordered_tables, st.integers(1, 12))
def test_which_table_is_the_left_one_changes_no_pair(left, right, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MAX_BUCKET", most)
        there, back = joined(left, right), joined(right, left)
    assert sorted(((j, i), n) for (i, j), n in there[0]) == back[0]
    assert (there[1].joined, there[1].skipped) == (back[1].joined, back[1].skipped)


@given(ordered_tables, st.integers(1, 4))
def test_a_table_meets_itself_as_it_does_its_copy(table, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MAX_BUCKET", most)
        once, twice = joined(table, None)[0], joined(table, Table(table.buckets, order=table.order))[0]
    assert once == [((i, j), n) for (i, j), n in twice if i < j]


def test_in_an_overfull_bucket_a_record_meets_those_next_to_it_in_order(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 3)
    places = np.random.default_rng(0).permutation(20)
    left = Table([[1]], bands=1, order=(10,))
    right = Table([[1]] * 20, bands=1, order=tuple(places.tolist()))
    rows, report, _ = joined(left, right)
    # It is tenth of all, before the right one of its own number.
    assert sorted(places[j] for (_, j), _ in rows) == [7, 8, 9, 10, 11, 12]
    found = {"joined": 6, "distinct": 6, "oversized_keys": 1, "skipped": 14, "largest_bucket": 20}
    assert report == JoinReport(**found, bands=1)
    assert report.sizes == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("place", "met"), [(0, [5, 6, 7]), (5, [5, 6, 7]), (7, [5, 6, 7, 8, 9]), (99, [22, 23, 24])]
)
def test_at_the_ends_of_a_bucket_it_meets_the_last_ones(place, met, monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 3)
    rows, _, _ = joined(
        Table([[1]], bands=1, order=(place,)), Table([[1]] * 20, bands=1, order=tuple(range(5, 25)))
    )
    assert [j + 5 for (_, j), _ in rows] == met


def test_the_fuller_a_bucket_the_fewer_of_it_a_record_meets(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 200)
    met = []
    for size in (201, 400, 10_000):
        places = tuple(np.random.default_rng(0).permutation(size).tolist())
        rows, report, _ = joined(
            Table([[1]], bands=1, order=(size // 2,)), Table([[1]] * size, bands=1, order=places)
        )
        near = [abs(places[j] - size // 2) for (_, j), _ in rows]
        assert max(near) <= -(-len(rows) // 2) + 1
        assert report.joined == len(rows) == size - report.skipped
        met.append(len(rows))
    assert met[0] == 201
    assert met[1] == pytest.approx(2 * 100, abs=2)
    assert met[2] == pytest.approx(2 * LEAST_WINDOW, abs=2)


def test_in_one_table_every_record_keeps_pairs_in_an_overfull_bucket(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 4)
    order = tuple(np.random.default_rng(1).permutation(30).tolist())
    rows, report, _ = joined(Table([[1]] * 30, bands=1, order=order), None)
    assert report.oversized_keys == 30
    met = {row for pair, _ in rows for row in pair}
    assert met == set(range(30))
    assert all(i < j for (i, j), _ in rows)
    # Its own copy is beside every record: four places are two records.
    assert {abs(order[i] - order[j]) for (i, j), _ in rows} == {1, 2}


def test_a_bucket_that_holds_everything_costs_its_windows_and_is_reported(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 10)
    monkeypatch.setattr(candidates, "_CHUNK_PAIRS", 20_000)
    size = 50_000
    table = Table([[1]] * size, bands=1, order=tuple(np.random.default_rng(3).permutation(size).tolist()))
    report = JoinReport()
    tracemalloc.start()
    pairs = sum(len(chunk.left) for chunk in join(table, table, report))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Five to either side and its own copy, fewer at the ends.
    assert pairs == report.joined == 11 * size - 2 * (1 + 2 + 3 + 4 + 5)
    assert report.skipped == size * size - pairs
    assert (report.oversized_keys, report.largest_bucket) == (size, size)
    # Some arrays of the tables' size and some chunks; the pairs would take 25 GB.
    assert peak < 40e6
