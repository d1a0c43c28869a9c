"""`erblock block --source`: one table that holds the records of several sources."""

import shlex
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

SIZE = 60


@pytest.fixture
def sources(products, tmp_path, monkeypatch):
    """One table of three sources, each with the same products; one of them holds every record twice."""
    monkeypatch.chdir(tmp_path)
    left, right = products(SIZE)
    third = left.with_columns(id=pl.format("t{}", pl.col("id").str.slice(1)))
    again = right.with_columns(id=pl.format("x{}", pl.col("id").str.slice(1)))
    parts = [left.with_columns(shop=pl.lit("A")), third.with_columns(shop=pl.lit("C"))]
    parts += [part.with_columns(shop=pl.lit("B")) for part in (right, again)]
    pl.concat(parts).write_csv("all.csv")
    return tmp_path


def run(command, capsys):
    capsys.readouterr()
    code = app.run(shlex.split(command))
    return code, *capsys.readouterr()


def blocked(options, capsys):
    code, _, err = run(f"block all.csv {options} -o p.parquet", capsys)
    assert code == 0, err
    return set(pl.read_parquet("p.parquet").select("left_id", "right_id").rows())


def source_of(record):
    return {"l": "A", "t": "C", "r": "B", "x": "B"}[record[0]]


def test_records_of_one_source_are_no_candidates(sources, capsys):
    found = blocked("--source shop", capsys)
    assert all(source_of(left) != source_of(right) for left, right in found)
    known = {tuple(sorted(pair)) for i in range(SIZE) for pair in ((f"l{i}", f"t{i}"), (f"l{i}", f"x{i}"))}
    assert len(known & found) > 0.9 * len(known)
    within = blocked("--columns name --columns price", capsys)
    assert any(source_of(left) == source_of(right) for left, right in within)


def test_a_record_of_an_unknown_source_may_meet_any(sources, capsys):
    table = pl.read_csv("all.csv")
    table = table.with_columns(shop=pl.when(pl.col("id").str.starts_with("x")).then(None).otherwise("shop"))
    table.write_csv("all.csv")
    found = blocked("--source shop --max-pairs 100000", capsys)
    assert {("r3", "x3"), ("l3", "x3")} <= found
    assert not any(left[0] == right[0] for left, right in found if left[0] in "lrt")


def test_the_source_is_not_compared_and_named_pairs_go_over_it(sources, capsys):
    Path("must.csv").write_text("a,b\nr1,x1\n", encoding="utf-8")
    assert ("r1", "x1") in blocked("--source shop --must-pairs must.csv --max-pairs 5", capsys)
    _, out, _ = run("why r2 x2 all.csv --source shop", capsys)
    assert "never written: both records are of one source" in out
    assert "shop" not in out


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("block all.csv --source shops -o p.csv", "all.csv has no column 'shops'; did you mean 'shop'?"),
        (
            "block all.csv b.csv --source shop -o p.csv",
            "expected one table of several sources, found two",
        ),
        ("block all.csv --source id -o p.csv", "'id' is the id column"),
        ("block all.csv --source shop --engine spark -o p.csv", "--source joins on this machine"),
        ("plan all.csv --source shop", "erblock plan cannot estimate the pairs within one source"),
    ],
)
def test_a_mistake_is_one_line(command, complaint, sources, capsys):
    Path("b.csv").write_text(Path("all.csv").read_text(encoding="utf-8"), encoding="utf-8")
    code, out, err = run(command, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert not Path("p.csv").exists()
