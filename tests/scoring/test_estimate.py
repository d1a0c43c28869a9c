"""The estimated recall of a cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from erblock.blocking.budget import Budget, cut
from erblock.errors import ConfigError
from erblock.scoring.estimate import (
    ExpectedMatches,
    Unmet,
    expected_matches,
    never_met,
    own_share,
    pooled,
)

EXACT = 1e-9
clear = st.floats(1e-9, 0.09) | st.floats(0.91, 1 - 1e-9)
probabilities = st.lists(clear, min_size=1, max_size=60).map(np.array)


def test_a_cut_keeps_its_share_of_the_probabilities():
    expected = ExpectedMatches(np.full(100, logit(0.95)))
    kept = expected.kept(np.arange(50))
    assert kept.value == pytest.approx(0.5)
    assert kept.low < 0.5 < kept.high
    assert (kept.kept, kept.cut_off, kept.never_met) == pytest.approx((47.5, 47.5, 0))
    assert expected.kept(np.arange(100)).value == pytest.approx(1)


def test_the_less_matches_stand_out_the_wider_the_interval_until_nothing_is_said():
    def estimate(doubtful):
        probability = np.concatenate([np.full(100, 0.99), np.full(doubtful, 0.3), np.full(900, 0.001)])
        return ExpectedMatches(logit(probability)).kept(np.arange(100))

    widths = [estimate(doubtful).high - estimate(doubtful).low for doubtful in (0, 20, 60, 100)]
    assert widths == sorted(widths)
    assert widths[0] < 0.06
    assert widths[-1] > 0.2
    assert estimate(300) is None


def test_matches_that_met_in_no_band_are_estimated_from_how_often_the_others_met():
    random = np.random.default_rng(0)
    bands, chance = 128, np.concatenate([np.full(3_000, 0.2), np.full(3_000, 0.02), np.full(3_000, 0.01)])
    met = random.binomial(bands, chance)
    unseen = int((met == 0).sum())
    found = never_met(np.ones(9_000)[met > 0], met[met > 0], bands)
    assert unseen > 900
    assert found.by_rarity == pytest.approx(unseen, rel=0.25)
    assert found.by_probability == pytest.approx(unseen, rel=0.25)
    certain = never_met(np.ones(100), np.full(100, 90), bands)
    assert (certain.by_probability, certain.by_rarity) == pytest.approx((0, 0), abs=1e-9)


def test_what_was_never_met_lowers_the_recall_and_widens_the_interval():
    log_odds = np.full(100, logit(0.99))
    seen, more = (
        ExpectedMatches(log_odds, unmet=unmet).kept(np.arange(100)) for unmet in (Unmet(), Unmet(10, 30))
    )
    assert seen.value == pytest.approx(1)
    assert more.value == pytest.approx(99 / 119)
    assert more.never_met == 20
    assert more.low < 99 / 129 + 0.01
    assert more.high > 99 / 109 - 0.01


@given(probabilities, st.data())
def test_an_estimate_is_a_share_inside_its_interval(probability, data):
    at = np.arange(data.draw(st.integers(0, len(probability))))
    estimate = ExpectedMatches(logit(probability)).kept(at)
    assert 0 <= estimate.low <= estimate.value + EXACT
    assert estimate.value - EXACT <= estimate.high <= 1


@given(probabilities, st.data())
def test_more_pairs_never_keep_less(probability, data):
    size = st.integers(0, len(probability))
    few, many = sorted((data.draw(size), data.draw(size)))
    expected = ExpectedMatches(logit(probability))
    assert expected.kept(np.arange(few)).value <= expected.kept(np.arange(many)).value + EXACT


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=60).map(np.array), st.floats(0.01, 0.99))
def test_a_target_is_reached_with_as_few_pairs_as_can_be(probability, target):
    expected = ExpectedMatches(logit(probability))
    order = np.random.default_rng(0).permutation(len(probability))
    pairs = expected.reaching(target, order)
    share = np.cumsum(probability[order]) / probability.sum()
    assert share[pairs - 1] >= target - 2 * EXACT
    assert pairs == 1 or share[pairs - 2] < target


def matched(scored, *, noise, alone=0):
    """Two tables of 300 records, record i of one that of the other but for the last `alone` of them."""
    random = np.random.default_rng(0)
    every = [(i, j) for i in range(300) for j in range(300) if i == j or random.random() < 0.1]
    same = np.array([i == j and i < 300 - alone for i, j in every])
    similarity = np.clip(0.3 + 0.4 * same + random.normal(scale=noise, size=len(every)), 0, 1)
    left, right = ([pair[side] for pair in every] for side in (0, 1))
    return scored(left, right, similarity.astype(np.float32), (300, 300)), same


@pytest.mark.parametrize(("noise", "alone", "off"), [(0.05, 0, 0.06), (0.07, 0, 0.06), (0.05, 150, 0.12)])
def test_the_estimate_is_near_the_truth_for_records_with_and_without_a_match(scored, noise, alone, off):
    pairs, same = matched(scored, noise=noise, alone=alone)
    expected = expected_matches(pairs, pairs.similarity)
    assert expected.probability.sum() == pytest.approx(same.sum(), rel=0.12)
    for size in (same.sum() // 2, same.sum()):
        kept = cut(pairs, Budget(max_pairs=int(size)), expected)
        assert kept.recall.value == pytest.approx(same[kept.kept].sum() / same.sum(), abs=off)


def test_in_one_table_a_record_may_have_several_matches(scored):
    every = [(i, j) for i in range(120) for j in range(i + 1, 120) if i // 4 == j // 4 or (i + j) % 11 == 0]
    same = np.array([i // 4 == j // 4 for i, j in every])
    noise = np.random.default_rng(0).normal(scale=0.03, size=len(every))
    left, right = (np.array([pair[side] for pair in every]) for side in (0, 1))
    pairs = scored(left, right, (0.3 + 0.5 * same + noise).astype(np.float32), (120,))
    expected = expected_matches(pairs, pairs.similarity).probability
    assert expected.sum() == pytest.approx(same.sum(), rel=0.1)
    assert np.bincount(np.concatenate([left, right]), weights=np.tile(expected, 2)).max() > 2


def test_where_candidates_are_rivals_a_record_expects_one_match_at_most(scored):
    pairs, _ = matched(scored, noise=0.05)
    expected = expected_matches(pairs, pairs.similarity).probability
    for records in (pairs.left, pairs.right):
        assert np.bincount(records, weights=expected).max() <= 1.01


def test_a_handful_of_sure_pairs_is_not_usable(scored):
    pairs = scored([0, 1], [0, 1], [0.9, 0.8], (2, 2))
    expected = expected_matches(pairs, pairs.similarity)
    assert not expected.usable
    assert cut(pairs, Budget(), expected).recall is None
    with pytest.raises(ConfigError, match="cannot be estimated, as too few records have a match"):
        cut(pairs, Budget(target_recall=0.9), expected)


def test_no_pairs_are_not_usable(scored):
    pairs = scored([], [], [], (2, 2))
    assert not expected_matches(pairs, pairs.similarity).usable


def test_two_opinions_are_pooled_as_the_mean_of_their_log_odds():
    relative, own = np.array([4.0, -2.0, 0.0]), np.array([0.0, 2.0, -6.0], dtype=np.float32)
    assert pooled(relative, own, 0.0) == pytest.approx(relative)
    assert pooled(relative, own, 0.5) == pytest.approx([2.0, 0.0, -2.5])
    assert pooled(relative, own, 0.25) == pytest.approx([3.0, -1.0, -1.25])


def test_a_pairs_own_odds_count_as_far_as_its_records_may_have_several_matches(scored):
    def share(competition, sizes):
        rows = np.zeros(1, dtype=np.int64)
        pairs = scored(rows, rows + 1, np.ones(1, dtype=np.float32), sizes)
        return own_share(replace(pairs, competition=competition))

    assert share((1.0, 1.0), (2, 2)) == 0
    assert share((0.2, 1.0), (2, 2)) == pytest.approx(0.4)
    assert share((1.0, 0.2), (2, 2)) == share((0.2, 1.0), (2, 2))
    assert share((1.0, 1.0), (2,)) == 0.5
