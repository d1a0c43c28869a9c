"""Candidates scored, and the best of every record."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking import candidates, score
from erblock.blocking.candidates import JoinReport, join
from erblock.blocking.ranks import best_values, rank_within
from erblock.blocking.score import best_first, kept_per_record, score_candidates
from erblock.hashing.minhash import fit_minhash


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


def test_of_a_record_with_too_many_candidates_the_best_go_on(sketches, monkeypatch):
    whole = score_candidates(*sketches, JoinReport())
    monkeypatch.setattr(score, "KEEP_PER_RECORD", 2)
    pairs = score_candidates(*sketches, JoinReport())
    assert len(pairs) < len(whole)
    assert (np.bincount(pairs.left) <= 2).all()
    for row in range(120):
        best = np.sort(whole.similarity[whole.left == row])[::-1][:2]
        assert np.sort(pairs.similarity[pairs.left == row])[::-1].tolist() == best.tolist()
    assert np.array_equal(pairs.best_right, whole.best_right)


def test_of_large_tables_fewer_candidates_a_record_go_on():
    assert [kept_per_record(records) for records in (0, 300_000, 1_000_000, 10**8)] == [100, 100, 30, 20]


def test_the_same_pairs_seen_with_another_similarity(scored):
    for sizes in ((3, 3), (3,)):
        pairs = scored([0, 0, 1], [1, 2, 2], [0.1, 0.2, 0.3], sizes)
        other = pairs.seen_as(np.array([0.9, 0.2, 0.1], dtype=np.float32))
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
    monkeypatch.setattr(score, "_GROUPS", 7)
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
