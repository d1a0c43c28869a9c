"""`erblock block --block-on`: records with an equal value meet, whatever the hash says."""

import polars as pl
import pytest

from erblock.cli import app

SIZE = 60


def word(letters, number):
    """A word of its own for every number, of these letters."""
    return (
        "".join(letters[(number * 7 + at * (number % 11 + 1)) % 8] for at in range(9)) + letters[number % 8]
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two tables whose records share a phone, written in two ways, and nothing else."""
    monkeypatch.chdir(tmp_path)
    left = [(f"l{i}", word("abcdefgh", i), f"020 7946 {i:04}") for i in range(SIZE)]
    right = [(f"r{i}", word("stuvwxyz", i), f"+44 (0)20-7946-{i:04}") for i in range(SIZE)]
    for name, rows, phone in (("left", left, "phone"), ("right", right, "tel")):
        frame = pl.DataFrame(rows, schema=["id", "name", phone], orient="row")
        frame.with_columns(pl.when(pl.col("id").str.slice(1) != "9").then(phone)).write_csv(f"{name}.csv")
    (tmp_path / "erblock.toml").write_text(
        '[tables]\nleft = "left.csv"\nright = "right.csv"\ncolumns = ["name"]\n'
        "[block]\nmax_pairs = 100000\nblock_on = [\"phone(tel, 'GB')\"]\n",
        encoding="utf-8",
    )
    for side in ("left", "right"):
        frame = pl.read_csv(f"{side}.csv", infer_schema=False)
        frame.rename({"phone": "tel"} if side == "left" else {}).write_csv(f"{side}.csv")
    return tmp_path


def block(*arguments):
    return app.run(["block", *map(str, arguments)])


def pairs(path="pairs.parquet"):
    frame = pl.read_parquet(path)
    return dict(zip(frame.select("left_id", "right_id").rows(), frame["n_bands"], strict=True))


def test_records_with_an_equal_value_meet(folder):
    assert block() == 0
    known = {(f"l{i}", f"r{i}") for i in range(SIZE) if i != 9}
    found = pairs()
    assert known <= found.keys()
    assert ("l9", "r9") not in found
    assert block("--block-on", "digits(tel)") == 0
    assert not known & pairs().keys()


def test_several_values_are_several_bands_and_none_is_lost(folder):
    assert block("-o", "some.parquet") == 0
    assert block("--block-on", "phone(tel, 'GB')", "--block-on", "prefix(tel)", "-o", "more.parquet") == 2
    assert block("--block-on", "phone(tel, 'GB')", "--block-on", "tel", "-o", "more.parquet") == 0
    assert pairs("some.parquet").items() <= pairs("more.parquet").items()


def test_copies_with_other_values_are_no_copies(folder):
    for name in ("left", "right"):
        frame = pl.read_csv(f"{name}.csv", infer_schema=False)
        same = pl.when(pl.col("id").str.len_chars() < 3).then(pl.lit("same")).otherwise("name")
        frame.with_columns(name=same).write_csv(f"{name}.csv")
    assert block() == 0
    assert {(f"l{i}", f"r{i}") for i in range(SIZE) if i != 9} <= pairs().keys()


def test_one_table(folder):
    tables = [pl.read_csv(f"{side}.csv", infer_schema=False) for side in ("left", "right")]
    pl.concat(tables).write_csv("both.csv")
    assert block("both.csv") == 0
    assert {(f"l{i}", f"r{i}") for i in range(SIZE) if i != 9} <= pairs().keys()


def test_a_model_takes_them_too(folder, capsys):
    assert app.run(["fit", "--method", "minhash", "-o", "model"]) == 0
    assert block("--model", "model") == 0
    assert ("l3", "r3") in pairs()
    capsys.readouterr()
    assert app.run(["why", "l3", "r3", "--model", "model"]) == 0
    assert "Buckets: 1 of 129 shared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--block-on", "digits(telephone)"),
            "block_on 1, character 8: no column 'telephone'",
        ),
        (("--block-on", "exact(tel)"), "block_on 1, character 1: expected a column, found exact(tel)"),
        (("--block-on", "left.tel"), "block_on 1, character 1: name the column without a side"),
        (("--block-on", "domain(tel)"), "domain needs values such as it reads"),
        (("--block-on", ""), "block_on 1, character 1"),
        (("--block-on", "tel", "--engine", "spark"), "--block-on joins on this machine"),
    ],
)
def test_a_mistake_is_one_line(options, message, folder, capsys):
    assert block(*options) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert not (folder / "pairs.parquet").exists()


@pytest.mark.parametrize("options", [[], ["left.csv", "right.csv", "--block-on", "tel"]])
def test_plan_refuses_what_it_cannot_tell(options, folder, capsys):
    assert app.run(["plan", *options]) == 2
    assert (
        "erblock plan cannot estimate the pairs that --block-on adds; leave it out" in capsys.readouterr().err
    )
