"""Models as folders."""

import json
import os
import shutil

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from erblock.errors import ModelError, OutputError
from erblock.hashing.minhash import fit_minhash
from erblock.hashing.store import (
    FORMAT,
    Extras,
    Model,
    Provenance,
    load_model,
    load_weights,
    model_digest,
    read_manifest,
    save_model,
)
from erblock.tables.contents import MANIFEST

TRIPLETS = pl.DataFrame({"anchor_id": ["a"], "rule": ["match 1"]})
MADE_FROM = Provenance(("name", "größe"), {"rules": "12ab"}, {"note": 1})


@pytest.fixture(scope="module")
def model(neural):
    return Model(neural, MADE_FROM)


@pytest.fixture(scope="module")
def minhash(texts):
    return Model(fit_minhash(*texts), MADE_FROM)


@pytest.fixture(scope="module")
def written(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "deep" / "model"
    save_model(model, folder, Extras({"triplets.parquet": TRIPLETS}))
    return folder


@pytest.fixture
def folder(written, tmp_path):
    """A copy of the model that a test may spoil."""
    return shutil.copytree(written, tmp_path / "model")


def change_manifest(folder, **values):
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    kept = {key: value for key, value in {**manifest, **values}.items() if value is not None}
    (folder / MANIFEST).write_text(json.dumps(kept), encoding="utf-8")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_loaded_model_gives_equal_sketches(model, written, texts):
    loaded = load_model(written, "cpu", "float32")
    assert loaded.provenance == MADE_FROM
    assert loaded.hasher.encoder.options.max_tokens == model.hasher.encoder.options.max_tokens
    ours, theirs = (hasher.sketch(texts[0]) for hasher in (model.hasher, loaded.hasher))
    assert loaded.hasher.plan == model.hasher.plan
    assert ours.bands == theirs.bands
    for band in range(ours.bands):
        assert (ours.keys(band).buckets == theirs.keys(band).buckets).all()
    rows = np.arange(len(texts[0]))
    assert (ours.similarity(ours, rows, rows[::-1]) == theirs.similarity(theirs, rows, rows[::-1])).all()


def test_a_loaded_minhash_gives_equal_sketches_too(minhash, texts, tmp_path):
    save_model(minhash, tmp_path / "model", Extras())
    loaded = load_model(tmp_path / "model")
    assert loaded.provenance == MADE_FROM
    ours, theirs = (hasher.sketch(texts[0]) for hasher in (minhash.hasher, loaded.hasher))
    assert (loaded.hasher.kind, theirs.bands) == ("minhash", ours.bands)
    for band in range(ours.bands):
        assert (ours.keys(band).buckets == theirs.keys(band).buckets).all()
    rows = np.arange(len(texts[0]))
    assert (ours.similarity(ours, rows, rows[::-1]) == theirs.similarity(theirs, rows, rows[::-1])).all()


def test_the_digest_changes_with_all_that_keys_depend_on_and_with_nothing_else(folder):
    before = model_digest(folder)
    TRIPLETS.clear().write_parquet(folder / "triplets.parquet")
    change_manifest(folder, notes={"note": 2}, digests={"rules": "other"}, erblock="9.9")
    assert model_digest(folder) == before
    digests = {before}
    plan = {"bands": 8, "selectivity": 4.5, "seed": 0}
    for values in ({"columns": ["name"]}, {"encoder": {"max_tokens": 9}}, {"plan": plan}):
        change_manifest(folder, **values)
        digests.add(model_digest(folder))
    for name in ("arrays.safetensors", "encoder/tokenizer.json", "encoder/model.safetensors"):
        with (folder / name).open("ab") as file:
            file.write(b" ")
        digests.add(model_digest(folder))
    assert len(digests) == 7


def test_the_digest_of_a_copy_is_the_same(written, folder):
    assert model_digest(folder) == model_digest(written)


def test_the_folder_holds_a_manifest_safetensors_and_tables_and_nothing_to_run(written):
    manifest = json.loads((written / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["format"] == FORMAT
    assert manifest["kind"] == "neural"
    assert manifest["columns"] == ["name", "größe"]
    assert manifest["plan"] == {"bands": 8, "selectivity": 4.0, "seed": 0}
    assert pl.read_parquet(written / "triplets.parquet").equals(TRIPLETS)
    suffixes = {path.suffix for path in written.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".parquet", ".txt"}
    assert [path.name for path in written.parent.iterdir()] == ["model"]


def test_no_path_of_this_machine_is_written(written, tiny):
    for path in written.rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert str(tiny.parent) not in text
        assert str(written.parent) not in text


def test_a_model_is_replaced_only_if_asked(model, folder):
    before = contents(folder)
    with pytest.raises(ModelError, match="holds a model already; use --force"):
        save_model(model, folder, Extras())
    assert contents(folder) == before
    save_model(model, folder, Extras(), overwrite=True)
    assert not (folder / "triplets.parquet").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.txt": "years of work"},
        {"manifest.json": '{"name": "a web app"}'},
        {"manifest.json": "no JSON"},
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_never_replaced(files, overwrite, model, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="is not a model folder"):
        save_model(model, tmp_path, Extras(), overwrite=overwrite)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize("overwrite", [False, True])
def test_neither_is_a_file(overwrite, model, tmp_path):
    (tmp_path / "model").write_text("a file", encoding="utf-8")
    with pytest.raises(ModelError, match="is not a model folder"):
        save_model(model, tmp_path / "model", Extras(), overwrite=overwrite)
    assert (tmp_path / "model").read_text(encoding="utf-8") == "a file"


def test_an_empty_folder_is_used(model, tmp_path):
    (tmp_path / "model").mkdir()
    save_model(model, tmp_path / "model", Extras())
    assert read_manifest(tmp_path / "model")["kind"] == "neural"


class _Unwritable:
    def write_parquet(self, path):
        raise OSError("no space left on device")


def test_a_failed_write_leaves_nothing_behind_and_the_old_model_as_it_was(model, folder, tmp_path):
    before = contents(folder)
    with pytest.raises(OutputError, match="model cannot be written: no space left"):
        save_model(model, folder, Extras({"triplets.parquet": _Unwritable()}), overwrite=True)
    with pytest.raises(OutputError, match="other cannot be written: no space left"):
        save_model(model, tmp_path / "other", Extras({"triplets.parquet": _Unwritable()}))
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_without_a_manifest_is_no_model(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match=f"{folder}: expected a model folder .* found no manifest.json"):
            load_model(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 99}, "expected model format 4, found 99; fit again"),
        ({"format": None}, "expected model format 4, found None"),
        ({"kind": None}, "missing kind"),
        ({"kind": "voodoo"}, "expected one of the kinds neural, student, minhash; found voodoo"),
        ({"encoder": None}, "missing encoder"),
        ({"encoder": []}, "expected a whole number as encoder.max_tokens"),
        ({"encoder": {"max_tokens": "many"}}, "expected a whole number as encoder.max_tokens"),
        ({"columns": None}, "missing columns"),
        ({"columns": "name"}, "expected columns to be a list of names"),
        ({"encoder": {"max_tokens": True}}, "expected a whole number as encoder.max_tokens"),
        ({"encoder": {"max_tokens": -1}}, "expected a whole number as encoder.max_tokens"),
        ({"encoder": {"max_tokens": 32, "bands": 0}}, "expected max_tokens below encoder, found"),
        ({"notes": []}, "expected notes to be an object"),
        ({"evil": 1}, "found also evil"),
    ],
)
def test_a_manifest_of_another_form_is_refused(values, message, folder):
    change_manifest(folder, **values)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (None, "missing plan"),
        ([], "plan: .*; fit again"),
        ("8 bands", "plan: .*; fit again"),
        ({}, "plan.bands: Field required; fit again"),
        ({"bands": 8}, "plan.selectivity: Field required; fit again"),
        ({"bands": "many", "selectivity": 4.0}, "plan.bands: Input should be a valid integer.*; fit again"),
        ({"bands": 8, "selectivity": [4]}, "plan.selectivity: Input should be a valid number; fit again"),
        ({"bands": 0, "selectivity": 4.0}, "plan: .*expected 1 to 512 bands, found 0; fit again"),
        ({"bands": 9999, "selectivity": 4.0}, "plan: .*expected 1 to 512 bands, found 9999; fit again"),
        ({"bands": 8, "selectivity": float("nan")}, "plan: .*expected a selectivity .*found nan; fit again"),
        ({"bands": 8, "selectivity": 4.0, "seed": -1}, "plan: .*expected a seed .*found -1; fit again"),
    ],
)
@pytest.mark.parametrize("kind", ["neural", "minhash"])
def test_a_damaged_plan_is_told_in_one_line(plan, message, kind, model, minhash, tmp_path):
    save_model(model if kind == "neural" else minhash, tmp_path / "model", Extras())
    change_manifest(tmp_path / "model", plan=plan)
    with pytest.raises(ModelError, match=message) as raised:
        load_model(tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "model" / MANIFEST))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "expected JSON"), ("[1]", "expected model format"), ("", "expected JSON"), ("ÿ", "expected JSON")],
)
def test_a_manifest_that_is_no_json_object_is_refused(text, message, folder):
    (folder / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=message):
        load_model(folder)


def test_missing_or_broken_arrays_are_refused(folder, reseal):
    arrays = folder / "arrays.safetensors"
    found = load_file(arrays)
    save_file(found | {"more": found["mean"]}, arrays)
    reseal(folder)
    with pytest.raises(ModelError, match="found also more"):
        load_model(folder)
    del found["mean"]
    save_file(found, arrays)
    reseal(folder)
    with pytest.raises(ModelError, match="missing mean"):
        load_model(folder)
    arrays.write_bytes(b"\x80\x04pickle")
    reseal(folder)
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("weights", lambda a: a[:9], "expected weights with 1048576 all features, found 9"),
        (
            "weights",
            lambda a: a.astype(np.float64),
            "expected weights as float32 of 1 dimensions, found float64",
        ),
        ("weights", lambda a: -a, "expected weights of 1 or more"),
        ("weights", lambda a: a * 0, "expected weights of 1 or more"),
        ("mean", lambda a: a * np.float32("nan"), "expected mean to be finite numbers"),
        ("projection", lambda a: a[:3], "vector, found"),
        ("points", lambda a: a[:0], "points"),
        ("centres", lambda a: a + np.int32(10**6), "expected centres from 0 to"),
        ("centres", lambda a: a - np.int32(10**6), "expected centres from 0 to"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name, change, complaint, folder, reseal):
    arrays = load_file(folder / "arrays.safetensors")
    save_file(arrays | {name: np.ascontiguousarray(change(arrays[name]))}, folder / "arrays.safetensors")
    reseal(folder)
    with pytest.raises(ModelError, match=complaint):
        load_model(folder)


@pytest.mark.parametrize("name", ["arrays.safetensors", "triplets.parquet", "encoder/tokenizer.json"])
def test_a_file_that_was_changed_or_is_gone_is_named(name, folder):
    with (folder / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelError, match=f"{name}: expected the file that was written, found a damaged one"):
        load_model(folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: expected the file, as manifest.json lists it, found none"):
        load_model(folder)
    if hasattr(os, "mkfifo"):  # a pipe has no end
        os.mkfifo(folder / name)
        with pytest.raises(ModelError, match="found none"):
            load_model(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "encoder/../../x"])
def test_a_manifest_names_files_of_its_folder_only(name, folder):
    change_manifest(folder, files={name: "0" * 64})
    with pytest.raises(ModelError, match="expected names of files in the folder"):
        load_model(folder)


def test_what_somebody_else_put_into_a_model_is_not_replaced_with_it(model, folder):
    (folder / "encoder" / "notes.txt").write_text("mine", encoding="utf-8")
    before = contents(folder)
    with pytest.raises(ModelError, match=r"notes\.txt is in it, which erblock did not write"):
        save_model(model, folder, Extras(), overwrite=True)
    assert contents(folder) == before


@pytest.mark.parametrize("kind", ["neural", "minhash"])
def test_the_weights_are_read_without_the_rest_of_the_model(kind, model, minhash, tmp_path):
    chosen = model if kind == "neural" else minhash
    save_model(chosen, tmp_path / "model", Extras())
    assert (load_weights(tmp_path / "model") == chosen.hasher.weights).all()
    shutil.rmtree(tmp_path / "model" / "encoder", ignore_errors=True)
    assert load_weights(tmp_path / "model").shape == (1 << 20,)
    (tmp_path / "model" / "arrays.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "model")


def test_texts_are_kept_beside_the_model(minhash, tmp_path):
    save_model(minhash, tmp_path / "model", Extras(texts={"evidence.json": '{"größe": 1}\n'}))
    assert (tmp_path / "model" / "evidence.json").read_text(encoding="utf-8") == '{"größe": 1}\n'


def test_a_model_without_its_encoder_is_refused_and_nothing_is_downloaded(folder):
    shutil.rmtree(folder / "encoder")
    with pytest.raises(ModelError, match="encoder"):
        load_model(folder)
