"""Weighted MinHash: its plan, its buckets, its similarity."""

import numpy as np
import polars as pl
import pytest

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, text_keys
from erblock.hashing.fit_bands import JoinLimit, joined_rows
from erblock.hashing.minhash import MinHashHasher, fit_minhash
from erblock.tables.text import SEPARATOR


def test_the_hasher_does_not_depend_on_the_order_of_rows(products):
    left, right = (table["name"] for table in products(200))
    one = fit_minhash(left, right)
    other = fit_minhash(left.shuffle(1), right.shuffle(2))
    assert one.plan == other.plan
    assert (one.weights == other.weights).all()
    assert (one.sketch(left).buckets == other.sketch(left.reverse()).buckets[:, ::-1]).all()


def test_it_does_not_depend_on_which_table_is_the_left_one(products):
    left, right = (table["name"] for table in products(200))
    one, other = fit_minhash(left, right), fit_minhash(right, left)
    assert one.plan == other.plan
    assert (one.weights == other.weights).all()


def test_the_weights_are_the_idf_of_all_records(products):
    left, right = (table["name"] for table in products(50))
    assert (fit_minhash(left, right).weights == ngrams.idf(*map(ngrams.feature_sets, (left, right)))).all()
    assert (fit_minhash(left, None).weights == ngrams.idf(ngrams.feature_sets(left))).all()


def test_the_join_has_as_many_rows_as_the_limit_asked_for_allows(products):
    left, right = (table["name"] for table in products(2000))
    rows = []
    for per_record in (0, 50, 200, 1000):
        hasher = fit_minhash(left, right, JoinLimit(per_record, in_all=0, held=0))
        rows.append(sum(map(joined_rows, hasher.sketch(left).buckets, hasher.sketch(right).buckets)))
        assert rows[-1] - rows[0] < 1.3 * per_record * 2000 or not per_record
    assert rows == sorted(rows)


def test_a_small_table_may_be_joined_as_loosely_as_a_limit_in_all_allows(products):
    left, right = (table["name"] for table in products(500))
    assert fit_minhash(left, right, JoinLimit(1, in_all=10**9)).plan.selectivity == 0.25
    assert fit_minhash(left, right, JoinLimit(1, in_all=0, held=0)).plan.selectivity > 4


def test_a_sketch_has_the_plan_s_keys_and_scores_by_tfidf():
    texts = pl.Series(["red chair", "red chair", "blue table", None])
    weights = ngrams.idf(ngrams.feature_sets(texts))
    hasher = MinHashHasher(BandPlan(5, 0.5), weights)
    sketch = hasher.sketch(texts)
    keys = text_keys(texts, weights, hasher.plan)
    assert (len(sketch), sketch.bands) == (4, 5)
    assert (sketch.buckets == keys.buckets).all()
    assert (sketch.neighbour_order() == keys.order).all()
    left, right = np.array([0, 0, 0]), np.array([1, 2, 3])
    assert sketch.similarity(sketch, left, right) == pytest.approx([1, 0, 0], abs=1e-6)


def test_a_record_has_no_key_in_a_band_where_its_features_are_not_selective_enough():
    texts = pl.Series(["chair", "chair table lamp desk"])
    sketch = MinHashHasher(BandPlan(6, 4.0), np.full(1 << 20, 2.5, np.float32)).sketch(texts)
    for band in range(6):
        assert sketch.keys(band).rows.tolist() == [1]


def test_records_of_which_one_has_a_long_column_more_meet_in_the_odd_bands(products):
    names = products(200)[0]["name"]
    random = np.random.default_rng(0)
    notes = [" ".join(f"note{number}" for number in random.integers(0, 10**6, 40)) for _ in range(200)]
    longer = pl.Series([f"{name}{SEPARATOR}{note}" for name, note in zip(names, notes, strict=True)])
    hasher = fit_minhash(names, longer)
    left, right = hasher.sketch(names).buckets, hasher.sketch(longer).buckets
    met = (left == right) & (left > 0)
    assert met[1::2].mean() > 2 * met[::2].mean()
    assert met[1::2].any(axis=0).all()


def test_a_word_that_all_records_have_is_no_key():
    texts = pl.Series([f"product {number:04x}" for number in range(300)])
    sketch = fit_minhash(texts, None, JoinLimit(1, in_all=10**9)).sketch(texts)
    largest = max(int(np.unique(band[band > 0], return_counts=True)[1].max()) for band in sketch.buckets)
    assert largest < len(texts)
