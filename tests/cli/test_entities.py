"""`erblock match --entities`: entities that persist from run to run."""

import json

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
TABLES = ("left.csv", "right.csv")
SOURCES = [(TABLES, "pairs.parquet"), (("both.csv",), "pairs1.parquet")]


def match(tables, pairs, *more):
    return app.run(["match", *tables, "-p", pairs, "-o", "m.csv", *more])


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def report(capsys, *arguments):
    capsys.readouterr()
    assert match(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)["entities"]


@pytest.mark.parametrize(("tables", "pairs"), SOURCES)
def test_its_own_output_changes_nothing(tables, pairs, match_folder, capsys):
    assert match(tables, pairs, "--clusters", "c0.csv") == 0
    assert match(tables, pairs, "--clusters", "c1.csv", "--entities", "c0.csv") == 0
    found = report(capsys, tables, pairs, "--clusters", "c2.csv", "--entities", "c1.csv")
    assert (match_folder / "c1.csv").read_bytes() == (match_folder / "c2.csv").read_bytes()
    assert pl.read_csv("c1.csv").drop("highest_id").equals(pl.read_csv("c0.csv"))
    assert found | {"stayed": 0} == {
        "file": "c1.csv", "stayed": 0, "new": 0, "joined": 0, "records_gone": 0, "changes": []
    }  # fmt: skip


@pytest.mark.parametrize(("tables", "pairs"), SOURCES)
def test_new_records_join_known_entities(tables, pairs, match_folder, capsys):
    """Of yesterday, half of the records are known, by ids of their own, and one entity is gone."""
    assert match(tables, pairs, "--clusters", "c.csv") == 0
    today = pl.read_csv("c.csv", schema_overrides={"record_id": pl.String})
    known = today.filter(pl.int_range(pl.len()) % 2 == 0).with_columns(pl.col("cluster_id") * 10 + 1_000)
    stray = known[:1].with_columns(record_id=pl.lit("zz"), cluster_id=pl.lit(7, pl.Int64))
    pl.concat([known, stray]).write_csv("before.csv")
    more = ("--clusters", "d.parquet", "--entities", "before.csv", "--changes", "changes.csv")
    found = report(capsys, tables, pairs, *more)
    after = pl.read_parquet("d.parquet")
    both = known.join(after, on=[name for name in known.columns if name != "cluster_id"])
    assert both["cluster_id"].equals(both["cluster_id_right"], check_names=False)
    assert after["cluster_id"].n_unique() == today["cluster_id"].n_unique() == found["stayed"] + found["new"]
    assert (
        after.filter(pl.col("cluster_id") > known["cluster_id"].max())["cluster_id"].n_unique()
        == found["new"]
    )
    assert after["highest_id"].unique().to_list() == [after["cluster_id"].max()]
    assert found["records_gone"] == 1
    assert pl.read_csv("changes.csv").rows() == [("gone", 7, None, 1)]
    assert found["changes"] == [{"change": "gone", "entity_id": 7, "into_id": None, "records": 1}]


def test_merges_and_splits_are_listed(match_folder, capsys):
    assert match(TABLES, "pairs.parquet", "--clusters", "c.csv") == 0
    today = pl.read_csv("c.csv")
    pair = today.filter(pl.len().over("cluster_id") == 2)["cluster_id"][0]
    alone = today.filter(pl.len().over("cluster_id") == 1)["cluster_id"][:2]
    is_right = (pl.col("cluster_id") == pair) & (pl.col("table") == "right")
    moved = pl.when(is_right).then(5_000).when(pl.col("cluster_id").is_in(alone.implode())).then(6_000)
    today.with_columns(cluster_id=moved.otherwise("cluster_id")).write_csv("before.csv")
    capsys.readouterr()
    assert match(TABLES, "pairs.parquet", "--clusters", "d.csv", "--entities", "before.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].startswith("before.csv: ")
    assert "1 are new; 1 merged, 1 split, 0 gone; 0 new records joined" in lines[-3]
    assert lines[-2:] == [f"  5000 merged into {pair}: 1 records", "  6000 split into 6001: 1 records"]


def test_no_id_is_given_twice_though_the_entity_with_the_highest_ends(match_folder):
    assert match(TABLES, "pairs.parquet", "--clusters", "c.csv") == 0
    today = pl.read_csv("c.csv")
    gone = pl.DataFrame({"table": ["left"], "record_id": ["zz"], "cluster_id": [9_000]})
    pl.concat([today, gone]).write_csv("before.csv")
    assert match(TABLES, "pairs.parquet", "--clusters", "d.csv", "--entities", "before.csv") == 0
    last = pl.read_csv("d.csv")["cluster_id"].max()
    pl.read_csv("d.csv").filter(pl.col("cluster_id") < last).write_csv("e.csv")
    assert match(TABLES, "pairs.parquet", "--clusters", "f.csv", "--entities", "e.csv") == 0
    assert pl.read_csv("f.csv")["cluster_id"].max() == 9_001


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file: before.csv"),
        ("table,record_id\nleft,l1\n", "before.csv needs the columns record_id and cluster_id"),
        (
            "record_id,cluster_id\nl1,3\n",
            "before.csv: two tables need a column 'table' with left or right for each record",
        ),
        ("table,record_id,cluster_id\n", "before.csv has no rows"),
        ("table,record_id,cluster_id\nleft,l1,3\nleft,l1,4\n", "a record can be in one cluster only"),
        ("table,record_id,cluster_id\nleft,l1,3\nleft,,4\n", "record_id is missing in row 2"),
        ("table,record_id,cluster_id\nleft,l1,3\nleft,l2,\n", "cluster_id is missing in row 2"),
        ("table,record_id,cluster_id\nleft,l1,E-3\n", "row 1: cluster_id must be a whole number, as"),
        ("table,record_id,cluster_id\nleft,l1,2.5\n", "row 1: cluster_id must be a whole number, as"),
        ("table,record_id,cluster_id\nleft,l1,9223372036854775807\n", "cluster_id must be a whole number"),
        ("table,record_id,cluster_id,highest_id\nleft,l1,3,\n", "row 1: highest_id must be a whole number"),
        ("table,record_id,cluster_id\nmiddle,l1,3\n", "table must be left or right, found 'middle'"),
        ("table,record_id,cluster_id\nleft,r1,3\n", "none of its records is in the tables"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_and_nothing_is_written(content, message, match_folder, capsys):
    if content is not None:
        (match_folder / "before.csv").write_text(content)
    refused(match_folder, capsys, message, "--clusters", "c.csv", "--entities", "before.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--entities", "c.csv"), "--entities c.csv: also set --clusters, the file for the new entities"),
        (("--changes", "x.csv"), "--changes x.csv: also set --entities, the known entities"),
        (
            ("--entities", "c.csv", "--clusters", "c.csv"),
            "--clusters c.csv: this would overwrite the known entities c.csv",
        ),
        (
            ("--entities", "c.csv", "--clusters", "d.csv", "--changes", "./d.csv"),
            "--changes d.csv: --clusters d.csv is written there",
        ),
        (
            ("--entities", "c.csv", "--clusters", "d.csv", "--changes", "x.txt"),
            "--changes x.txt: expected a name ending in .parquet or .csv",
        ),
    ],
)
def test_options_that_do_not_go_together(arguments, message, match_folder, capsys):
    (match_folder / "c.csv").write_text("table,record_id,cluster_id\nleft,l1,3\n")
    refused(match_folder, capsys, message, *arguments)


def refused(folder, capsys, message, *arguments):
    before = contents(folder)
    capsys.readouterr()
    assert match(TABLES, "pairs.parquet", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("error: ")
    assert message in err.splitlines()[-1]
    assert contents(folder) == before


def test_entities_of_two_tables_are_refused_with_one(match_folder, capsys):
    assert match(TABLES, "pairs.parquet", "--clusters", "two.csv") == 0
    before = contents(match_folder)
    capsys.readouterr()
    assert match(("both.csv",), "pairs1.parquet", "--clusters", "c.csv", "--entities", "two.csv") == 2
    assert "two.csv: expected the entities of one table (record_id, cluster_id)" in capsys.readouterr().err
    assert contents(match_folder) == before
