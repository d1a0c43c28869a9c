"""`erblock keys`, through the command line."""

import json

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from erblock.cli import app
from erblock.hashing.store import model_digest

SIZE = 80
NEW = 15


@pytest.fixture(scope="module")
def minhash_model(products, tmp_path_factory):
    folder = tmp_path_factory.mktemp("minhash")
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(folder / f"{name}.csv")
    tables = [str(folder / f"{name}.csv") for name in ("left", "right")]
    assert app.run(["fit", *tables, "--method", "minhash", "-o", str(folder / "model")]) == 0
    return folder / "model"


@pytest.fixture(params=["minhash", "neural"])
def model(request, fitted_model, minhash_model):
    return fitted_model if request.param == "neural" else minhash_model


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    """Two tables of products as CSV, the left one also in two parts, in the current folder."""
    monkeypatch.chdir(tmp_path)
    left, right = products(SIZE)
    left = left.sample(fraction=1, shuffle=True, seed=3)
    left.write_csv("left.csv")
    left[NEW:].write_csv("old.csv")
    left[:NEW].write_csv("new.csv")
    right.write_csv("right.csv")
    return tmp_path


def keys(*arguments):
    return app.run(["keys", *map(str, arguments), "--device", "cpu", "--precision", "float32"])


def block(*arguments):
    return app.run(["block", *map(str, arguments), "--device", "cpu", "--precision", "float32"])


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_keys_are_a_parquet_file_of_record_band_and_bucket(folder, model, capsys):
    assert keys("left.csv", "--model", model, "-o", "keys.parquet") == 0
    frame = pl.read_parquet("keys.parquet")
    assert frame.schema == {"record_id": pl.String, "band": pl.UInt16, "bucket": pl.UInt64}
    assert frame.group_by("record_id").len()["len"].unique().to_list() == [frame["band"].n_unique()]
    assert set(frame["record_id"]) == set(pl.read_csv("left.csv")["id"])
    assert frame["bucket"].max() < 2**32
    assert frame.sort("band", "record_id").equals(frame)
    assert pq.read_schema("keys.parquet").metadata[b"erblock.model"].decode() == model_digest(model)
    bands = frame["band"].n_unique()
    told = f"keys.parquet: {frame.height:,} keys of {SIZE} records in {bands} bands\n"
    assert capsys.readouterr().out == told


def test_new_records_get_the_keys_that_they_have_in_the_whole_table(folder, model):
    for name in ("left", "old", "new"):
        assert keys(f"{name}.csv", "--model", model, "-o", f"{name}.parquet") == 0
    whole, old, new = (pl.read_parquet(f"{name}.parquet") for name in ("left", "old", "new"))
    assert whole.filter(pl.col("record_id").is_in(new["record_id"].implode())).equals(new)
    assert pl.concat([old, new]).sort("band", "record_id").equals(whole)


def test_the_same_bytes_again_and_whatever_the_order_of_rows(folder, model):
    assert keys("left.csv", "--model", model, "-o", "once.parquet") == 0
    assert keys("left.csv", "--model", model, "-o", "once") == 0
    pl.read_csv("left.csv").sort("id", descending=True).write_csv("left.csv")
    assert keys("left.csv", "--model", model, "-o", "again.parquet") == 0
    assert keys("left.csv", "--model", model, "-o", "again") == 0
    assert (folder / "once.parquet").read_bytes() == (folder / "again.parquet").read_bytes()
    assert contents(folder / "once") == contents(folder / "again")


def test_a_folder_of_keys_blocks_as_the_table_it_was_made_of(folder, model):
    assert keys("left.csv", "--model", model, "-o", "stored") == 0
    before = contents(folder / "stored")
    for name, table in (("table", "left.csv"), ("stored_run", "stored")):
        assert block(table, "right.csv", "--model", model, "-o", f"{name}.parquet") == 0
    assert (folder / "table.parquet").read_bytes() == (folder / "stored_run.parquet").read_bytes()
    assert contents(folder / "stored") == before


def test_stored_records_are_not_hashed_again(folder, model, capsys):
    assert keys("left.csv", "--model", model, "-o", "stored") == 0
    capsys.readouterr()
    assert block("stored", "right.csv", "--model", model, "-o", "pairs.csv", "-v") == 0
    hashed = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("hash:", "encode:"))]
    assert len(hashed) == 1


def test_it_stands_on_the_right_too_and_for_the_one_table_of_a_deduplication(folder, model):
    assert keys("right.csv", "--model", model, "-o", "stored") == 0
    assert block("left.csv", "right.csv", "--model", model, "-o", "table.csv") == 0
    assert block("left.csv", "stored", "--model", model, "-o", "stored.csv") == 0
    assert (folder / "table.csv").read_bytes() == (folder / "stored.csv").read_bytes()
    assert block("right.csv", "--model", model, "-o", "one.csv") == 0
    assert block("stored", "--model", model, "-o", "stored_one.csv") == 0
    assert (folder / "one.csv").read_bytes() == (folder / "stored_one.csv").read_bytes()


def test_appended_records_leave_the_old_files_and_the_pairs_are_those_of_the_whole(folder, model, capsys):
    assert keys("old.csv", "--model", model, "-o", "stored") == 0
    before = contents(folder / "stored")
    assert keys("new.csv", "--model", model, "-o", "stored", "--append") == 0
    after = contents(folder / "stored")
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 3
    assert block("left.csv", "right.csv", "--model", model, "-o", "table.parquet") == 0
    assert block("stored", "right.csv", "--model", model, "-o", "stored.parquet") == 0
    assert (folder / "table.parquet").read_bytes() == (folder / "stored.parquet").read_bytes()
    assert keys("left.csv", "--model", model, "-o", "whole.parquet") == 0
    parts = pl.read_parquet("stored/[0-9]*/keys.parquet").sort("band", "record_id")
    assert parts.equals(pl.read_parquet("whole.parquet"))


def test_one_table_that_grew_is_deduplicated_as_the_whole(folder, model):
    left, right = (pl.read_csv(f"{name}.csv", infer_schema=False) for name in ("left", "right"))
    both = left.vstack(right).sample(fraction=1, shuffle=True, seed=4)
    both.write_csv("both.csv")
    both[: 2 * NEW].write_csv("new.csv")
    both[2 * NEW :].write_csv("old.csv")
    for name in ("old", "new"):
        assert keys(f"{name}.csv", "--model", model, "-o", "stored", "--append") == 0
    for table in ("both.csv", "stored"):
        assert block(table, "--model", model, "-o", f"{table}.parquet") == 0
    assert (folder / "stored.parquet").read_bytes() == (folder / "both.csv.parquet").read_bytes()


def test_new_records_against_the_stored_are_a_full_run_of_both_tables(folder, model):
    assert keys("old.csv", "--model", model, "-o", "stored") == 0
    assert block("stored", "new.csv", "--model", model, "-o", "stored.parquet") == 0
    assert block("old.csv", "new.csv", "--model", model, "-o", "table.parquet") == 0
    assert (folder / "table.parquet").read_bytes() == (folder / "stored.parquet").read_bytes()


def test_matching_takes_a_folder_of_keys_for_its_table(folder, minhash_model):
    assert keys("left.csv", "--model", minhash_model, "-o", "stored") == 0
    assert block("stored", "right.csv", "--model", minhash_model, "-o", "pairs.parquet") == 0
    for table in ("left.csv", "stored"):
        arguments = [table, "right.csv", "--pairs", "pairs.parquet", "-o", f"{table}.matches.csv"]
        assert app.run(["match", *arguments, "--columns", "name", "--columns", "price"]) == 0
    assert (folder / "left.csv.matches.csv").read_bytes() == (folder / "stored.matches.csv").read_bytes()


def test_the_audit_sheet_has_the_values_of_stored_records(folder, minhash_model):
    assert keys("left.csv", "--model", minhash_model, "-o", "stored") == 0
    assert block("stored", "right.csv", "--model", minhash_model, "--audit", 20, "-o", "pairs.parquet") == 0
    sheet = pl.read_csv(next(folder.glob("pairs*audit*.csv")))
    shown = sheet.select(id="left_id", name="left.name").unique()
    assert shown.join(pl.read_csv("left.csv"), on=["id", "name"]).height == shown.height > 5


def test_a_folder_is_appended_to_only_if_asked_and_only_new_records(folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    before = contents(folder)
    for arguments, message in (
        (["new.csv"], "stored: already has keys; --append adds records to them"),
        (["left.csv", "--append"], f"already ({SIZE - NEW} such records)"),
    ):
        capsys.readouterr()
        assert keys(*arguments, "--model", minhash_model, "-o", "stored") == 2
        assert message in capsys.readouterr().err
        assert contents(folder) == before


def test_keys_of_another_model_are_refused(folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    tables = ["new.csv", "right.csv", "--columns", "name"]
    assert app.run(["fit", *tables, "--method", "minhash", "-o", "other"]) == 0
    before = contents(folder)
    for run, arguments in (
        (keys, ["new.csv", "--model", "other", "-o", "stored", "--append"]),
        (block, ["stored", "new.csv", "--model", "other", "-o", "pairs.csv"]),
        (block, ["new.csv", "stored", "--model", "other", "-o", "pairs.csv"]),
        (block, ["stored", "new.csv", "-o", "pairs.csv"]),
    ):
        capsys.readouterr()
        assert run(*arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("error: stored")
        assert "model" in err
        assert contents(folder) == before


def test_columns_of_other_names_and_the_table_on_the_right(folder, capsys):
    right = pl.read_csv("right.csv").rename({"id": "key", "name": "title"}).drop("price")
    right.write_csv("renamed.csv")
    options = ["--right-id", "key", "--columns", "name=title"]
    assert app.run(["fit", "left.csv", "renamed.csv", *options, "--method", "minhash", "-o", "model"]) == 0
    arguments = ["renamed.csv", "--id", "key", "--model", "model", "-o", "stored"]
    assert keys(*arguments) == 2
    err = capsys.readouterr().err
    assert "has no column 'name'" in err
    assert "--right" in err
    assert keys(*arguments, "--right") == 0
    assert block("left.csv", "stored", "--model", "model", "-o", "stored.csv") == 0
    assert block("left.csv", "renamed.csv", "--right-id", "key", "--model", "model", "-o", "table.csv") == 0
    assert (folder / "table.csv").read_bytes() == (folder / "stored.csv").read_bytes()


def test_ids_keep_their_type_and_records_with_nothing_to_read_have_no_keys(folder, minhash_model, capsys):
    table = pl.read_csv("left.csv").with_columns(pl.col("id").str.slice(1).cast(pl.Int64))
    table = table.with_columns(name=pl.when(pl.col("id") > 9).then("name"), price=pl.lit(None, pl.String))
    table.write_parquet("left.parquet")
    assert keys("left.parquet", "--model", minhash_model, "-o", "k.parquet", "--json") == 0
    done = json.loads(capsys.readouterr().out)
    frame = pl.read_parquet("k.parquet")
    assert frame.schema["record_id"] == pl.Int64
    assert sorted(frame["record_id"].unique()) == list(range(10, SIZE))
    assert (done["records"], done["empty"], done["keys"]) == (SIZE, 10, frame.height)


def test_ids_of_another_type_are_not_appended(folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    number = pl.col("id").str.slice(1).cast(pl.Int64)
    pl.read_csv("new.csv").with_columns(number).write_parquet("new.parquet")
    assert keys("new.parquet", "--model", minhash_model, "-o", "stored", "--append") == 2
    assert "stored has ids of the type String, found Int64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.csv", "--model", "{model}", "-o", "k.parquet"], "missing.csv"),
        (["left.csv", "-o", "k.parquet"], "keys need a model"),
        (["left.csv", "--model", "nowhere", "-o", "k.parquet"], "nowhere: expected a model folder"),
        (["left.csv", "--model", "{model}", "-o", "k.csv"], "keys are Parquet"),
        (["left.csv", "--model", "{model}", "-o", "k.parquet", "--append"], "--append adds to a folder"),
        (["left.csv", "--model", "{model}", "-o", "taken"], "taken: exists and has no keys"),
        (["left.csv", "--model", "{model}", "-o", "taken.parquet"], "expected a file, found a folder"),
        (["left.csv", "--model", "{model}", "--id", "price", "-o", "k"], "left.csv"),
        (
            ["table.parquet", "--model", "{model}", "-o", "table.parquet"],
            "this would overwrite the table table.parquet",
        ),
        (["other.csv", "--model", "{model}", "-o", "k"], "has no column 'name'"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, folder, minhash_model, capsys):
    for name in ("taken", "taken.parquet"):
        (folder / name).mkdir()
        (folder / name / "thesis.txt").write_text("years of work", encoding="utf-8")
    (folder / "other.csv").write_text("id,title\n1,red\n", encoding="utf-8")
    pl.read_csv("left.csv").with_columns(price=pl.lit("3")).write_parquet("table.parquet")
    pl.read_csv("left.csv").with_columns(price=pl.lit("3")).write_csv("left.csv")
    before = contents(folder)
    assert keys(*[argument.format(model=minhash_model) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert contents(folder) == before


def change(part, **changed):
    """Replace arrays of the stored sketch of a part by what functions make of them."""
    path = part / "sketch.safetensors"
    arrays = load_file(path)
    save_file(arrays | {name: make(arrays[name]).copy() for name, make in changed.items()}, path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda part: (part / "sketch.safetensors").write_bytes(b"\x80\x04pickle"), "cannot be read"),
        (lambda part: (part / "sketch.safetensors").unlink(), "cannot be read"),
        (
            lambda part: change(part, features=lambda old: old * 0),
            "expected the features of a record to rise",
        ),
        (
            lambda part: pl.read_parquet(part / "records.parquet")[1:].write_parquet(
                part / "records.parquet"
            ),
            "expected 64 vectors, found 65",
        ),
        (
            lambda part: (part.parent / "manifest.json").write_text('{"kind": "keys", "format": 9}'),
            "expected format 6, found 9",
        ),
    ],
)
def test_a_damaged_folder_is_refused(spoil, message, folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    spoil(folder / "stored" / "00000")
    capsys.readouterr()
    assert block("stored", "new.csv", "--model", minhash_model, "-o", "pairs.csv") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: stored")
    assert message in err
    assert not (folder / "pairs.csv").exists()


@pytest.mark.parametrize(
    "changed",
    [{"buckets": lambda old: old[:, :1]}, {"dense": lambda old: np.zeros((len(old), 384), np.int8)}],
)
def test_a_sketch_of_another_form_than_the_model_s_is_refused(changed, folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    change(folder / "stored" / "00000", **changed)
    capsys.readouterr()
    for tables in (("stored", "new.csv"), ("new.csv", "stored")):
        assert block(*tables, "--model", minhash_model, "-o", "pairs.csv") == 2
        err = capsys.readouterr().err
        assert "expected keys of one model on both sides, found " in err
        assert err.count("\n") == 1


def test_records_that_cannot_be_read_are_told_before_more_are_appended(folder, minhash_model, capsys):
    assert keys("old.csv", "--model", minhash_model, "-o", "stored") == 0
    (folder / "stored" / "00000" / "records.parquet").write_bytes(b"rubbish")
    capsys.readouterr()
    assert keys("new.csv", "--model", minhash_model, "-o", "stored", "--append") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: stored: its records cannot be read (")
    assert err.count("\n") == 1
