"""How far features overlap, against brute force."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, record_keys
from erblock.hashing.overlap import first_shared_band, overlap_of

WORDS = st.lists(
    st.sampled_from(["amber", "birch", "cedar", "delta-12", "x900", "fjord"]), min_size=1, max_size=5
)
TEXTS = st.builds(lambda left, right: " ".join(left) + "\x1f" + " ".join(right), WORDS, WORDS)
WEIGHTS = 1 + 8 * np.random.default_rng(0).random(1 << ngrams.FEATURE_BITS).astype(np.float32)


@given(TEXTS, TEXTS)
@settings(max_examples=30)
def test_the_first_feature_agrees_as_often_as_is_said(left, right):
    found = overlap_of((left, right), WEIGHTS, BandPlan(512, 4.0))
    sets = [set(ngrams.feature_sets(pl.Series([text])).hashes.tolist()) for text in (left, right)]
    weight = {code: float(WEIGHTS[code >> (32 - ngrams.FEATURE_BITS)]) for code in sets[0] | sets[1]}
    shared = sum(weight[code] for code in sets[0] & sets[1])
    assert found.true[0] == pytest.approx(shared / sum(weight.values()), abs=1e-4)
    assert (found.shared, found.of_all) == (len(sets[0] & sets[1]), len(sets[0] | sets[1]))
    for true, estimated in zip(found.true, found.estimated, strict=True):  # of 256 bands each
        assert abs(true - estimated) <= 5 * (true * (1 - true) / 256) ** 0.5 + 1e-6
    assert 0 <= found.chance <= 1
    other = overlap_of((right, left), WEIGHTS, BandPlan(512, 4.0))
    assert other.true == pytest.approx(found.true)
    assert other.chance == pytest.approx(found.chance)


@given(TEXTS)
@settings(max_examples=10)
def test_equal_texts_overlap_wholly(text):
    found = overlap_of((text, text), WEIGHTS, BandPlan(16, 4.0))
    assert found.true == pytest.approx((1, 1))
    assert found.estimated == (1, 1)
    assert found.near == 0
    assert found.chance == pytest.approx(1)


def test_nothing_in_common_never_meets():
    found = overlap_of(("amber", ""), WEIGHTS, BandPlan(16, 4.0))
    assert (found.shared, found.true, found.chance) == (0, (0, 0), 0)


@given(TEXTS, TEXTS)
@settings(max_examples=20)
def test_the_first_shared_band_is_the_first(left, right):
    plan = BandPlan(64, 6.0)
    found = int(first_shared_band((pl.Series([left]), pl.Series([right])), WEIGHTS, plan)[0])
    buckets = record_keys(ngrams.feature_sets(pl.Series([left, right])), WEIGHTS, plan).buckets
    shared = [band for band in range(64) if buckets[band, 0] == buckets[band, 1] > 0]
    assert found == (shared[0] if shared else -1)
