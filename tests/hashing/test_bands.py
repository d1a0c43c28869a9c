"""Keys that are prefixes of random orders, against the definition."""

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.hashing import ngrams
from erblock.hashing.bands import MOST_BANDS, BandPlan, record_keys, text_keys
from erblock.tables.text import SEPARATOR

FEATURES = 1 << ngrams.FEATURE_BITS
EQUAL = np.full(FEATURES, 2, dtype=np.float32)
"""Weights with which every feature tells the same, one nat."""

LONGEST = 16
LAST_COLUMN = np.uint64(1) << np.uint64(63)


def sets_of(*records, words=None, columns=None):
    """Feature sets of hashes; each feature is a word of its own in the first column unless it is told."""
    words = words or [range(len(record)) for record in records]
    columns = columns or [[1] * len(record) for record in records]
    order = [np.argsort(np.asarray(record, dtype=np.uint32), kind="stable") for record in records]

    def joined(parts, dtype):
        sorted_parts = [np.array(list(part), dtype=dtype)[at] for part, at in zip(parts, order, strict=True)]
        return np.concatenate([np.zeros(0, dtype), *sorted_parts])

    hashes = joined(records, np.uint32)
    starts = np.cumsum([0, *map(len, records)])
    ones = np.ones(len(hashes), dtype=np.uint32)
    return ngrams.FeatureSets(starts, hashes, ones, joined(words, np.uint32), joined(columns, np.uint64))


def weights_of(known):
    """The weights of features by hash; all others weigh 2."""
    weights = EQUAL.copy()
    for feature, weight in known.items():
        weights[feature >> 12] = weight
    return weights


def drawn(random, size):
    """Hashes of so many features, each of which has a weight of its own."""
    features = random.permutation(FEATURES)[:size].astype(np.uint32)
    return (features << np.uint32(12)) + random.integers(0, 1 << 12, size, dtype=np.uint32)


def mixed(hashes):
    """MurmurHash3's finaliser, with which datasketch starts and the hashes of n-grams end."""
    state = np.asarray(hashes, dtype=np.uint32)
    state = (state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return state ^ (state >> np.uint32(16))


def overlapping(random, size=60, shared=30):
    hashes = drawn(random, 2 * size)
    return hashes[:size], hashes[size - shared : 2 * size - shared]


def agreement(sets, weights, kind, seeds=8):
    """In which of the even bands, or of the odd ones, the first features of two records are the same."""
    found = [record_keys(sets, weights, BandPlan(MOST_BANDS, 0, seed)).buckets for seed in range(seeds)]
    bands = np.concatenate([buckets[kind::2] for buckets in found])
    assert (bands > 0).all()
    return bands[:, 0] == bands[:, 1]


def jaccard(one, other):
    """Weighted Jaccard similarity of two records whose features have the same weights."""
    common = sum(one[feature] for feature in one.keys() & other.keys())
    return common / (sum(one.values()) + sum(other.values()) - common)


def probability_jaccard(one, other):
    """How often the first features of two records are the same (Moulton and Jiang 2018)."""
    union = one.keys() | other.keys()
    return sum(
        1 / sum(max(one.get(j, 0) / one[i], other.get(j, 0) / other[i]) for j in union)
        for i in one.keys() & other.keys()
    )


def noise(share, draws):
    return 4 * np.sqrt(share * (1 - share) / draws)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("shared", [6, 20, 50])
def test_in_even_bands_first_features_agree_as_often_as_weighted_jaccard_says(equal, shared):
    random = np.random.default_rng(1)
    weights = EQUAL if equal else random.uniform(1, 10, FEATURES).astype(np.float32)
    records = overlapping(random, shared=shared)
    one, other = (dict(zip(r.tolist(), weights[r >> 12].tolist(), strict=True)) for r in records)
    agrees = agreement(sets_of(*records), weights, kind=0)
    wanted = jaccard(one, other)
    assert agrees.mean() == pytest.approx(wanted, abs=noise(wanted, len(agrees)))


def test_in_odd_bands_they_agree_as_often_as_the_balanced_weights_say():
    random = np.random.default_rng(3)
    weights = random.uniform(1.5, 8, FEATURES).astype(np.float32)
    records = overlapping(random, size=30, shared=20)
    # The first record has the shared features in two columns, the second all in one.
    columns = [[1 if i < 22 else 2 for i in range(30)], [1] * 30]
    balanced = []
    for record, places in zip(records, columns, strict=True):
        gains = (weights[record >> 12] - 1).tolist()
        sums = {at: sum(g for g, place in zip(gains, places, strict=True) if place == at) for at in (1, 2)}
        by_feature = zip(record.tolist(), gains, places, strict=True)
        balanced.append({feature: gain / sums[at] for feature, gain, at in by_feature})
    agrees = agreement(sets_of(*records, columns=columns), weights, kind=1)
    wanted = probability_jaccard(*balanced)
    assert agrees.mean() == pytest.approx(wanted, abs=noise(wanted, len(agrees)))


def test_a_heavy_feature_decides_more_often():
    rare, *common = drawn(np.random.default_rng(2), 21).tolist()
    weights = weights_of({rare: 40})
    assert agreement(sets_of([rare, *common], [rare]), weights, kind=0).mean() == pytest.approx(0.5, abs=0.05)
    assert agreement(sets_of([rare, *common], common), weights, kind=0).mean() == pytest.approx(0.5, abs=0.05)


def test_with_equal_weights_the_first_feature_is_that_of_the_minimum_of_datasketch():
    random = np.random.default_rng(4)
    pool = random.integers(0, 2**32, 60, dtype=np.uint32)
    raw = [random.permutation(pool)[:40] for _ in range(6)]
    keys = record_keys(sets_of(*map(mixed, raw)), EQUAL, BandPlan(MOST_BANDS, 0, seed=9))
    minima = []
    for record in raw:
        theirs = MinHash(num_perm=MOST_BANDS, seed=9, hashfunc=int, scheme="affine32")
        theirs.update_batch(record.tolist())
        minima.append(theirs.hashvalues)
    met = np.array(minima).T[:, :, None] == np.array(minima).T[:, None, :]
    ours = keys.buckets[:, :, None] == keys.buckets[:, None, :]
    assert (ours[::2] == met[::2]).all()
    assert 0.2 < met.mean() < 0.9
    v = np.array(minima)[:, 0] / 2**32
    assert np.allclose(keys.order.view(np.float32), (v + v**2 / 2 + 0.8 * v**3) / 2, atol=1e-6)


POOL = drawn(np.random.default_rng(7), 40)
POOL_WEIGHTS = np.random.default_rng(8).choice([1, 1.25, 1.5, 2.25, 4, 8], 40).astype(np.float32)
"""Weights whose sums are exact in any order."""

BITS = [1, 2, 4, 3, int(LAST_COLUMN), int(LAST_COLUMN) + 2]
FEATURE = st.tuples(st.integers(0, len(POOL) - 1), st.integers(0, 5), st.sampled_from(BITS))
RECORD = st.lists(FEATURE, max_size=24, unique_by=lambda feature: feature[0])


def key_by_definition(record, band, plan):
    """The features, in order, of a record's key in a band; None where it has none."""
    if not record:
        return None
    hashes = np.array([POOL[number] for number, _, _ in record])
    gains = np.maximum(np.array([POOL_WEIGHTS[number] for number, _, _ in record]) - 1, 1e-6)
    rates = gains + 1
    if band % 2:
        sums = [
            sum(g for g, (_, _, bits) in zip(gains, record, strict=True) if bits >> c & 1) for c in range(64)
        ]
        rates = gains / [min(sums[c] for c in range(64) if bits >> c & 1) for _, _, bits in record]
    else:
        rates = np.array([POOL_WEIGHTS[number] for number, _, _ in record])
    factors, offsets = MinHash(num_perm=MOST_BANDS, seed=plan.seed, scheme="affine32").permutations
    v = ((hashes * factors[band] + offsets[band]) >> np.uint32(1)) / 2**31
    order = np.argsort((v + v**2 / 2 + 0.8 * v**3) / rates)
    best_of_word = {}
    for length, at in enumerate(order[:LONGEST], start=1):
        word = record[at][1]
        best_of_word[word] = max(best_of_word.get(word, 0), gains[at])
        if sum(best_of_word.values()) >= plan.selectivity:
            return tuple(hashes[order[:length]].tolist())
    return None


@settings(max_examples=60)
@given(
    st.lists(RECORD, min_size=1, max_size=6), st.sampled_from([0.0, 0.75, 3.0, 9.5, 17.0]), st.integers(0, 3)
)
def test_a_key_is_the_shortest_prefix_that_is_selective_enough(records, selectivity, seed):
    plan = BandPlan(8, selectivity, seed)
    parts = [[[feature[i] for feature in record] for record in records] for i in range(3)]
    sets = sets_of(
        *[POOL[np.array(numbers, dtype=int)] for numbers in parts[0]], words=parts[1], columns=parts[2]
    )
    weights = weights_of(dict(zip(POOL.tolist(), POOL_WEIGHTS.tolist(), strict=True)))
    keys = record_keys(sets, weights, plan)
    for band in range(plan.bands):
        wanted = [key_by_definition(record, band, plan) for record in records]
        assert (keys.buckets[band] > 0).tolist() == [key is not None for key in wanted]
        assert keys.lengths[band].tolist() == [len(key or ()) for key in wanted]
        for i, bucket in enumerate(keys.buckets[band]):
            assert [bool(bucket == other) for other in keys.buckets[band]] == [
                key == wanted[i] for key in wanted
            ]


def test_features_of_one_word_say_the_same_thing():
    hashes = drawn(np.random.default_rng(5), 8)
    apart, together = (
        record_keys(sets_of(hashes, words=[words]), EQUAL, BandPlan(32, 1.5))
        for words in (range(8), [0] * 7 + [1])
    )
    assert (apart.lengths == 2).all()
    assert (together.lengths >= 2).all()
    assert together.lengths.mean() > 4
    alone = record_keys(sets_of(hashes, words=[[0] * 8]), EQUAL, BandPlan(32, 1.5))
    assert (alone.buckets == 0).all()


def test_of_a_word_the_rarest_feature_counts():
    common, rare = 0x10000000, 0x20000000
    weights = weights_of({common: 2.0, rare: 4.0})
    keys = record_keys(sets_of([common, rare], words=[[0, 0]]), weights, BandPlan(64, 3.0))
    assert (keys.buckets > 0).all()
    assert set(np.unique(keys.lengths)) == {1, 2}
    too_much = record_keys(sets_of([common, rare], words=[[0, 0]]), weights, BandPlan(64, 3.5))
    assert (too_much.buckets == 0).all()


def test_keys_of_rare_features_are_shorter():
    hashes = drawn(np.random.default_rng(6), 60)
    means = [
        record_keys(sets_of(hashes), np.full(FEATURES, idf, np.float32), BandPlan(64, 6)).lengths.mean()
        for idf in (1.8, 3, 5, 8)
    ]
    assert means == [8, 3, 2, 1]


def test_where_no_sixteen_features_are_selective_enough_there_is_no_key():
    hashes = drawn(np.random.default_rng(6), 60)
    enough, too_much = (record_keys(sets_of(hashes), EQUAL, BandPlan(4, most)) for most in (16, 17))
    assert (enough.lengths == 16).all()
    assert (too_much.lengths == 0).all()
    assert (too_much.buckets == 0).all()


def test_in_odd_bands_a_long_column_does_not_drown_a_short_one():
    hashes = drawn(np.random.default_rng(9), 63)
    record = sets_of(hashes, columns=[[1] * 3 + [2] * 60])
    singles = sets_of(*([feature] for feature in hashes[:3]))
    plan = BandPlan(MOST_BANDS, 0)
    whole = record_keys(record, EQUAL, plan).buckets
    is_short = (whole == record_keys(singles, EQUAL, plan).buckets).any(axis=1)
    assert is_short[1::2].mean() == pytest.approx(1 / 2, abs=noise(1 / 2, MOST_BANDS // 2))
    assert is_short[::2].mean() == pytest.approx(3 / 63, abs=noise(3 / 63, MOST_BANDS // 2))


def test_a_feature_of_two_columns_weighs_as_in_the_shorter_one():
    hashes = drawn(np.random.default_rng(10), 41)
    both = sets_of(hashes, columns=[[3] + [1] + [2] * 39])
    single = sets_of(hashes[:1])
    plan = BandPlan(MOST_BANDS, 0)
    is_first = (record_keys(both, EQUAL, plan).buckets == record_keys(single, EQUAL, plan).buckets)[1::2]
    # Its weight is 1/2 beside 1/2 of the other one of its column, and 39/40 of the long column.
    wanted = 0.5 / (0.5 + 0.5 + 39 / 40)
    assert is_first.mean() == pytest.approx(wanted, abs=noise(wanted, MOST_BANDS // 2))


@settings(max_examples=30)
@given(st.lists(RECORD, min_size=1, max_size=8), st.data())
def test_the_keys_of_a_record_depend_on_it_alone(records, data):
    parts = [[[feature[i] for feature in record] for record in records] for i in range(3)]
    sets = sets_of(
        *[POOL[np.array(numbers, dtype=int)] for numbers in parts[0]], words=parts[1], columns=parts[2]
    )
    chosen = np.array(data.draw(st.lists(st.integers(0, len(records) - 1), min_size=1)), dtype=np.int64)
    plan = BandPlan(6, 2.5)
    whole, some = record_keys(sets, EQUAL, plan), record_keys(sets.take(chosen), EQUAL, plan)
    assert (whole.buckets[:, chosen] == some.buckets).all()
    assert (whole.lengths[:, chosen] == some.lengths).all()
    assert (whole.order[chosen] == some.order).all()


def test_a_seed_gives_the_same_keys_another_gives_others():
    texts = pl.Series(["red chair with arms", "blue table of glass"])
    once, again, other = (text_keys(texts, EQUAL, BandPlan(64, 3, seed)).buckets for seed in (0, 0, 1))
    assert (once == again).all()
    assert (once != other).mean() > 0.9


def test_fewer_bands_are_the_first_of_more():
    texts = pl.Series(["red chair with arms", "blue table of glass", None])
    whole = text_keys(texts, EQUAL, BandPlan(64, 3))
    for bands in (1, 2, 7):
        some = text_keys(texts, EQUAL, BandPlan(bands, 3))
        assert (some.buckets == whole.buckets[:bands]).all()
        assert (some.lengths == whole.lengths[:bands]).all()
        assert (some.order == whole.order).all()


def test_the_same_features_fall_in_other_buckets_in_another_band():
    buckets = text_keys(pl.Series(["chair"]), EQUAL, BandPlan(MOST_BANDS, 0)).buckets
    assert len(np.unique(buckets)) == MOST_BANDS


def test_keys_of_different_features_are_in_different_buckets():
    hashes = drawn(np.random.default_rng(11), 20_000)
    buckets = record_keys(sets_of(*hashes[:, None]), EQUAL, BandPlan(1, 0)).buckets
    assert len(np.unique(buckets)) >= 19_999


@pytest.mark.parametrize("selectivity", [0.0, 2.0])
def test_a_record_without_features_has_no_keys_and_stands_last(selectivity):
    keys = text_keys(pl.Series(["", "red chair", None, "--"]), EQUAL, BandPlan(5, selectivity))
    assert (keys.buckets[:, [0, 2, 3]] == 0).all()
    assert (keys.lengths[:, [0, 2, 3]] == 0).all()
    assert (keys.buckets[:, 1] > 0).all()
    assert (keys.order[[0, 2, 3]] == np.iinfo(np.uint32).max).all()
    assert keys.order[1] < np.iinfo(np.uint32).max


def test_no_records_have_no_keys():
    keys = text_keys(pl.Series([], dtype=pl.String), EQUAL, BandPlan(5, 1))
    assert (keys.buckets.shape, keys.lengths.shape, keys.order.shape) == ((5, 0), (5, 0), (0,))


def test_chunks_of_texts_change_nothing(products, monkeypatch):
    texts = products(50)[0]["name"]
    plan = BandPlan(6, 4)
    whole = record_keys(ngrams.feature_sets(texts), EQUAL, plan)
    for rows in (1, 7, 50):
        monkeypatch.setattr(ngrams, "_CHUNK_ROWS", rows)
        found = text_keys(texts, EQUAL, plan)
        assert (found.buckets == whole.buckets).all()
        assert (found.lengths == whole.lengths).all()
        assert (found.order == whole.order).all()


def test_from_the_sixty_fourth_on_columns_have_a_say_together():
    values = [f"word{number}" for number in range(70)]
    keys = text_keys(pl.Series([SEPARATOR.join(values)]), EQUAL, BandPlan(MOST_BANDS, 0)).buckets
    last = text_keys(pl.Series([values[-1]]), EQUAL, BandPlan(MOST_BANDS, 0)).buckets
    assert (keys > 0).all()
    assert (keys == last)[1::2].any()
    assert text_keys(pl.Series([SEPARATOR.join(values)] * 2), EQUAL, BandPlan(4, 3)).buckets.all()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ((0, 1.0), "expected 1 to 512 bands, found 0"),
        ((MOST_BANDS + 1, 1.0), "expected 1 to 512 bands, found 513"),
        ((8, -0.5), "expected a selectivity of 0 or more, found -0.5"),
        ((8, float("nan")), "expected a selectivity of 0 or more, found nan"),
        ((8, float("inf")), "expected a selectivity of 0 or more, found inf"),
        ((8, 1.0, -1), "expected a seed of 32 bits, found -1"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(plan, message):
    with pytest.raises(ValueError, match=message):
        BandPlan(*plan)


def test_the_last_feature_of_a_key_and_the_last_bands_count_as_all_others_do():
    plan = BandPlan(MOST_BANDS, 3.0)
    records = [
        [(n, n, 1) for n in numbers] for numbers in (range(12), [*range(11), 30], [*range(10), 31, 32])
    ]
    sets = sets_of(
        *[POOL[[n for n, _, _ in record]] for record in records],
        words=[[n for n, _, _ in record] for record in records],
    )
    found = record_keys(sets, weights_of(dict(zip(POOL.tolist(), POOL_WEIGHTS.tolist(), strict=True))), plan)
    only_the_last_differs = 0
    for band in range(MOST_BANDS):
        keys = [key_by_definition(record, band, plan) for record in records]
        assert found.lengths[band].tolist() == [len(key or ()) for key in keys]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            same = keys[one] is not None and keys[one] == keys[other]
            assert (found.buckets[band, one] == found.buckets[band, other]) == (
                same or keys[one] is keys[other] is None
            )
            if keys[one] and keys[other] and len(keys[one]) == 3 and keys[one][:2] == keys[other][:2]:
                only_the_last_differs += keys[one][2] != keys[other][2]
    assert only_the_last_differs
