"""Weighted MinHash: its signatures, its plan, its buckets."""

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash

from erblock.errors import ModelError
from erblock.hashing import minhash, ngrams
from erblock.hashing.bands import BandPlan, joined_rows
from erblock.hashing.minhash import HARD_MATCH, PERMUTATIONS, MinHashHasher, fit_minhash, signatures

FEATURES = 1 << ngrams.FEATURE_BITS
EQUAL = np.ones(FEATURES, dtype=np.float32)


def sets_of(*records):
    starts = np.cumsum([0, *map(len, records)])
    hashes = np.concatenate([np.sort(np.asarray(record, dtype=np.uint32)) for record in records])
    return ngrams.FeatureSets(starts, hashes, np.ones(len(hashes), dtype=np.uint32))


def mixed(hashes):
    """MurmurHash3's finaliser, with which datasketch starts and the hashes of n-grams end."""
    state = np.asarray(hashes, dtype=np.uint32)
    state = (state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return state ^ (state >> np.uint32(16))


def overlapping(random, size=60, shared=30):
    hashes = np.unique(random.integers(0, 2**32, 4 * size, dtype=np.uint32))
    hashes = random.permutation(hashes)
    return hashes[:size], hashes[size - shared : 2 * size - shared]


@pytest.mark.parametrize("equal", [True, False])
def test_signatures_agree_as_often_as_weighted_jaccard_says(equal):
    random = np.random.default_rng(1)
    weights = EQUAL if equal else random.uniform(1, 10, FEATURES).astype(np.float32)
    for shared in (6, 20, 50):
        records = overlapping(random, shared=shared)
        first, second = (
            dict(zip(record.tolist(), weights[record >> np.uint32(12)].tolist(), strict=True))
            for record in records
        )
        common = sum(first[feature] for feature in first.keys() & second.keys())
        wanted = common / (sum(first.values()) + sum(second.values()) - common)
        sets = sets_of(*records)
        minima = np.concatenate([signatures(sets, weights, PERMUTATIONS, seed) for seed in range(8)])
        noise = 4 * np.sqrt(wanted * (1 - wanted) / len(minima))
        assert (minima[:, 0] == minima[:, 1]).mean() == pytest.approx(wanted, abs=noise)


def test_a_heavy_feature_decides_more_often():
    random = np.random.default_rng(2)
    rare, *common = random.integers(0, 2**32, 21, dtype=np.uint32)
    weights = EQUAL.copy()
    weights[rare >> np.uint32(12)] = 20
    sets = sets_of([rare, *common], [rare], common)
    minima = np.concatenate([signatures(sets, weights, PERMUTATIONS, seed) for seed in range(4)])
    assert (minima[:, 0] == minima[:, 1]).mean() == pytest.approx(0.5, abs=0.07)


def test_with_equal_weights_the_minimum_is_at_the_same_feature_as_in_datasketch():
    raw = np.random.default_rng(4).integers(0, 2**32, (5, 40), dtype=np.uint32)
    minima = signatures(sets_of(*mixed(raw)), EQUAL, PERMUTATIONS, seed=9).view(np.float32)
    for record, draws in zip(raw, minima.T, strict=True):
        theirs = MinHash(num_perm=PERMUTATIONS, seed=9, hashfunc=int, scheme="affine32")
        theirs.update_batch(record.tolist())
        v = theirs.hashvalues / 2**32
        assert np.allclose(draws, v + v**2 / 2 + 0.8 * v**3, atol=1e-6)


def test_a_record_without_features_has_the_largest_values_and_changes_no_other():
    record = np.random.default_rng(5).integers(0, 2**32, 10, dtype=np.uint32)
    alone = signatures(sets_of(record), EQUAL, 16, seed=0)
    among = signatures(sets_of([], record, [], [], record, []), EQUAL, 16, seed=0)
    assert (among[:, [1, 4]] == alone).all()
    assert (among[:, [0, 2, 3, 5]] == np.iinfo(np.uint32).max).all()


def test_a_seed_gives_the_same_signatures_another_gives_others():
    sets = ngrams.feature_sets(pl.Series(["red chair", "blue table"]))
    once, again, other = (signatures(sets, EQUAL, 64, seed) for seed in (0, 0, 1))
    assert (once == again).all()
    assert (once != other).mean() > 0.9


def test_the_hasher_does_not_depend_on_the_order_of_rows(products):
    left, right = (table["name"] for table in products(200))
    one = fit_minhash(left, right, 100)
    other = fit_minhash(left.shuffle(1), right.shuffle(2), 100)
    assert one.plan == other.plan
    assert (one.weights == other.weights).all()
    assert (one.sketch(left).buckets == other.sketch(left.reverse()).buckets[:, ::-1]).all()


def test_a_tighter_limit_makes_the_bands_stricter(products):
    left, right = (table["name"] for table in products(3000))
    loose, tight = (fit_minhash(left, right, limit).plan for limit in (2000, 1))
    assert tight.found(HARD_MATCH) < loose.found(HARD_MATCH)
    assert tight.bands * tight.rows <= PERMUTATIONS


def test_where_one_hash_value_joins_too_much_bands_are_of_more(monkeypatch):
    monkeypatch.setattr(minhash, "_CHEAP_JOIN", 0)
    names = pl.Series([f"chair table {number % 700:x}" for number in range(3000)])
    hasher = fit_minhash(names, names.clone(), 20)
    assert hasher.plan.rows > 1
    buckets = hasher.sketch(names).buckets
    assert sum(joined_rows(band, band) for band in buckets) < 2 * 20 * 3000


def test_where_no_plan_is_within_the_limit_it_is_the_strictest(monkeypatch):
    monkeypatch.setattr(minhash, "_CHEAP_JOIN", 0)
    same = pl.Series(["chair"] * 100)
    assert fit_minhash(same, same.clone(), 1).plan == BandPlan(1, 8)


def test_empty_records_do_not_make_the_bands_stricter(products):
    names = products(3000)[0]["name"]
    sparse = pl.concat([names, pl.Series([None] * 30_000, dtype=pl.String)])
    assert fit_minhash(sparse, None, 1).plan.found(HARD_MATCH) > 0.5


def test_one_text_that_half_of_the_records_have_does_not_make_the_bands_stricter(products):
    names = products(3000)[0]["name"]
    same = pl.concat([names, pl.Series(["unknown product"] * 3_000)])
    assert fit_minhash(same, None, 10).plan.found(HARD_MATCH) > 0.5


def test_one_table_may_have_twice_the_bands_because_its_pairs_count_once(products):
    names = products(3000)[0]["name"]
    once, twice = fit_minhash(names, None, 1).plan, fit_minhash(names, names.clone(), 1).plan
    assert once.found(HARD_MATCH) >= twice.found(HARD_MATCH)


def test_a_sketch_has_the_plan_s_bands_and_scores_by_tfidf():
    texts = pl.Series(["red chair", "red chair", "blue table", None])
    weights = ngrams.idf(ngrams.feature_sets(texts))
    sketch = MinHashHasher(BandPlan(5, 2), weights).sketch(texts)
    assert (len(sketch), sketch.bands) == (4, 5)
    left, right = np.array([0, 0, 0]), np.array([1, 2, 3])
    assert sketch.similarity(sketch, left, right) == pytest.approx([1, 0, 0], abs=1e-6)


def test_bands_of_more_values_than_there_are_permutations_are_refused():
    hasher = MinHashHasher(BandPlan(PERMUTATIONS, 2), EQUAL)
    with pytest.raises(ModelError, match="at most 256 hash values, found 512"):
        hasher.sketch(pl.Series(["red chair"]))
