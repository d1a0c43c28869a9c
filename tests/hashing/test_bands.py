"""Bands and their buckets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.hashing.bands import BandPlan, band_bucket, joined_rows


@pytest.mark.parametrize("plan", [BandPlan(1, 1), BandPlan(8, 2), BandPlan(20, 5)])
def test_found_is_the_share_of_pairs_that_meet(plan):
    random = np.random.default_rng(0)
    for agreement in (0.2, 0.5, 0.8):
        agrees = random.random((20_000, plan.bands, plan.rows)) < agreement
        met = agrees.all(axis=2).any(axis=1).mean()
        assert plan.found(agreement) == pytest.approx(met, abs=0.02)


def test_found_at_the_ends():
    plan = BandPlan(7, 3)
    assert plan.found(0) == 0
    assert plan.found(1) == 1


def test_records_share_a_bucket_where_all_values_of_the_band_agree():
    values = np.array([[1, 1, 1], [2, 2, 9], [3, 4, 3], [5, 5, 5]], dtype=np.uint32)
    first, second = (band_bucket(values, BandPlan(2, 2), band) for band in (0, 1))
    assert first[0] == first[1] != first[2]
    assert second[0] == second[2] != second[1]


def test_the_same_values_fall_in_other_buckets_in_another_band_or_order():
    values = np.array([[1, 2], [2, 1], [1, 2], [2, 1]], dtype=np.uint32)
    first, second = (band_bucket(values, BandPlan(2, 2), band) for band in (0, 1))
    assert len({*first.tolist(), *second.tolist()}) == 4


def test_the_upper_half_alone_tells_buckets_apart():
    values = np.arange(20_000, dtype=np.uint32)[None, :]
    buckets = band_bucket(values, BandPlan(1, 1), 0)
    assert len(np.unique(buckets >> np.uint64(32))) >= 19_999


@given(st.lists(st.integers(0, 5), max_size=20), st.lists(st.integers(0, 5), max_size=20))
def test_joined_rows_counts_the_rows_of_an_equi_join(left, right):
    wanted = sum(a == b for a in left for b in right)
    assert joined_rows(np.array(left, dtype=np.uint64), np.array(right, dtype=np.uint64)) == wanted
