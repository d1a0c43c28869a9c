"""`erblock distill`, through the command line."""

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from erblock.cli import app

SIZE = 80
TABLES = ("left.csv", "right.csv")
TINY_RUN = ("--device", "cpu", "--precision", "float32")
WITHOUT_TORCH = """
import sys
sys.modules.update(torch=None, sentence_transformers=None, transformers=None)
from erblock.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def folder(products, tmp_path, monkeypatch, fitted_model):
    """Two tables and a model fitted on them, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, table in zip(TABLES, products(SIZE), strict=True):
        table.write_csv(name)
    shutil.copytree(fitted_model, "model")
    return tmp_path


def distill(*arguments):
    return app.run(["distill", *map(str, arguments), *TINY_RUN])


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_student_blocks_without_torch(folder, capsys):
    assert distill("model", *TABLES, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["output"], report["texts"]) == ("student", 2 * SIZE)
    assert 0.3 < report["agreement"] <= 1
    manifest = json.loads((folder / "student" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["kind"], manifest["columns"]) == ("student", ["name", "price"])
    assert "teacher" in manifest["digests"]
    assert not (folder / "student" / "encoder").exists()
    arguments = ["block", *TABLES, "--model", "student", "--max-pairs", "160", "-o", "pairs.parquet"]
    command = [sys.executable, "-W", "error", "-c", WITHOUT_TORCH, *arguments]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    pairs = pl.read_parquet("pairs.parquet")
    same = pairs.filter(pl.col("left_id").str.slice(1) == pl.col("right_id").str.slice(1))
    assert same.height / SIZE > 0.9


def test_keys_of_a_student_stand_for_its_table(folder):
    assert distill("model", *TABLES) == 0
    assert app.run(["keys", "left.csv", "--model", "student", "-o", "left-keys"]) == 0
    assert app.run(["block", *TABLES, "--model", "student", "-o", "whole.parquet"]) == 0
    assert app.run(["block", "left-keys", "right.csv", "--model", "student", "-o", "stored.parquet"]) == 0
    assert (folder / "whole.parquet").read_bytes() == (folder / "stored.parquet").read_bytes()


def test_it_knows_of_the_columns_what_its_teacher_knows(folder):
    known = (folder / "model" / "evidence.json").read_text(encoding="utf-8")
    assert distill("model", *TABLES) == 0
    assert (folder / "student" / "evidence.json").read_text(encoding="utf-8") == known
    (folder / "model" / "evidence.json").unlink()
    manifest = json.loads((folder / "model" / "manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]["evidence.json"]
    (folder / "model" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert distill("model", *TABLES, "--force") == 0
    assert not (folder / "student" / "evidence.json").exists()


def test_the_same_seed_gives_the_same_student_in_any_order_of_rows(folder):
    assert distill("model", *TABLES, "-o", "a") == 0
    for seed, name in enumerate(TABLES):
        pl.read_csv(name).sample(fraction=1, shuffle=True, seed=seed).write_csv(name)
    assert distill("model", *TABLES, "-o", "b") == 0
    assert contents(folder / "a") == contents(folder / "b")
    assert distill("model", *TABLES, "-o", "c", "--seed", 1) == 0
    assert contents(folder / "a") != contents(folder / "c")


def test_tables_and_settings_may_stand_in_the_file(folder, rules_file):
    rules_file(folder)
    with (folder / "erblock.toml").open("a", encoding="utf-8") as file:
        file.write('[distill]\noutput = "fast"\ntexts = 50\n')
    assert distill("model") == 0
    manifest = json.loads((folder / "fast" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["notes"]["distilled_from"] == 50


def test_a_teacher_need_not_be_trained(folder, tiny):
    arguments = ["--encoder", str(tiny), "--max-steps", "0", "-o", "untrained"]
    assert app.run(["fit", *TABLES, *arguments, *TINY_RUN]) == 0
    assert distill("untrained", *TABLES) == 0
    assert app.run(["block", *TABLES, "--model", "student", "--max-pairs", "160", "-o", "pairs.csv"]) == 0
    pairs = pl.read_csv("pairs.csv")
    same = pairs["left_id"].str.slice(1) == pairs["right_id"].str.slice(1)
    assert same.sum() / SIZE > 0.9


def test_one_table_is_enough(folder):
    assert distill("model", "left.csv") == 0
    arguments = ["block", "left.csv", "--model", "student", "-o", "pairs.csv"]
    assert app.run(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", *TABLES], "expected a model folder"),
        (["model", *TABLES, "-o", "taken"], "taken exists and is not a model folder"),
        (
            ["model", *TABLES, "-o", "model", "--force"],
            "this would overwrite the teacher model; expected another name",
        ),
        (["model", "few.csv"], "at least 20 distinct records to learn from, found 3"),
        (["model", *TABLES, "--texts", "5"], "--texts"),
        (["minhash", *TABLES], "expected a model of the method neural to learn from, found minhash"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(arguments, message, folder, capsys):
    assert app.run(["fit", *TABLES, "--method", "minhash", "-o", "minhash"]) == 0
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("years of work", encoding="utf-8")
    pl.read_csv("left.csv").head(3).write_csv("few.csv")
    before = contents(folder)
    capsys.readouterr()
    assert distill(*arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert contents(folder) == before


def test_a_student_is_no_teacher_and_no_reader_of_records(folder, capsys):
    assert distill("model", *TABLES) == 0
    capsys.readouterr()
    assert distill("student", *TABLES, "-o", "second") == 2
    assert "found student" in capsys.readouterr().err
    assert app.run(["block", *TABLES, "--model", "student", "-o", "p.parquet"]) == 0
    matcher = ["--matcher", "plm", "--model", "student", "-o", "m.parquet"]
    assert app.run(["match", *TABLES, "--pairs", "p.parquet", *matcher]) == 2
    assert "student is of student" in capsys.readouterr().err
