"""The kernel that joins tiles, and the form in which records travel to it; no Spark is needed."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.engines import tiles
from erblock.engines.tiles import LEFT, PAIR, RIGHT, SAMPLE, TileKernel
from erblock.engines.wire import key_columns, sketch_from, vector_columns
from erblock.hashing.minhash import fit_minhash
from erblock.hashing.store import load_model
from erblock.scoring.pairs import ScoredPairs, best_of_either


@pytest.fixture(scope="module")
def texts(products):
    return products(40)[0]["name"].scatter(3, None)


@pytest.fixture(scope="module")
def sketch(texts):
    return fit_minhash(texts, None).sketch(texts)


def rows_of(sketch, records, **columns):
    """The vectors of some records with the columns of tiles; what is not given is 0."""
    vectors = pa.table(vector_columns(sketch)).take(pa.array(records))
    names = ("role", "place", "low", "high", *tiles.TILE)
    given_columns = {name: np.asarray(columns.get(name, np.zeros(len(records), np.int64))) for name in names}
    held = dict(zip(vectors.column_names, vectors, strict=True))
    return pa.table({"row": pa.array(records), **given_columns, **held})


def found_in(table, *, dedup, size=7):
    """What the kernel finds in rows that come in batches of `size`: pairs, sample."""
    out = pa.Table.from_batches(TileKernel(dedup)(iter(table.to_batches(max_chunksize=size))))
    frame = pl.DataFrame(out)
    return [frame.filter(what=what) for what in (PAIR, SAMPLE)]


def one_bucket(sketch, members, **more):
    """All members on both sides of one small bucket."""
    count = len(members)
    whole = {"role": np.full(count, LEFT | RIGHT), "place": np.arange(count), "high": np.full(count, count)}
    return rows_of(sketch, members, **{**whole, **more})


@pytest.mark.parametrize("kind", ["minhash", "neural"])
def test_similarities_survive_the_journey(kind, sketch, texts, fitted_model):
    if kind == "neural":
        sketch = load_model(fitted_model, "cpu", "float32").hasher.sketch(texts)
    left, right = (np.arange(40).repeat(40), np.tile(np.arange(40), 40))
    there = sketch_from(pa.table(vector_columns(sketch)).slice(5).combine_chunks())
    inside = (left >= 5) & (right >= 5)
    expected = sketch.similarity(sketch, left[inside], right[inside])
    found = there.similarity(there, left[inside] - 5, right[inside] - 5)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["minhash", "neural"])
def test_keys_are_those_of_the_sketch(kind, sketch, texts, fitted_model):
    if kind == "neural":
        sketch = load_model(fitted_model, "cpu", "float32").hasher.sketch(texts)
    lists = pl.DataFrame(key_columns(sketch))
    assert lists["order"].to_list() == sketch.neighbour_order().tolist()
    assert lists["buckets"][3].null_count() == sketch.bands  # a record without text has no key
    for band in range(sketch.bands):
        keys = sketch.keys(band)
        column = lists["buckets"].list.get(band)
        assert column.is_not_null().arg_true().to_list() == keys.rows.tolist()
        assert (column.drop_nulls().to_numpy().view(np.uint32) == keys.buckets >> np.uint64(32)).all()


@given(members=st.sets(st.integers(0, 39), min_size=2).map(sorted), size=st.integers(1, 50))
def test_one_bucket_is_all_of_its_pairs(sketch, members, size):
    pairs, sample = found_in(one_bucket(sketch, members), dedup=True, size=size)
    expected = [(a, b) for a in members for b in members if a < b]
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == expected
    left, right = (np.array(side) for side in zip(*expected, strict=True))
    np.testing.assert_array_equal(pairs["similarity"], sketch.similarity(sketch, left, right))
    assert len(sample) == len(expected)


@given(split=st.integers(1, 39), size=st.integers(1, 50))
def test_buckets_do_not_mix_wherever_batches_end(sketch, split, size):
    parts = [one_bucket(sketch, range(split)), one_bucket(sketch, range(split, 40))]
    second = parts[1].set_column(parts[1].column_names.index("band"), "band", pa.array([1] * (40 - split)))
    pairs, _ = found_in(pa.concat_tables([parts[0], second]), dedup=True, size=size)
    assert pairs.height == split * (split - 1) // 2 + (40 - split) * (39 - split) // 2
    assert ((pairs["left"] < split) == (pairs["right"] < split)).all()


def test_a_left_record_meets_the_places_that_it_names(sketch):
    table = rows_of(
        sketch,
        [0, 1, 10, 11, 12, 13],
        role=[LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT],
        place=[0, 0, 102, 100, 101, 103],
        low=[101, 90, 0, 0, 0, 0],
        high=[103, 101, 0, 0, 0, 0],
    )
    pairs, _ = found_in(table, dedup=False)
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == [(0, 10), (0, 12), (1, 11)]


@pytest.fixture
def repeated(products):
    """A sketch in which every record has its like, so that pairs are equally similar."""
    names = products(20)[0]["name"]
    texts = pl.concat([names, names]).shuffle(seed=3)
    return fit_minhash(texts, None).sketch(texts)


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("dedup", [False, True])
def test_the_best_of_either_record_go_on(repeated, monkeypatch, dedup, most):
    monkeypatch.setattr(tiles, "KEEP_PER_RECORD", most)
    left, right = (np.random.default_rng(seed).permutation(40) for seed in (1, 2))
    if dedup:
        table = one_bucket(repeated, left)
    else:
        role, place = np.repeat([LEFT, RIGHT], 40), np.tile(np.arange(40), 2)
        high = np.full(80, 40)
        table = rows_of(repeated, np.concatenate([left, right]), role=role, place=place, high=high)
    pairs, sample = found_in(table, dedup=dedup)
    rows = np.triu_indices(40, 1) if dedup else np.divmod(np.arange(1600), 40)
    similarity = repeated.similarity(repeated, *rows)
    heights = [np.zeros(40, np.float32) for _ in range(2)]
    bands = np.ones(len(similarity), np.uint16)
    every = ScoredPairs(*rows, similarity, bands, heights[0], heights[0 if dedup else 1])
    best = every.at(best_of_either(every, most))
    expected = set(zip(best.left, best.right, strict=True))
    found = set(zip(pairs["left"], pairs["right"], strict=True))
    # In one table a record's pairs on one side are ranked without those on the other.
    assert found >= expected if dedup else found == expected
    assert len(expected) < len(similarity) // 4
    assert len(sample) == len(similarity)


def test_a_tile_that_is_worked_on_in_parts_keeps_the_best(repeated, monkeypatch):
    monkeypatch.setattr(tiles, "KEEP_PER_RECORD", 2)
    table = one_bucket(repeated, np.random.default_rng(1).permutation(40))
    whole, _ = found_in(table, dedup=True)
    monkeypatch.setattr(tiles, "_SPAN_PAIRS", 100)
    parts, _ = found_in(table, dedup=True)
    assert parts.height > whole.height
    assert whole.join(parts, on=["left", "right", "similarity"], how="anti").is_empty()


def test_distinct_pairs_are_counted_exactly_when_few_and_nearly_when_many():
    pairs = np.stack(np.divmod(np.arange(300_000), 1000))
    twice = np.concatenate([tiles.pair_hashes(*pairs), tiles.pair_hashes(*pairs)])
    sample = np.zeros(0, np.uint64)
    for part in np.array_split(twice, 17):
        sample = tiles.smallest(sample, part)
    assert tiles.distinct_pairs(sample) == pytest.approx(300_000, rel=0.03)
    few = tiles.smallest(np.zeros(0, np.uint64), twice[:9_000])
    assert tiles.distinct_pairs(few) == 9_000
