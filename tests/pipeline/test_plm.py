"""`erblock match --matcher plm`, from a fitted model to a matcher folder and back."""

import json
import shutil

import polars as pl
import pytest

from erblock.cli import app
from erblock.errors import ErblockError, ModelError
from erblock.hashing.kinds import RunOptions
from erblock.matching.store import load_matcher

SIZE, ALONE = 70, 20
TRUE = {(f"l{i}", f"r{i}") for i in range(SIZE)}
CPU = ["--device", "cpu", "--precision", "float32"]


@pytest.fixture(scope="module")
def blocked(products, fitted_model, tmp_path_factory):
    """Two tables of which some records have no match, candidates, a model, and a matcher with its matches."""
    folder = tmp_path_factory.mktemp("plm")
    left, right = products(SIZE + ALONE)
    tables = {
        "left": left[: SIZE + ALONE // 2],
        "right": right[:SIZE].vstack(right[SIZE + ALONE // 2 :]),
        "both": pl.concat([left[:SIZE], right[:SIZE]]),
    }
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    shutil.copytree(fitted_model, folder / "model")
    paths = [str(folder / name) for name in ("left.csv", "right.csv")]
    assert app.run(["block", *paths, "-o", str(folder / "pairs.parquet")]) == 0
    assert app.run(["block", str(folder / "both.csv"), "-o", str(folder / "pairs1.parquet")]) == 0
    assert app.run(["fit", *paths, "--method", "minhash", "-o", str(folder / "minhash")]) == 0
    plm = ["--matcher", "plm", "--model", str(folder / "model"), "-p", str(folder / "pairs.parquet"), *CPU]
    saved = ["-o", str(folder / "first.parquet"), "--save", str(folder / "matcher")]
    assert app.run(["match", *paths, *plm, *saved]) == 0
    return folder


@pytest.fixture
def folder(blocked, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for path in blocked.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def match(*arguments):
    return app.run(["match", *arguments])


def matched(path):
    frame = pl.read_parquet(path).filter("is_match")
    return set(frame.select("left_id", "right_id").iter_rows())


def test_matches_are_found_and_the_model_has_a_say(folder):
    found = matched("first.parquet")
    assert len(found & TRUE) >= 0.95 * len(TRUE)
    assert len(found & TRUE) >= 0.95 * len(found)
    assert len(load_matcher(folder / "matcher").matcher.calibration.weights) == 3


def test_a_saved_matcher_says_the_same_without_the_model_it_started_from(folder):
    (folder / "model").unlink()
    assert match("left.csv", "right.csv", "--use", "matcher", "-o", "again.parquet", *CPU) == 0
    assert (folder / "again.parquet").read_bytes() == (folder / "first.parquet").read_bytes()


def test_a_matcher_folder_holds_no_pickle_and_no_code(folder):
    names = {path.name for path in (folder / "matcher").rglob("*") if path.is_file()}
    assert {"heads.safetensors", "model.safetensors", "manifest.json"} <= names
    assert {name.rsplit(".", 1)[-1] for name in names} <= {"json", "safetensors", "npy", "txt", "md"}


def test_one_table_is_matched_too(folder):
    arguments = ["both.csv", "-p", "pairs1.parquet", "--matcher", "plm", "--model", "model", *CPU]
    assert match(*arguments, "-o", "m.parquet") == 0
    found = {tuple(sorted(pair)) for pair in matched("m.parquet")}
    assert len(found & TRUE) >= 0.9 * max(len(TRUE), len(found))


def test_the_encoder_is_trained_where_asked_and_stays_as_it_was_where_matches_are_few(folder, monkeypatch):
    arguments = ["left.csv", "right.csv", "--matcher", "plm", "--model", "model", "--fine-tune", *CPU]
    assert match(*arguments, "-o", "few.parquet") == 0
    assert (folder / "few.parquet").read_bytes() == (folder / "first.parquet").read_bytes()
    monkeypatch.setattr("erblock.pipeline.plm.LEAST_MATCHES", 10)
    assert match(*arguments, "-o", "tuned.parquet", "--save", "tuned") == 0
    assert len(matched("tuned.parquet") & TRUE) >= 0.95 * len(TRUE)
    weights = "encoder/model.safetensors"
    assert (folder / "tuned" / weights).read_bytes() != (folder / "matcher" / weights).read_bytes()
    assert match("left.csv", "right.csv", "--use", "tuned", "-o", "again.parquet", *CPU) == 0
    assert (folder / "again.parquet").read_bytes() == (folder / "tuned.parquet").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--matcher", "plm"], "--matcher plm needs a language model: fit one with 'erblock fit'"),
        (
            ["--matcher", "plm", "--model", "minhash"],
            "needs a model of the method neural; minhash is of minhash",
        ),
        (["--matcher", "plm", "--model", "nowhere"], "found no manifest.json"),
        (["--matcher", "llm"], "--matcher: expected 'evidence' or 'plm', found 'llm'"),
    ],
)
def test_what_cannot_read_is_one_line_and_nothing_is_written(folder, capsys, arguments, complaint):
    assert match("left.csv", "right.csv", *arguments, "-o", "m.parquet") == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (folder / "m.parquet").exists()


def _edited(folder, edit):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "heads.safetensors").unlink(),
        lambda folder: (folder / "heads.safetensors").write_bytes(b"spoiled"),
        lambda folder: shutil.rmtree(folder / "encoder"),
        lambda folder: _edited(folder, lambda manifest: manifest.pop("plm")),
        lambda folder: _edited(folder, lambda manifest: manifest.update(plm={})),
        lambda folder: _edited(folder, lambda manifest: manifest["calibration"]["weights"].pop()),
    ],
)
def test_a_spoiled_matcher_is_one_line(blocked, tmp_path, spoil):
    shutil.copytree(blocked / "matcher", tmp_path / "matcher")
    spoil(tmp_path / "matcher")
    with pytest.raises(ModelError) as caught:
        load_matcher(tmp_path / "matcher", RunOptions("cpu", "float32"))
    assert isinstance(caught.value, ErblockError)
    assert "\n" not in str(caught.value)
