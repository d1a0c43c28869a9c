"""The ranking over all pairs, and evidence in it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.scoring.competition import competition_of, ranking, with_evidence

ODDS = st.floats(-8, 8, width=32)


def odds_for(data, pairs):
    return np.array(data.draw(st.lists(ODDS, min_size=len(pairs), max_size=len(pairs))), dtype=np.float32)


@given(st.data())
def test_competition_is_a_share_and_the_same_on_both_sides_of_one_table(any_scored, data):
    pairs = data.draw(any_scored())
    left, right = competition_of(pairs)
    assert 0.2 <= left <= 1
    assert 0.2 <= right <= 1
    if pairs.one_table:
        assert left == right


@given(st.data())
def test_evidence_leaves_pairs_and_competition_as_they_are(any_scored, data):
    pairs = data.draw(any_scored())
    found = with_evidence(pairs, odds_for(data, pairs))
    assert found.left is pairs.left
    assert found.right is pairs.right
    assert found.one_table == pairs.one_table
    assert found.competition == competition_of(found) == competition_of(pairs)
    assert (found.similarity >= 0).all()
    assert (found.best_left[found.left] >= found.similarity).all()


@given(st.data(), ODDS)
def test_the_same_evidence_for_all_changes_no_order(any_scored, data, odds):
    pairs = data.draw(any_scored())
    plain = with_evidence(pairs, np.zeros(len(pairs), dtype=np.float32))
    moved = with_evidence(pairs, np.full(len(pairs), odds, dtype=np.float32))
    difference = moved.similarity - plain.similarity
    assert np.ptp(difference) <= 1e-5 if len(pairs) else True


@given(st.data())
def test_more_evidence_for_a_pair_never_ranks_it_lower(any_scored, data):
    pairs = data.draw(any_scored())
    if not len(pairs):
        return
    pairs = replace(pairs, competition=competition_of(pairs))
    odds = odds_for(data, pairs)
    at = data.draw(st.integers(0, len(pairs) - 1))
    more = odds.copy()
    more[at] += data.draw(st.floats(0, 4, width=32))
    before, after = (ranking(with_evidence(pairs, each)) for each in (odds, more))
    others = np.arange(len(pairs)) != at
    assert ((after[at] - after[others]) >= (before[at] - before[others]) - 1e-3).all()


def test_evidence_turns_a_pair_that_looked_second(scored):
    pairs = scored([0, 0, 1, 1], [0, 1, 0, 1], [0.80, 0.82, 0.5, 0.81], (2, 2))
    plain = ranking(pairs)
    assert plain[1] > plain[0]
    weighed = ranking(with_evidence(pairs, np.array([4, -4, -4, 4], dtype=np.float32)))
    assert weighed[0] > weighed[1]
    assert weighed[3] > weighed[1]


def test_known_competition_is_used_as_it_is(scored):
    pairs = scored([0, 1], [0, 1], [0.8, 0.9], (2, 2))
    assert competition_of(replace(pairs, competition=(0.3, 0.6))) == (0.3, 0.6)


def test_no_pairs_have_no_ranking(scored):
    none = with_evidence(scored([], [], [], (2, 2)), np.zeros(0, dtype=np.float32))
    assert ranking(none).shape == (0,)
    assert none.competition == pytest.approx((1, 1))
