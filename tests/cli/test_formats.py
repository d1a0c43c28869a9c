"""Every kind of folder that erblock reads, of every format it reads, from files that earlier versions wrote.

`tests/data/make_formats.py` makes those of today's formats.
"""

import json
import shutil
import zipfile

import polars as pl
import pytest

from erblock.cli import app

RUN = ["--device", "cpu", "--precision", "float32"]
BLOCK = ["block", "left.csv", "right.csv", "--model", "stored", "-o", "out.csv"]
MATCH = ["match", "left.csv", "right.csv", "--pairs", "pairs.csv", "--use", "stored", "-o", "out.csv"]

READ = {
    "minhash-4": BLOCK,
    "neural-4": [*BLOCK, *RUN],
    "student-4": BLOCK,
    "keys-6": ["block", "stored", "right.csv", "--model", "minhash", "-o", "out.csv"],
    "matcher-2": MATCH,
    "plm-2": [*MATCH, *RUN],
}


@pytest.fixture
def unpacked(tiny, tmp_path, monkeypatch):
    """Unpack a file of a format into the current folder, where the tables are, too."""
    monkeypatch.chdir(tmp_path)
    formats = tiny.parent / "formats"
    for table in formats.glob("*.csv"):
        shutil.copy(table, tmp_path)

    def unpack(name, folder="stored"):
        with zipfile.ZipFile(formats / f"{name}.zip") as packed:
            packed.extractall(tmp_path / folder)
        return tmp_path / folder

    unpack("minhash-4", "minhash")
    return unpack


def test_there_is_a_file_of_every_format(tiny):
    assert {path.stem for path in (tiny.parent / "formats").glob("*.zip")} == {*READ}


@pytest.mark.parametrize("name", READ)
def test_a_folder_of_a_known_format_is_read(name, unpacked, tmp_path, capsys):
    unpacked(name)
    assert app.run(READ[name]) == 0, capsys.readouterr().err
    pairs = pl.read_csv(tmp_path / "out.csv")
    same = pairs.filter(pl.col("left_id").str.slice(1) == pl.col("right_id").str.slice(1))
    assert same.height >= 50


@pytest.mark.parametrize("name", READ)
def test_one_of_a_newer_format_is_refused_in_one_line(name, unpacked, tmp_path, capsys):
    path = unpacked(name) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    newer = manifest["format"] + 1
    path.write_text(json.dumps(manifest | {"format": newer}), encoding="utf-8")
    assert app.run(READ[name]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: stored")
    assert f"format {newer - 1}, found {newer}" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()
