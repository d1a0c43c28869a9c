"""Sketches as KEYS: those of a record do not depend on the records beside it."""

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.blocking.keys import MODEL_KEY, band_keys, write_keys
from erblock.hashing.bands import BandPlan
from erblock.hashing.minhash import MinHashHasher

WORDS = ["red", "blue", "chair", "table", "x-100", "café", "Straße", "null", "n/a", "9", "!", ""]
TEXTS = st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), st.text(max_size=30))


def keys(hasher, ids, texts):
    sketch = hasher.sketch(pl.Series("text", texts, dtype=pl.String))
    ids = pl.Series("id", ids, dtype=pl.Int64)
    return pl.concat([band_keys(ids, sketch, band) for band in range(sketch.bands)])


@settings(max_examples=15)
@given(texts=st.lists(TEXTS, min_size=1, max_size=20), data=st.data())
def test_the_keys_of_new_records_are_those_of_a_full_run(hasher, texts, data):
    new = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1), label="new"))
    whole = keys(hasher, range(len(texts)), texts)
    alone = keys(hasher, new, [texts[i] for i in new])
    assert whole.filter(pl.col("record_id").is_in(new)).equals(alone)


def test_they_are_of_the_contract_and_32_bits(hasher):
    found = keys(hasher, [7, 8, 9], ["red chair", None, "blue table"])
    assert found.schema == {"record_id": pl.Int64, "band": pl.UInt16, "bucket": pl.UInt64}
    assert sorted(found["record_id"].unique()) == [7, 9]
    assert found["bucket"].max() < 2**32


def test_two_records_share_a_key_exactly_where_the_join_has_them_meet(hasher, products):
    left, right = (hasher.sketch(table["name"]) for table in products(60))
    rows = pl.Series("id", range(60))
    for band in (0, left.bands - 1):
        ours = band_keys(rows, left, band).join(band_keys(rows, right, band), on="bucket")
        buckets = [np.zeros(60, np.uint64), np.zeros(60, np.uint64)]
        for side, sketch in zip(buckets, (left, right), strict=True):
            side[sketch.keys(band).rows] = sketch.keys(band).buckets >> np.uint64(32)
        met = np.argwhere((buckets[0][:, None] == buckets[1][None, :]) & (buckets[0][:, None] > 0))
        assert set(ours.select("record_id", "record_id_right").rows()) == set(map(tuple, met.tolist()))


def test_a_record_has_no_row_where_its_features_are_not_selective_enough():
    weights = np.full(1 << 20, 2.5, np.float32)
    found = keys(MinHashHasher(BandPlan(3, 4.0), weights), [7, 8], ["chair", "chair table lamp desk"])
    assert found["record_id"].to_list() == [8, 8, 8]
    assert found["band"].to_list() == [0, 1, 2]


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series("id", ["a", "ü", "c"]),
        pl.Series("id", [3, 1, 2], dtype=pl.Int8),
        pl.Series("id", [2.5, 1.0, -1.0]),
        pl.Series("id", ["2020-01-01", "2020-01-02", "2020-01-03"]).str.to_date(),
    ],
)
def test_ids_keep_their_type_in_a_file(hashers, ids, tmp_path):
    sketch = hashers["minhash"].sketch(pl.Series("text", ["red chair", "blue table", "red table"]))
    told = []
    rows = write_keys(
        ids, sketch, tmp_path / "keys.parquet", {MODEL_KEY: "12ab"}, lambda *what: told.append(what)
    )
    found = pl.read_parquet(tmp_path / "keys.parquet")
    assert found.schema["record_id"] == ids.dtype
    assert found.height == rows == 3 * sketch.bands
    assert found["record_id"][:3].equals(ids, check_names=False)
    assert told[-1] == ("keys", sketch.bands, sketch.bands)
    file = pq.ParquetFile(tmp_path / "keys.parquet")
    assert file.num_row_groups == sketch.bands
    assert file.schema_arrow.metadata[b"erblock.model"] == b"12ab"


def test_a_table_without_anything_to_hash_is_a_file_without_rows(hashers, tmp_path):
    sketch = hashers["minhash"].sketch(pl.Series("text", [None, ""], dtype=pl.String))
    assert write_keys(pl.Series("id", ["a", "b"]), sketch, tmp_path / "keys.parquet", {}) == 0
    assert pl.read_parquet(tmp_path / "keys.parquet").schema["record_id"] == pl.String
