"""Folders of keys: whatever the parts, the sketch is that of the whole table."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erblock.blocking.key_folder import (
    Origin,
    Part,
    append_part,
    find_key_folder,
    write_key_folder,
)
from erblock.errors import ModelError, OutputError, TableError

SIZE = 20
ORIGIN = Origin("12ab", ("name",))


@pytest.fixture(scope="module")
def table(products):
    """Records in the order of their ids."""
    return products(SIZE)[0].select("id", "name").sort("id")


def part_of(hasher, records):
    return Part(records, hasher.sketch(records["name"]))


def stored(folder, hasher, parts):
    """Write the parts, each in the order of its ids, and open the folder."""
    first, *others = (part.sort("id") for part in parts)
    write_key_folder(folder, ORIGIN, part_of(hasher, first))
    for other in others:
        append_part(find_key_folder(str(folder)), part_of(hasher, other))
    return find_key_folder(str(folder))


def same(one, other):
    """Whether two sketches have equal keys, places and similarities, to the last bit."""
    for band in range(one.bands):
        ours, theirs = one.keys(band), other.keys(band)
        assert ours.rows.tolist() == theirs.rows.tolist()
        assert ours.buckets.tolist() == theirs.buckets.tolist()
    assert one.neighbour_order().tolist() == other.neighbour_order().tolist()
    rows = np.arange(len(one))
    pairs = np.repeat(rows, len(one)), np.tile(rows, len(one))
    assert (one.similarity(one, *pairs) == other.similarity(other, *pairs)).all()
    assert (one.similarity(other, *pairs) == other.similarity(one, *pairs)).all()
    return one.bands == other.bands and len(one) == len(other)


@settings(max_examples=5)
@given(numbers=st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE))
def test_records_in_any_parts_have_the_sketch_of_the_whole(hasher, table, numbers):
    parts = table.with_columns(part=pl.Series(numbers)).partition_by("part", include_key=False)
    with TemporaryDirectory() as folder:
        found = stored(Path(folder) / "stored", hasher, parts)
        assert same(hasher.sketch(table["name"]), found.sketch())
        assert sorted(found.ids()) == table["id"].to_list()


def test_records_without_text_are_kept_too(hasher, table, tmp_path):
    blank = table.with_columns(name=pl.when(pl.int_range(pl.len()) % 3 > 0).then("name"))
    found = stored(tmp_path / "stored", hasher, [blank[:7], blank[7:]])
    assert same(hasher.sketch(blank["name"]), found.sketch())


def test_whoever_may_read_the_records_may_read_the_rest(hashers, table, tmp_path):
    part = stored(tmp_path / "stored", hashers["minhash"], [table]).parts[0]
    assert len({path.stat().st_mode for path in part.iterdir()}) == 1


def test_what_is_no_folder_of_keys_is_none(tmp_path):
    (tmp_path / "manifest.json").write_text('{"kind": "neural", "erblock": "1"}', encoding="utf-8")
    assert find_key_folder(str(tmp_path)) is None
    (tmp_path / "manifest.json").write_text("[", encoding="utf-8")
    assert find_key_folder(str(tmp_path)) is None
    assert find_key_folder(None) is None
    assert find_key_folder("") is None
    assert find_key_folder("*.csv") is None


def test_a_folder_whose_name_is_a_pattern_can_be_read(hashers, table, tmp_path):
    found = stored(tmp_path / "keys [old]", hashers["minhash"], [table[:9], table[9:]])
    assert pl.concat([pl.read_parquet(path, glob=False) for path in found_files(found)]).height == SIZE


def found_files(folder):
    from glob import glob

    return sorted(glob(folder.records))


def test_a_part_that_cannot_be_finished_leaves_nothing(hashers, table, tmp_path, monkeypatch):
    found = stored(tmp_path / "stored", hashers["minhash"], [table[:9]])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_):
        raise OSError("disk full")

    with pytest.raises(OutputError, match="cannot be written: disk full"):
        append_part(found, part_of(hashers["minhash"], table[9:]), fail)
    with pytest.raises(OutputError, match="cannot be written: disk full"):
        write_key_folder(tmp_path / "other", ORIGIN, part_of(hashers["minhash"], table), fail)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["stored"]


def test_only_new_records_of_the_same_form_are_welcome(hashers, table, tmp_path):
    found = stored(tmp_path / "stored", hashers["minhash"], [table[:9]])
    found.check_new(table[9:], ("name",))
    with pytest.raises(TableError, match=r"holds the record 'l\d+' already \(1 such records\)"):
        found.check_new(table[8:], ("name",))
    with pytest.raises(TableError, match="has the columns name; found title"):
        found.check_new(table[9:], ("title",))
    with pytest.raises(TableError, match="ids of the type String, found Int64"):
        found.check_new(table[9:].with_columns(id=pl.int_range(pl.len())), ("name",))


def test_another_model_is_told_from_the_one_of_the_keys(hashers, table, tmp_path):
    found = stored(tmp_path / "stored", hashers["minhash"], [table])
    found.check_model("12ab", Path("model"))
    with pytest.raises(ModelError, match="keys are of another model than other"):
        found.check_model("34cd", Path("other"))


def test_damage_is_told(hashers, table, tmp_path):
    found = stored(tmp_path / "stored", hashers["minhash"], [table])
    part = found.path / "00000"
    table[1:].write_parquet(part / "records.parquet")
    with pytest.raises(ModelError, match=f"expected {SIZE - 1} vectors, found {SIZE}"):
        found.sketch()
    (part / "sketch.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelError, match="cannot be read"):
        found.sketch()
    shutil.copy(part / "keys.parquet", part / "sketch.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        found.sketch()
    (found.path / "manifest.json").write_text('{"kind": "keys", "format": 9}', encoding="utf-8")
    with pytest.raises(ModelError, match="expected format 6, found 9"):
        find_key_folder(str(found.path))
