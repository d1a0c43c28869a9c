"""The estimated recall of a cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.blocking.recall import RecallCurve, recall_curve

places = st.lists(st.integers(1, 500), min_size=20, max_size=60).map(np.sort)
curves = st.builds(RecallCurve, places, places)

EXACT = 1e-9


def test_a_cut_keeps_the_pairs_up_to_its_place():
    curve = RecallCurve(np.arange(1, 21), np.arange(1, 21))
    assert [curve.at(pairs).value for pairs in (0, 20)] == [0, 1]
    assert curve.at(10).value == pytest.approx((0.5 + 0.75) / 2)
    assert curve.reaching(1) == 20


@given(curves, st.integers(0, 600))
def test_an_estimate_is_a_share_inside_its_interval(curve, pairs):
    estimate = curve.at(pairs)
    assert -EXACT <= estimate.low <= estimate.value + EXACT
    assert estimate.value - EXACT <= estimate.high <= 1 + EXACT


@given(curves, st.integers(0, 600), st.integers(0, 600))
def test_more_pairs_never_keep_less(curve, one, other):
    less, more = (curve.at(pairs).value for pairs in sorted((one, other)))
    assert less <= more


@given(curves, st.floats(0.01, 0.99))
def test_a_target_is_reached_with_as_few_pairs_as_can_be(curve, target):
    pairs = curve.reaching(target)
    assert curve.at(pairs).value >= target
    assert pairs == 1 or curve.at(pairs - 1).value < target


def matched(scored, random, *, noise):
    """Two tables of 200 records, record i of one is that of the other; and two noisy views of them."""
    every = [(i, j) for i in range(200) for j in range(200) if i == j or random.random() < 0.1]
    same = np.array([i == j for i, j in every])
    views = [
        np.clip(0.3 + 0.5 * same + random.normal(scale=noise, size=len(every)), 0, 1).astype(np.float32)
        for _ in range(2)
    ]
    pairs = scored([i for i, _ in every], [j for _, j in every], sum(views) / 2, (200, 200))
    return pairs, tuple(views), same


@pytest.mark.parametrize("noise", [0.05, 0.15])
def test_views_that_miss_independently_tell_what_a_cut_keeps(scored, noise):
    pairs, views, same = matched(scored, np.random.default_rng(0), noise=noise)
    curve = recall_curve(pairs, views)
    assert curve.usable
    best = np.argsort(-pairs.similarity)
    for size in (100, 200):
        assert curve.at(size).value == pytest.approx(same[best[:size]].mean() * size / 200, abs=0.15)


def test_a_handful_of_sure_pairs_is_not_usable(scored):
    pairs = scored([0, 1], [0, 1], [0.9, 0.8], (2, 2))
    assert not recall_curve(pairs, (pairs.similarity, pairs.similarity)).usable


def test_no_pairs_are_not_usable(scored):
    pairs = scored([], [], [], (2, 2))
    assert not recall_curve(pairs, (pairs.similarity, pairs.similarity)).usable
