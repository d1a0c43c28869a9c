"""Candidates scored, and the best of every record."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.blocking import candidates, score
from erblock.blocking.candidates import JoinReport, join
from erblock.blocking.score import kept_per_record, score_candidates
from erblock.hashing.base import keys_of_band
from erblock.hashing.minhash import fit_minhash
from erblock.scoring import ranks
from erblock.scoring.pairs import best_first
from erblock.scoring.ranks import best_values, rank_within


@pytest.fixture(scope="module")
def sketches(products):
    texts = [table["name"] for table in products(120)]
    hasher = fit_minhash(*texts)
    return [hasher.sketch(side) for side in texts]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30))
def test_a_rank_is_the_place_within_the_group_ties_as_they_stand(rows):
    groups = np.array([group for group, _ in rows], dtype=np.int64)
    scores = np.array([value for _, value in rows], dtype=np.float32)
    wanted = [
        sum(g == group and (v > value or (v == value and at < here)) for at, (g, v) in enumerate(rows))
        for here, (group, value) in enumerate(rows)
    ]
    assert rank_within(groups, scores).tolist() == wanted


@pytest.mark.parametrize("one_table", [False, True])
def test_every_candidate_is_scored_and_the_best_of_every_record_kept(one_table, sketches):
    left, right = sketches[0], None if one_table else sketches[1]
    other = left if right is None else right
    report = JoinReport()
    pairs = score_candidates(left, right, report)
    assert pairs.one_table == one_table
    assert report.distinct == len(pairs) == sum(len(chunk.left) for chunk in join(left, right, JoinReport()))
    assert pairs.similarity == pytest.approx(left.similarity(other, pairs.left, pairs.right), abs=1e-6)
    for side, rows, best in (
        ("left", [pairs.left, pairs.right] if one_table else [pairs.left], pairs.best_left),
        ("right", [pairs.left, pairs.right] if one_table else [pairs.right], pairs.best_right),
    ):
        frame = pl.concat([pl.DataFrame({"row": row, "s": pairs.similarity}) for row in rows])
        wanted = dict(frame.group_by("row").agg(pl.col("s").max()).rows())
        assert best.tolist() == pytest.approx([wanted.get(i, 0.0) for i in range(len(best))]), side


def test_chunks_change_nothing_and_progress_ends_once(sketches, monkeypatch):
    whole = score_candidates(*sketches, JoinReport())
    monkeypatch.setattr(candidates, "_CHUNK_PAIRS", 200)
    told = []
    parts = score_candidates(*sketches, JoinReport(), lambda *what: told.append(what))
    for name in ("left", "right", "similarity", "bands", "best_left", "best_right"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert len(told) > 2
    done = [at for _, at, _ in told]
    assert all(a <= b for a, b in pairwise(done))
    assert done.count(120) == 1


@dataclass(frozen=True)
class Table:
    """A sketch made by hand: buckets, the neighbour order, and a number that similarities are made from."""

    rows: list[tuple[tuple[int, int], int, int]]
    bands: int = 2

    def __len__(self):
        return len(self.rows)

    def keys(self, band):
        return keys_of_band(np.array([buckets[band] for buckets, _, _ in self.rows], dtype=np.uint32))

    def neighbour_order(self):
        return np.array([order for _, order, _ in self.rows], dtype=np.uint32)

    def similarity(self, other, left, right):
        ours, theirs = (np.array([value for *_, value in side.rows]) for side in (self, other))
        # Few values, so that there are ties.
        return (1 + ours[left] * theirs[right] % 5).astype(np.float32) / 8


bucket = st.integers(0, 2)
tables = st.lists(
    st.tuples(st.tuples(bucket, bucket), st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=14
).map(Table)


def scored_with(left, right, most, chunk=None, full=None, memory=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "KEEP_PER_RECORD", most)
        if chunk:
            patch.setattr(candidates, "_CHUNK_PAIRS", chunk)
            patch.setattr(candidates, "_LEAST_CHUNK", chunk)
        if full:
            patch.setattr(candidates, "MAX_BUCKET", full)
        return score_candidates(left, right, JoinReport(), memory=memory)


def rows_of(pairs):
    columns = (pairs.left, pairs.right, pairs.similarity, pairs.bands)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def best_by_definition(every, most, one_table):
    """Those among the best of either record; of equally similar ones, those with the lower rows opposite."""
    kept = set()
    for side in (0, 1):
        for record in {pair[side] for pair in every}:
            own = [pair for pair in every if pair[side] == record or (one_table and record in pair[:2])]
            own.sort(key=lambda pair: (-pair[2], pair[0] + pair[1] - record))
            kept.update(own[:most])
    return sorted(kept)


@given(tables, st.none() | tables, st.integers(1, 4))
def test_what_is_kept_is_the_best_of_either_record(left, right, most):
    whole = scored_with(left, right, 100)
    pairs = scored_with(left, right, most)
    assert rows_of(pairs) == best_by_definition(rows_of(whole), most, right is None)
    assert np.array_equal(pairs.best_left, whole.best_left)
    assert np.array_equal(pairs.best_right, whole.best_right)


@given(
    tables,
    st.none() | tables,
    st.integers(1, 3),
    st.sampled_from([1, 3, 10]),
    st.sampled_from([None, 1, 600]),
)
def test_neither_chunks_nor_room_change_what_is_kept(left, right, most, chunk, memory):
    whole, parts = scored_with(left, right, most), scored_with(left, right, most, chunk, memory=memory)
    assert rows_of(whole) == rows_of(parts)
    assert np.array_equal(whole.best_left, parts.best_left)
    assert np.array_equal(whole.best_right, parts.best_right)


def mirrored(pairs):
    return sorted((j, i, *rest) for i, j, *rest in rows_of(pairs))


@given(tables, tables, st.integers(1, 4), st.sampled_from([None, 1, 3]))
def test_which_table_is_the_left_one_changes_nothing(left, right, most, full):
    there, back = scored_with(left, right, most, full=full), scored_with(right, left, most, full=full)
    assert mirrored(there) == rows_of(back)
    assert np.array_equal(there.best_left, back.best_right)
    assert np.array_equal(there.best_right, back.best_left)


words = st.sampled_from(["red", "chair", "table", "x-100", "x-200", "oak", "lamp"])
texts = st.lists(st.lists(words, max_size=4).map(" ".join), min_size=1, max_size=15)


@settings(max_examples=30)
@given(texts, texts, st.sampled_from([1, 2, 100]), st.sampled_from([1, 2, 5, 2000]))
def test_nor_for_a_minhash_of_texts(left, right, most, full):
    left, right = pl.Series(left, dtype=pl.String), pl.Series(right, dtype=pl.String)
    hasher, other = fit_minhash(left, right), fit_minhash(right, left)
    there = scored_with(hasher.sketch(left), hasher.sketch(right), most, full=full)
    back = scored_with(other.sketch(right), other.sketch(left), most, full=full)
    assert mirrored(there) == rows_of(back)


def test_nor_for_tables_of_many_candidates(products):
    texts = [table["name"] for table in products(400)]
    hasher = fit_minhash(*texts)
    left, right = map(hasher.sketch, texts)
    for most, full in ((100, None), (3, None), (3, 20)):
        there, back = scored_with(left, right, most, full=full), scored_with(right, left, most, full=full)
        assert mirrored(there) == rows_of(back)
        assert len(there) >= 400


@dataclass(frozen=True)
class Rising(Table):
    """Records whose later pairs are all more similar."""

    def similarity(self, other, left, right):
        return ((left * len(other) + right) / (len(self) * len(other))).astype(np.float32)


@pytest.mark.parametrize("chunk", [50, 5_000, None])
def test_pairs_that_better_ones_come_for_later_are_not_kept(chunk):
    size = 300
    table = Rising([((1, 0), 0, 0)] * size)
    pairs = scored_with(table, Rising(table.rows), 1, chunk=chunk)
    last = size - 1
    assert sorted(zip(pairs.left, pairs.right, strict=True)) == sorted(
        {(row, last) for row in range(size)} | {(last, row) for row in range(size)}
    )


def test_of_large_tables_fewer_candidates_a_record_go_on():
    assert [kept_per_record(records) for records in (0, 600_000, 1_000_000, 10**8)] == [100, 100, 60, 10]


def test_the_same_pairs_seen_with_another_similarity(scored):
    for sizes in ((3, 3), (3,)):
        pairs = scored([0, 0, 1], [1, 2, 2], [0.1, 0.2, 0.3], sizes)
        other = pairs.with_similarity(np.array([0.9, 0.2, 0.1], dtype=np.float32))
        assert other.one_table == pairs.one_table
        assert other.best_left[0] == np.float32(0.9)
        assert other.best_right[1] == np.float32(0.9)
        assert pairs.best_left[0] == np.float32(0.2)


@given(st.data())
def test_best_first_is_by_score_then_left_then_right_row(any_scored, data):
    pairs = data.draw(any_scored())
    values = st.sampled_from([-1.5, -0.25, -0.0, 0.0, 1e-30, 0.5, 3.0])
    scores = data.draw(st.lists(values, min_size=len(pairs), max_size=len(pairs)))
    shuffled = np.array(data.draw(st.permutations(range(len(pairs)))), dtype=np.int64)
    for order in (np.arange(len(pairs)), shuffled):
        left, right = pairs.left[order], pairs.right[order]
        mixed = replace(pairs, left=left, right=right)
        found = best_first(mixed, np.array(scores, dtype=np.float32))
        wanted = sorted(range(len(pairs)), key=lambda i: (-scores[i], left[i], right[i]))
        assert found.tolist() == wanted


def test_a_large_group_is_ranked_as_a_small_one_is():
    random = np.random.default_rng(0)
    groups, scores = random.integers(0, 2, 500), random.integers(0, 50, 500)
    ranks = rank_within(groups, scores)
    for group in (0, 1):
        own = np.flatnonzero(groups == group)
        assert own[np.lexsort((own, -scores[own]))].tolist() == own[np.argsort(ranks[own])].tolist()
        assert sorted(ranks[own].tolist()) == list(range(len(own)))


def test_groups_are_ranked_in_parts_as_at_once(monkeypatch):
    random = np.random.default_rng(1)
    groups, scores = random.integers(0, 40, 300), random.integers(0, 9, 300)
    whole = rank_within(groups, scores)
    monkeypatch.setattr(ranks, "_GROUPS", 7)
    assert (rank_within(groups, scores) == whole).all()


@given(st.data())
def test_the_best_values_of_a_group_are_its_highest_in_order(data):
    size, most = data.draw(st.integers(0, 7)), data.draw(st.integers(1, 4))
    pair = st.tuples(st.integers(0, max(size - 1, 0)), st.sampled_from([-2.0, -0.0, 0.0, 0.25, 0.5, 3.0]))
    pairs = data.draw(st.lists(pair, max_size=30 if size else 0))
    groups, values = np.array([group for group, _ in pairs], dtype=np.int64), np.array([v for _, v in pairs])
    found = best_values(groups, values, size, most)
    assert found.shape == (size, most)
    for group in range(size):
        own = sorted(values[groups == group], reverse=True)[:most]
        assert found[group].tolist() == own + [-np.inf] * (most - len(own))
