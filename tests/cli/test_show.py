"""`erblock show`, through the command line."""

import json

import polars as pl
import pytest

from erblock.cli import app


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two tables with other column names, and every kind of file about them."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "left.csv": "id,name,town\n01,red lamp,Bonn\n02,blue chair,Köln\n03,=1+1,\n",
        "right.csv": "id,title,town\n1,Red Lamp,Bonn\n2,blue sofa,Köln\n3,oak,Ulm\n",
        "pairs.csv": "left_id,right_id,score,similarity\n01,1,5,0.9\n02,2,4,0.6\n01,2,1,0.4\n03,1,-3,0.1\n",
        "matches.csv": "left_id,right_id,probability,is_match\n01,1,0.9,1\n02,2,0.6,1\n01,2,0.2,0\n",
        "clusters.csv": "table,record_id,cluster_id\nleft,01,7\nright,1,7\nleft,02,8\nright,2,8\nright,3,8\n",
        "keys.csv": "record_id,band,bucket\n01,0,5\n02,0,5\n03,0,6\n01,1,9\n02,1,9\n03,1,9\n",
        "erblock.toml": '[tables]\nleft = "left.csv"\nright = "right.csv"\n'
        'columns = ["name=title", "town"]\n',
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def show(*arguments):
    return app.run(["show", *map(str, arguments)])


def chosen(*arguments):
    """The rows that a choice writes."""
    assert show(*arguments, "-o", "out/rows.jsonl") == 0
    with open("out/rows.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ids(rows):
    return [(row["left_id"], row["right_id"]) for row in rows]


def test_pairs_are_shown_side_by_side_with_differences_marked(files, capsys):
    assert show("pairs.csv", "--limit", 2) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "score 5, similarity 0.9"
    assert lines[1].split() == ["left", "01"]
    assert lines[3].split() == ["name", "red", "lamp"]  # but for case they are equal
    second = lines[lines.index("score 4, similarity 0.6") :]
    assert second[3].split() == ["*", "name", "blue", "chair"]
    assert second[4].split() == ["blue", "sofa"]
    assert err == ("settings: erblock.toml\n2 of 4 pairs are shown; --limit shows more, -o writes them\n")


@pytest.mark.parametrize(
    ("choice", "pairs"),
    [
        (["pairs.csv"], [("01", "1"), ("02", "2"), ("01", "2"), ("03", "1")]),
        (["pairs.csv", "--where", "similarity > 0.3 AND similarity < 0.7"], [("02", "2"), ("01", "2")]),
        (["pairs.csv", "--where", '"left.town" <> "right.town"'], [("01", "2")]),
        (["pairs.csv", "--around", "0.45", "--limit", "2"], [("01", "2"), ("02", "2")]),
        (["matches.csv", "--around", "0.5", "--sample", "1"], [("02", "2")]),
        (["pairs.csv", "--id", "01"], [("01", "1"), ("01", "2")]),
        (["pairs.csv", "--id", "3"], []),
        (["matches.csv", "--where", "NOT is_match"], [("01", "2")]),
        (["pairs.csv", "--where", "score > 4.5"], [("01", "1")]),  # numbers, though a CSV holds text
    ],
)
def test_pairs_are_chosen(choice, pairs, files):
    assert ids(chosen(*choice)) == pairs


def test_a_sample_is_drawn_at_random_and_the_same_again(files):
    once = ids(chosen("pairs.csv", "--sample", 2))
    assert once == ids(chosen("pairs.csv", "--sample", 2))
    assert len(set(once)) == 2
    assert len(chosen("pairs.csv", "--sample", 20)) == 4


def test_records_without_a_pair(files, capsys):
    def alone(name):
        return [(row["table"], row["record_id"], row["record.name"]) for row in chosen(name, "--uncovered")]

    assert alone("pairs.csv") == [("right", "3", "oak")]
    assert alone("matches.csv") == [("left", "03", "=1+1"), ("right", "3", "oak")]
    assert alone("clusters.csv") == [("left", "03", "=1+1")]
    capsys.readouterr()
    assert show("pairs.csv", "--uncovered") == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["right", "3", "oak", "Ulm"]


def test_clusters_are_shown_with_their_records(files, capsys):
    assert show("clusters.csv", "--largest", "--limit", "1") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "cluster 8: 3 records"
    assert lines[3].split() == ["right", "2", "blue", "sofa", "Köln"]
    assert err.splitlines()[1].startswith("1 of 2 groups")
    assert {row["cluster_id"] for row in chosen("clusters.csv", "--id", "1")} == {"7"}


def test_the_largest_buckets_of_keys(files, capsys):
    assert show("keys.csv", "--largest", "--limit", 1) == 0
    assert capsys.readouterr().out.splitlines()[0] == "band 1, bucket 9: 3 records"
    assert [row["record_id"] for row in chosen("keys.csv", "--id", "03", "--limit", 1)] == ["01", "02", "03"]


def test_a_pair_of_one_table_may_be_written_in_either_order(files):
    (files / "p.csv").write_text("left_id,right_id\n02,01\n01,02\n03,03\n", encoding="utf-8")
    assert ids(chosen("p.csv", "--left", "left.csv", "--columns", "name")) == [("01", "02")]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_every_format_holds_both_records(ending, files):
    assert show("pairs.csv", "-o", f"rows.{ending}") == 0
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}[ending]
    frame = read(files / f"rows.{ending}")
    assert frame.columns[2:] == [
        *("score", "similarity", "left.name", "left.town", "right.title", "right.town")
    ]
    assert frame["left.name"].to_list() == ["red lamp", "blue chair", "red lamp", "=1+1"]


def test_a_spreadsheet_computes_nothing(files):
    assert show("pairs.csv", "-o", "rows.csv", "--excel") == 0
    data = (files / "rows.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b", =1+1," in data


def test_what_was_written_can_be_shown_again(files):
    assert show("pairs.csv", "-o", "rows.parquet") == 0
    assert chosen("rows.parquet") == chosen("pairs.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "no such file: none.csv"),
        (["left.csv"], "left.csv needs the columns left_id and right_id"),
        (["stray.csv"], "stray.csv: left_id 99 is not in left.csv"),
        (["lost.csv"], "lost.csv: left_id is missing in row 1"),
        (["pairs.csv", "--left", "twice.csv"], "twice.csv: each id must be in one row only"),
        (["pairs.csv", "--left", "empty.csv"], "empty.csv has no rows"),
        (
            ["pairs.csv", "--where", "nonsense > 1"],
            'unable to find column "nonsense"; expected an SQL condition',
        ),
        (["pairs.csv", "--where", "score >"], "--where score >: unable to parse"),
        (["pairs.csv", "--where", "score >= ALL (SELECT 1)"], "a condition must not have a SELECT"),
        (["pairs.csv", "--where", "score > 'a'"], "cannot compare string with numeric"),
        (["pairs.csv", "--around", "nan"], "'--around'"),
        (["pairs.csv", "--around", "inf"], "'--around'"),
        (["pairs.csv", "--limit", "9" * 30], "'--limit'"),
        (["pairs.csv", "--sample", "9" * 30], "'--sample'"),
        (["gone.csv"], "gone.csv is a link to nowhere.csv, which is not there"),
        (["pairs.csv", "-o", "folder.csv"], "--output folder.csv: expected a file, found a folder"),
        (["pairs.csv", "--where", "left_id"], "expected an SQL condition"),
        (["pairs.csv", "--id", "77"], "--id 77: expected the id of a record of left.csv or right.csv"),
        (["bare.csv", "--around", "0.5"], "--around needs a column probability or similarity or score"),
        (["pairs.csv", "--largest"], "--largest needs clusters or keys; pairs.csv holds pairs"),
        (["keys.csv", "--uncovered"], "--uncovered needs pairs, matches or clusters"),
        (["pairs.csv", "-o", "pairs.csv"], "--output pairs.csv: this would overwrite the file pairs.csv"),
        (["pairs.csv", "-o", "left.csv"], "--output left.csv: this would overwrite the table left.csv"),
        (["pairs.csv", "-o", "x.txt"], "--output x.txt: expected a name ending in"),
        (["pairs.csv", "-o", "x.parquet", "--excel"], "--excel writes CSV"),
        (["pairs.csv", "--excel"], "--excel writes CSV"),
        (["pairs.csv", "--sample", "0"], "--sample"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(arguments, message, files, capsys):
    contents = {
        "stray.csv": "left_id,right_id\n99,1\n",
        "lost.csv": "left_id,right_id\n,1\n",
        "bare.csv": "left_id,right_id\n01,1\n",
        "twice.csv": "id,name\n01,a\n01,b\n",
        "empty.csv": "id,name\n",
    }
    for name, text in contents.items():
        (files / name).write_text(text, encoding="utf-8")
    (files / "gone.csv").symlink_to("nowhere.csv")
    (files / "folder.csv").mkdir()
    before = sorted(files.rglob("*"))
    assert show(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert sorted(files.rglob("*")) == before
