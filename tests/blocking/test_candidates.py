"""The join, against comparing everything with everything."""

import tracemalloc
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking import candidates
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
    assert report == JoinReport()


@given(tables, tables, st.integers(1, 4))
def test_an_oversized_bucket_still_gives_every_record_as_many_as_are_allowed(left, right, most):
    sizes = [Counter(buckets[band] for buckets in right.buckets) for band in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MAX_BUCKET", most)
        rows, report, _ = joined(left, right)
    wanted = brute_force(left, right)
    assert all(n <= wanted[pair] for pair, n in rows)
    for i, buckets in enumerate(left.buckets):
        found = [sizes[band][bucket] for band, bucket in enumerate(buckets) if bucket]
        met = sum(n for (row, _), n in rows if row == i)
        assert met == sum(min(size, most) for size in found)
        assert sum(row == i for (row, _), _ in rows) >= min(max(found, default=0), most)
    assert report.joined + report.skipped == sum(wanted.values())
    assert report.joined == sum(n for _, n in rows)
    keys = [sizes[b][bucket] for buckets in left.buckets for b, bucket in enumerate(buckets) if bucket]
    assert report.oversized_keys == sum(size > most for size in keys)
    assert report.largest_bucket == max(keys, default=0)


def test_in_an_oversized_bucket_a_record_meets_those_next_to_it_in_order(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 3)
    random = np.random.default_rng(0)
    places = random.permutation(20)
    left = Table([[1]], bands=1, order=(10,))
    right = Table([[1]] * 20, bands=1, order=tuple(places.tolist()))
    rows, report, _ = joined(left, right)
    assert sorted(places[j] for (_, j), _ in rows) == [9, 10, 11]
    assert report == JoinReport(joined=3, distinct=3, oversized_keys=1, skipped=17, largest_bucket=20)


@pytest.mark.parametrize(("place", "met"), [(0, [5, 6, 7]), (5, [5, 6, 7]), (99, [22, 23, 24])])
def test_at_the_ends_of_a_bucket_it_meets_the_last_ones(place, met, monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 3)
    rows, _, _ = joined(
        Table([[1]], bands=1, order=(place,)), Table([[1]] * 20, bands=1, order=tuple(range(5, 25)))
    )
    assert [j + 5 for (_, j), _ in rows] == met


def test_the_fuller_a_bucket_the_fewer_of_it_a_record_meets(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 200)
    met = []
    for size in (200, 400, 10_000):
        places = tuple(np.random.default_rng(0).permutation(size).tolist())
        rows, report, _ = joined(
            Table([[1]], bands=1, order=(size // 2,)), Table([[1]] * size, bands=1, order=places)
        )
        near = [abs(places[j] - size // 2) for (_, j), _ in rows]
        assert max(near) <= -(-len(rows) // 2)
        assert report.joined == len(rows) == size - report.skipped
        met.append(len(rows))
    assert met == [200, 100, 64]


def test_in_one_table_every_record_keeps_pairs_in_an_oversized_bucket(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_BUCKET", 4)
    order = tuple(np.random.default_rng(1).permutation(30).tolist())
    rows, report, _ = joined(Table([[1]] * 30, bands=1, order=order), None)
    assert report.oversized_keys == 30
    met = {row for pair, _ in rows for row in pair}
    assert met == set(range(30))
    assert all(i < j for (i, j), _ in rows)
    assert all(abs(order[i] - order[j]) <= 4 for (i, j), _ in rows)


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
    assert pairs == report.joined == 10 * size
    assert report.skipped == size * (size - 10)
    assert (report.oversized_keys, report.largest_bucket) == (size, size)
    # Some arrays of the tables' size and some chunks; the pairs would take 25 GB.
    assert peak < 40e6
