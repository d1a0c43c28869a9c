"""What every hasher promises: one set of tests for all of them."""

import numpy as np
import polars as pl
import pytest

from erblock.hashing.bands import text_keys
from erblock.hashing.minhash import fit_minhash
from erblock.tables.text import SEPARATOR

SIZE = 150


@pytest.fixture(scope="module")
def hashers(texts, neural, student):
    return {"minhash": fit_minhash(*texts), "neural": neural, "student": student}


@pytest.fixture(params=["minhash", "neural", "student"])
def hasher(request, hashers):
    return hashers[request.param]


def buckets(sketch):
    """Each record's bucket in every band; None where it has none."""
    found = [[None] * sketch.bands for _ in range(len(sketch))]
    for band in range(sketch.bands):
        keys = sketch.keys(band)
        for row, bucket in zip(keys.rows.tolist(), keys.buckets.tolist(), strict=True):
            found[row][band] = bucket
    return found


def met(left, right):
    """Whether record i of one sketch and record i of the other share a bucket."""
    return np.array(
        [
            any(a == b for a, b in zip(*both, strict=True))
            for both in zip(buckets(left), buckets(right), strict=True)
        ]
    )


def test_its_kind_is_the_name_in_a_manifest(hashers):
    assert {name: hasher.kind for name, hasher in hashers.items()} == {
        "minhash": "minhash",
        "neural": "neural",
        "student": "student",
    }


def test_a_sketch_has_a_row_for_every_record_and_keys_of_the_declared_types(hasher, texts):
    sketch = hasher.sketch(texts[0])
    assert len(sketch) == SIZE
    assert sketch.bands >= 1
    keys = sketch.keys(sketch.bands - 1)
    assert (keys.rows.dtype, keys.buckets.dtype) == (np.uint32, np.uint64)
    assert keys.rows.tolist() == list(range(SIZE))
    order = sketch.neighbour_order()
    assert (order.dtype, order.shape) == (np.uint32, (SIZE,))


def test_matches_meet_far_more_often_than_strangers(hasher, texts):
    left, right = map(hasher.sketch, texts)
    strangers = hasher.sketch(pl.concat([texts[1][1:], texts[1][:1]]))
    unseen = slice(100, SIZE)
    assert met(left, right)[unseen].mean() > 0.9
    matched = sum(np.mean(left.keys(band).buckets == right.keys(band).buckets) for band in range(left.bands))
    alike = sum(
        np.mean(left.keys(band).buckets == strangers.keys(band).buckets) for band in range(left.bands)
    )
    assert matched > 3 * alike


@pytest.mark.parametrize("nothing", [None, "", " ", "--- !"])
def test_a_record_with_nothing_to_read_has_no_keys_and_is_like_nothing(hasher, nothing):
    sketch = hasher.sketch(pl.Series("text", ["red chair x100", nothing, "blue table"]))
    assert len(sketch) == 3
    for band in range(sketch.bands):
        assert sketch.keys(band).rows.tolist() == [0, 2]


def test_a_table_of_nothing_but_empty_records_has_no_keys(hasher):
    sketch = hasher.sketch(pl.Series("text", [None, ""], dtype=pl.String))
    assert len(sketch) == 2
    assert sketch.keys(0).rows.tolist() == []
    assert len(sketch.neighbour_order()) == 2


def test_the_buckets_of_a_record_do_not_depend_on_the_others_or_the_order(hasher, texts):
    whole = buckets(hasher.sketch(texts[0]))
    assert buckets(hasher.sketch(texts[0].reverse()))[::-1] == whole
    assert buckets(hasher.sketch(texts[0][40:60])) == whole[40:60]
    assert buckets(hasher.sketch(pl.concat([texts[0][7:8], texts[1]])))[0] == whole[7]


def test_neither_does_its_place_among_its_neighbours(hasher, texts):
    whole = hasher.sketch(texts[0]).neighbour_order().astype(np.int64)
    part = hasher.sketch(texts[0][40:60]).neighbour_order().astype(np.int64)
    assert (whole[40:60] == part).all()


def test_keys_of_one_band_differ_in_their_upper_half(hasher, texts):
    sketch = hasher.sketch(texts[0])
    for band in range(sketch.bands):
        buckets = sketch.keys(band).buckets
        assert len(np.unique(buckets >> np.uint64(32))) == len(np.unique(buckets)) > 1


@pytest.mark.parametrize("kind", ["neural", "student"])
def test_of_a_neural_hash_the_bands_of_cells_come_first_then_those_of_n_grams(kind, hashers, texts):
    hasher = hashers[kind]
    some = pl.concat([texts[0][:20], pl.Series(["", None])])
    sketch = hasher.sketch(some)
    cells, ngrams = np.split(sketch.buckets, [hasher.cells.bands])
    numbers = hasher.cells.numbers(hasher.cells.project(sketch.hybrid.joined()))
    assert (cells[:, :20] == numbers[:, :20] + 1).all()
    assert (cells[:, 20:] == 0).all()
    assert (ngrams == text_keys(some, hasher.weights, hasher.plan).buckets).all()
    assert sketch.bands == hasher.cells.bands + hasher.plan.bands


@pytest.mark.parametrize("kind", ["neural", "student"])
def test_a_neural_hash_reads_a_record_without_its_separators(kind, hashers):
    apart, plain = (
        hashers[kind].sketch(pl.Series([text])) for text in (f"red{SEPARATOR}{SEPARATOR}chair", "red chair")
    )
    assert (apart.hybrid.dense.codes == plain.hybrid.dense.codes).all()
    assert (apart.hybrid.sparse != plain.hybrid.sparse).nnz == 0


def test_similarity_is_that_of_the_named_rows(hasher, texts):
    left, right = map(hasher.sketch, texts)
    at, other_at = np.array([3, 3, 90, 0]), np.array([3, 4, 90, 149])
    scores = left.similarity(right, at, other_at)
    assert scores.dtype == np.float32
    singly = [left.similarity(right, at[[i]], other_at[[i]])[0] for i in range(4)]
    assert scores == pytest.approx(singly, abs=1e-6)
    assert scores[0] > scores[1]
    assert scores[2] > scores[3]


def test_similarity_is_symmetric_one_with_oneself_and_never_above(hasher, texts):
    left, right = map(hasher.sketch, texts)
    rows = np.arange(SIZE)
    assert left.similarity(left, rows, rows) == pytest.approx(np.ones(SIZE), abs=1e-5)
    there, back = left.similarity(right, rows, rows[::-1]), right.similarity(left, rows[::-1], rows)
    assert there == pytest.approx(back, abs=1e-6)
    assert there.max() <= 1 + 1e-5


def test_similarity_of_no_pairs_is_empty(hasher, texts):
    sketch = hasher.sketch(texts[0])
    none = np.zeros(0, dtype=np.int64)
    assert sketch.similarity(sketch, none, none).shape == (0,)


def test_many_pairs_are_scored_in_chunks(hasher, texts, monkeypatch):
    left, right = map(hasher.sketch, texts)
    rows = np.arange(SIZE)
    whole = left.similarity(right, rows, rows)
    monkeypatch.setattr("erblock.hashing.pairwise._CHUNK", 7)
    assert (left.similarity(right, rows, rows) == whole).all()


def test_sketching_tells_how_far_it_is(hasher, texts):
    told = []
    hasher.sketch(texts[0], lambda *what: told.append(what))
    assert told[-1][1] == told[-1][2] > 0
