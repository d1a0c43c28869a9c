"""The kernel that joins tiles, and the form in which records travel to it; no Spark is needed."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.engines import tiles
from erblock.engines.tiles import BEST, LEFT, PAIR, RIGHT, SAMPLE, TileKernel
from erblock.engines.wire import key_columns, sketch_from, vector_columns
from erblock.hashing.minhash import fit_minhash
from erblock.hashing.store import load_model


@pytest.fixture(scope="module")
def texts(products):
    return products(40)[0]["name"].scatter(3, None)


@pytest.fixture(scope="module")
def sketch(texts):
    return fit_minhash(texts, None, 100).sketch(texts)


def rows_of(sketch, records, **columns):
    """The vectors of some records with the columns of tiles; what is not given is 0."""
    vectors = pa.table(vector_columns(sketch)).take(pa.array(records))
    names = ("role", "place", "low", "high", *tiles.TILE)
    given_columns = {name: np.asarray(columns.get(name, np.zeros(len(records), np.int64))) for name in names}
    held = dict(zip(vectors.column_names, vectors, strict=True))
    return pa.table({"row": pa.array(records), **given_columns, **held})


def found_in(table, *, dedup, size=7):
    """What the kernel finds in rows that come in batches of `size`: pairs, best of the left-out, sample."""
    out = pa.Table.from_batches(TileKernel(dedup)(iter(table.to_batches(max_chunksize=size))))
    frame = pl.DataFrame(out)
    return [frame.filter(what=what) for what in (PAIR, BEST, SAMPLE)]


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


def test_keys_are_those_of_the_sketch(sketch):
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
    pairs, left_out, sample = found_in(one_bucket(sketch, members), dedup=True, size=size)
    expected = [(a, b) for a in members for b in members if a < b]
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == expected
    left, right = (np.array(side) for side in zip(*expected, strict=True))
    np.testing.assert_array_equal(pairs["similarity"], sketch.similarity(sketch, left, right))
    assert left_out.is_empty()
    assert len(sample) == len(expected)


@given(split=st.integers(1, 39), size=st.integers(1, 50))
def test_buckets_do_not_mix_wherever_batches_end(sketch, split, size):
    parts = [one_bucket(sketch, range(split)), one_bucket(sketch, range(split, 40))]
    second = parts[1].set_column(parts[1].column_names.index("band"), "band", pa.array([1] * (40 - split)))
    pairs, _, _ = found_in(pa.concat_tables([parts[0], second]), dedup=True, size=size)
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
    pairs, _, _ = found_in(table, dedup=False)
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == [(0, 10), (0, 12), (1, 11)]


def test_of_a_left_record_the_best_go_on_and_the_height_of_the_others_is_told(sketch, monkeypatch):
    monkeypatch.setattr(tiles, "KEEP_PER_RECORD", 3)
    pairs, left_out, sample = found_in(one_bucket(sketch, range(40)), dedup=True)
    assert pairs["left"].value_counts()["count"].max() == 3
    left, right = np.triu_indices(40, 1)
    every = pl.DataFrame({"right": right, "similarity": sketch.similarity(sketch, left, right)})
    told = pl.concat([pairs, left_out]).group_by("right").agg(pl.col("similarity").max())
    assert told.sort("right").equals(every.group_by("right").agg(pl.col("similarity").max()).sort("right"))
    assert len(sample) == 780


def test_distinct_pairs_are_counted_exactly_when_few_and_nearly_when_many():
    pairs = np.stack(np.divmod(np.arange(300_000), 1000))
    twice = np.concatenate([tiles.pair_hashes(*pairs), tiles.pair_hashes(*pairs)])
    sample = np.zeros(0, np.uint64)
    for part in np.array_split(twice, 17):
        sample = tiles.smallest(sample, part)
    assert tiles.distinct_pairs(sample) == pytest.approx(300_000, rel=0.03)
    few = tiles.smallest(np.zeros(0, np.uint64), twice[:9_000])
    assert tiles.distinct_pairs(few) == 9_000
