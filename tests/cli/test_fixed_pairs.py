"""`erblock block --must-pairs` and `--must-not-pairs`: pairs about which the budget does not decide."""

import json
import shlex
from pathlib import Path

import polars as pl
import pytest

import erblock
from erblock.cli import app

SIZE = 60


@pytest.fixture
def shops(products, tmp_path, monkeypatch):
    """Two tables, the same as one table, and pairs that have nothing in common."""
    monkeypatch.chdir(tmp_path)
    left, right = products(SIZE)
    blank = pl.DataFrame({"id": ["l-none"], "name": [None], "price": [None]}, schema=left.schema)
    pl.concat([left, blank]).write_csv("a.csv")
    right.write_csv("b.csv")
    pl.concat([left, right]).write_csv("both.csv")
    Path("must.csv").write_text("ours,theirs\nl-none,r7\nl3,r50\nl3,r50\nl1,r1\n", encoding="utf-8")
    Path("never.csv").write_text("left_id;right_id\nl2;r2\nl5;r40\n", encoding="utf-8")
    return tmp_path


def run(command, capsys):
    capsys.readouterr()
    code = app.run(shlex.split(command))
    return code, *capsys.readouterr()


def written(path="p.parquet"):
    return pl.read_parquet(path).select("left_id", "right_id").rows()


MUST = {("l-none", "r7"), ("l3", "r50"), ("l1", "r1")}
NAMED = "--must-pairs must.csv --must-not-pairs never.csv"


def test_named_pairs_are_written_and_others_never(shops, capsys):
    code, out, _ = run(f"block a.csv b.csv {NAMED} -o p.parquet", capsys)
    assert (code, "named pairs: 3 always written, 2 never written" in out) == (0, True)
    assert set(written()) >= MUST
    assert not {("l2", "r2"), ("l5", "r40")} & set(written())
    frame = pl.read_parquet("p.parquet")
    assert frame["score"].is_sorted(descending=True)
    assert frame.filter(left_id="l-none").row(0)[3:] == (0, 0)
    assert len(set(written())) == frame.height


def test_the_budget_counts_them_first(shops, capsys):
    assert run("block a.csv b.csv --must-pairs must.csv --max-pairs 100000 -o all.parquet", capsys)[0] == 0
    order = [pair for pair in written("all.parquet") if pair not in MUST]
    for most in (1, 3, 4, 40):
        assert run(f"block a.csv b.csv {NAMED} --max-pairs {most} -o p.parquet", capsys)[0] == 0
        free = [pair for pair in order if pair != ("l2", "r2")]
        assert set(written()) == MUST | set(free[: max(most - 3, 0)])
    assert run(f"block a.csv b.csv {NAMED} --max-per-record 1 -o p.parquet", capsys)[0] == 0
    assert set(written()) >= MUST
    assert sum(left == "l3" for left, _ in written()) == 1


def test_pairs_of_one_table_may_be_named_in_either_order(shops, capsys):
    Path("must.jsonl").write_text('{"id1": "r50", "id2": "l3"}\n', encoding="utf-8")
    Path("never.csv").write_text("left_id,right_id,label\nr2,l2,0\nl4,r4,1\n", encoding="utf-8")
    named = "--must-pairs must.jsonl --must-not-pairs never.csv"
    assert run(f"block both.csv {named} -o p.parquet", capsys)[0] == 0
    found = set(written())
    assert (("l3", "r50") in found, ("l2", "r2") in found, ("l4", "r4") in found) == (True, False, True)


def test_a_copy_is_written_with_the_record_that_is_named(shops, capsys):
    rows = [f"{side}{i},red lamp 77x" for i in range(30) for side in "c"]
    table = "id,name\n" + "\n".join([*rows, *(f"x{i},blue chair {i}" for i in range(30))]) + "\n"
    Path("copies.csv").write_text(table, encoding="utf-8")
    Path("must.csv").write_text("a,b\nc3,c28\nx9,c17\n", encoding="utf-8")
    Path("never.csv").write_text("a,b\nc0,c1\n", encoding="utf-8")
    for budget in ("", "--max-pairs 2", "--max-per-record 1"):
        assert run(f"block copies.csv {NAMED} {budget} -o p.parquet", capsys)[0] == 0
        assert {("c28", "c3"), ("c17", "x9")} <= set(written())
        assert ("c0", "c1") not in written()
        assert len(set(written())) == len(written())
    assert run("block copies.csv --must-pairs must.csv --max-pairs 2 -o p.parquet", capsys)[0] == 0
    assert set(written()) == {("c28", "c3"), ("c17", "x9")}


def test_why_a_run_and_the_library_take_them_too(shops, capsys):
    tables = f"a.csv b.csv {NAMED} --max-pairs 20"
    assert run(f"block {tables} -o p.parquet", capsys)[0] == 0
    for ids, said in (("l-none r7", "--must-pairs names it"), ("l2 r2", "--must-not-pairs names it")):
        assert said in run(f"why {ids} {tables}", capsys)[1]
    Path("gold.csv").write_text("a,b\n" + "".join(f"l{i},r{i}\n" for i in range(SIZE)), encoding="utf-8")
    causes = json.loads(run(f"why --missed gold.csv {tables} --json", capsys)[1])["causes"]
    assert sum(cause["count"] for cause in causes) == SIZE - len(
        {p for p in written() if p[0][1:] == p[1][1:]}
    )
    Path("x.toml").write_text(
        '[tables]\nleft = "a.csv"\nright = "b.csv"\n[block]\nmax_pairs = 20\n', encoding="utf-8"
    )
    assert run(f"run x.toml {NAMED} -o run", capsys)[0] == 0
    assert written("run/pairs.parquet") == written()
    assert "block: unchanged" in run(f"run x.toml {NAMED} -o run", capsys)[1]
    Path("never.csv").write_text("left_id;right_id\nl2;r2\n", encoding="utf-8")
    assert "unchanged" not in run("run run/erblock.toml -o again", capsys)[1]
    assert "unchanged" not in run(f"run x.toml {NAMED} -o run", capsys)[1]
    assert written("run/pairs.parquet") == written("again/pairs.parquet")
    frames = {"must_pairs": pl.read_csv("must.csv"), "must_not_pairs": "never.csv"}
    assert erblock.block("a.csv", "b.csv", max_pairs=20, **frames).select("left_id", "right_id").rows() == (
        written("run/pairs.parquet")
    )


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("a,b\nl2,r2\n", NAMED, "expected a pair in one of them, found l2 and r2 in both"),
        ("a,b\nl2,r999\n", NAMED, "must.csv: right_id r999 not in the right table"),
        ("a,b\n", NAMED, "must.csv holds no pairs"),
        ("a,b\nl2,\n", NAMED, "must.csv: right_id is missing in row 1"),
        ("a,b,c\nl2,r2,x\n", NAMED, "must.csv needs the columns left_id and right_id"),
        ("a,b\nl1,r1\n", "--must-pairs none.csv", "no such file: none.csv"),
        ("a,b\nl1,r1\n", f"{NAMED} --engine spark", "--must-pairs joins on this machine"),
        (
            "a,b\nl1,r1\n",
            f"{NAMED} -o must.csv",
            "--output must.csv: this would overwrite the must-pairs must.csv",
        ),
        ("a,b\nl1,r1\n", "--must-pairs - --must-not-pairs -", "standard input is one table"),
    ],
)
def test_a_mistake_is_one_line(text, options, complaint, shops, capsys):
    Path("must.csv").write_text(text, encoding="utf-8")
    before = sorted(shops.rglob("*"))
    code, out, err = run(f"block a.csv b.csv -o p.csv {options}", capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert sorted(shops.rglob("*")) == before
    Path("self.csv").write_text("a,b\nl1,l1\n", encoding="utf-8")
    code, _, err = run("block both.csv --must-pairs self.csv -o p.csv", capsys)
    assert (code, "expected pairs of two records, found l1 with itself" in err) == (2, True)
