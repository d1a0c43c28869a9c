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
    assert "note: pairs labelled 1 are less similar than those labelled 0" in capsys.readouterr().err


def test_one_table_in_which_a_match_of_a_match_is_none(match_folder, capsys):
    write([("l0", "r0", 1), ("r0", "l1", 1), ("l0", "l1", 0)])
    found = doubts(match_folder, capsys, "both.csv", "-p", "pairs1.parquet")
    assert any(
        "1 pairs labelled 0 are one entity by pairs labelled 1, such as l0, l1" in each for each in found
    )


def test_one_table_in_which_a_record_matches_twice(match_folder, capsys):
    """On whichever side of a pair it stands."""
    write([("l0", "r0", 1), ("l1", "l0", 1), ("l1", "l0", 1)])
    found = doubts(match_folder, capsys, "both.csv", "-p", "pairs1.parquet", "--assign", "one-to-one")
    assert any(
        "1 records of the one table have several pairs labelled 1, such as l0" in each for each in found
    )


def test_two_tables_in_which_an_entity_is_two(match_folder, capsys):
    """Ids of the two tables are apart, though they may be the same."""
    write([("l0", "r0", 1), ("l1", "r0", 1), ("l1", "r1", 1), ("l0", "r1", 0), ("l2", "r2", 1)])
    found = doubts(match_folder, capsys, *TWO, "--assign", "clusters")
    assert any(
        "1 pairs labelled 0 are one entity by pairs labelled 1, such as l0, r1" in each for each in found
    )
    for doubtful in doubts(match_folder, capsys, *TWO, "--assign", "one-to-one"):
        assert "one entity" not in doubtful


@pytest.mark.parametrize(("reverse", "refused"), [(False, False), (True, False), (True, True)])
def test_in_one_table_a_pair_may_be_labelled_in_both_directions_alike(reverse, refused, match_folder, capsys):
    write([("l0", "r0", 1), ("r0", "l0", 0 if refused else 1) if reverse else ("l0", "r0", 1)])
    found = app.run(["match", "both.csv", "-p", "pairs1.parquet", "-o", "m.csv", "--labels", "labels.csv"])
    assert found == (2 if refused else 0)
    if refused:
        assert (
            "labels.csv labels the pair l0, r0 both 0 and 1; keep one of the two" in capsys.readouterr().err
        )


@pytest.mark.parametrize(
    ("rows", "doubt"),
    [
        ([(f"l{i}", f"r{i}", 1) for i in range(30)] + [(f"l{i}", f"r{i + 30}", 0) for i in range(30)], None),
        (
            [(f"l{i}", f"r{i}", 0) for i in range(30)] + [(f"l{i}", f"r{i + 30}", 1) for i in range(30)],
            "note: pairs labelled 1 are less similar than those labelled 0: are the labels inverted?",
        ),
        (
            [(f"l{i}", f"r{89 - i}", 1) for i in range(30)],
            "note: pairs labelled 1 are no more similar than random pairs: do the labels belong to these",
        ),
    ],
)
def test_fit_doubts_labels_too(rows, doubt, match_folder, capsys):
    write(rows)
    capsys.readouterr()
    assert app.run(["fit", *TWO[:2], "--method", "minhash", "--labels", "labels.csv", "-o", "model"]) == 0
    err = capsys.readouterr().err
    assert ("note: pairs" not in err) if doubt is None else (doubt in err)


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
