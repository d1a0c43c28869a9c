"""Labels that cannot all be true are used, and doubted in a sentence."""

import json

import polars as pl
import pytest

from erblock.cli import app


def doubts(folder, capsys, *arguments):
    capsys.readouterr()
    assert app.run(["match", *arguments, "-o", "m.csv", "--json", "--labels", "labels.csv"]) == 0
    return json.loads(capsys.readouterr().out)["doubts"]


def write(rows):
    pl.DataFrame(rows, schema=["left_id", "right_id", "label"], orient="row").write_csv("labels.csv")


TWO = ("left.csv", "right.csv", "-p", "pairs.parquet")


def test_good_labels_are_not_doubted(match_folder, capsys):
    write([(f"l{i}", f"r{i}", 1) for i in range(20)])
    assert doubts(match_folder, capsys, *TWO) == []


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        (
            [("l0", "r0", 1), ("l0", "r5", 1)],
            "1 records of the left table have several pairs labelled 1, such as l0",
        ),
        ([(f"l{i}", f"r{89 - i}", 1) for i in range(30)], "of 30 labelled pairs are among the candidates"),
    ],
)
def test_two_tables(rows, doubt, match_folder, capsys):
    write(rows)
    found = doubts(match_folder, capsys, *TWO, "--assign", "one-to-one")
    assert any(doubt in each for each in found)


def test_inverted_labels(match_folder, capsys):
    pairs = pl.read_parquet("pairs.parquet").sort("similarity", descending=True)
    worst, best = pairs.tail(30), pairs.head(30)
    write(
        [(*pair, 0) for pair in best.select("left_id", "right_id").rows()]
        + [(*pair, 1) for pair in worst.select("left_id", "right_id").rows()]
    )
    assert app.run(["match", *TWO, "-o", "m.csv", "--labels", "labels.csv"]) == 0
    assert "note: pairs labelled 1 are less alike than those labelled 0" in capsys.readouterr().err


def test_one_table_in_which_a_match_of_a_match_is_none(match_folder, capsys):
    write([("l0", "r0", 1), ("r0", "l1", 1), ("l0", "l1", 0)])
    found = doubts(match_folder, capsys, "both.csv", "-p", "pairs1.parquet")
    assert any(
        "1 pairs labelled 0 are one entity by pairs labelled 1, such as l0, l1" in each for each in found
    )


def test_a_matcher_is_used_with_the_columns_that_it_knows(match_folder, capsys):
    assert app.run(["match", *TWO, "--save", "saved", "-o", "m.csv"]) == 0
    assert app.run(["match", *TWO, "--use", "saved", "--columns", "name", "-o", "n.csv"]) == 2
    assert (
        "saved was learned on the columns name, price; found name: leave the columns out"
        in capsys.readouterr().err
    )
    assert not (match_folder / "n.csv").exists()


@pytest.mark.parametrize("name", ["row", "len", "count", "n", "word", "row|other", "literal", "index"])
def test_columns_may_be_called_like_internals(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i},blue chair {i} of oak,{1000 + i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"id,{name},price\n{rows}", encoding="utf-8")
    assert app.run(["init", "t.csv", "-o", "x.toml"]) == 0
    assert name in (tmp_path / "x.toml").read_text(encoding="utf-8")
