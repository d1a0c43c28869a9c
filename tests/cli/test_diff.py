"""`erblock diff`, through the command line: gains and losses by cause."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.cli import app
from erblock.evaluation.changes import pair_changes


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Tables of today and before, of which a record is gone, one new and one changed; files of both."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "old_left.csv": "id,name\n01,a\n02,b\n03,c\n04,d\n",
        "left.csv": "id,name\n01,a\n02,bb\n04,d\n05,e\n",
        "right.csv": "id,name\n1,a\n2,b\n3,c\n4,d\n5,e\n",
        "gold.csv": "left_id,right_id\n01,1\n02,2\n04,4\n",
        "old.csv": "left_id,right_id,score\n01,1,9\n02,2,8\n03,3,7\n04,4,6\n01,2,5\n01,3,4\n",
        "new.csv": "left_id,right_id,score\n01,1,9\n05,5,8\n04,5,7\n02,3,6\n",
        "erblock.toml": '[tables]\nleft = "left.csv"\nright = "right.csv"\n',
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def diff(*arguments):
    return app.run(["diff", *map(str, arguments)])


def found(capsys, *arguments):
    assert diff(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_pairs_are_lost_and_gained_by_cause(files, capsys):
    report = found(capsys, "old.csv", "new.csv", "--old-left", "old_left.csv")
    assert (report["kind"], report["before"], report["after"]) == ("pairs", 6, 4)
    # Of 04 and 4 nothing changed, and it was among the first four; 01 and 2 or 3 were not.
    assert report["lost"]["causes"] == {
        "budget": 2,
        "buckets or score": 1,
        "record changed": 1,
        "record gone": 1,
    }
    assert report["gained"]["causes"] == {"buckets or score": 1, "record changed": 1, "record new": 1}
    causes = {(row["left_id"], row["right_id"]): row["cause"] for row in report["lost"]["examples"]}
    assert causes["02", "2"] == "record changed"
    assert causes["03", "3"] == "record gone"
    assert causes["04", "4"] == "buckets or score"


def test_without_the_old_tables_only_what_is_gone_is_known(files, capsys):
    report = found(capsys, "old.csv", "new.csv")
    assert report["lost"]["causes"] == {"budget": 2, "buckets or score": 2, "record gone": 1}
    assert report["gained"]["causes"] == {"buckets or score": 3}


def write_keys(name, *rows):
    schema = {"record_id": pl.String, "band": pl.UInt16, "bucket": pl.UInt64}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(name)


def test_keys_tell_whether_a_lost_pair_still_shares_a_bucket(files, capsys):
    write_keys("l.parquet", ("02", 0, 7), ("04", 0, 8), ("04", 1, 9))
    write_keys("r.parquet", ("2", 0, 7), ("4", 0, 9), ("4", 1, 8))
    report = found(capsys, "old.csv", "new.csv", "--keys", "l.parquet", "--keys", "r.parquet")
    assert report["lost"]["causes"] == {"budget": 2, "buckets": 1, "record gone": 1, "score": 1}
    causes = {row["left_id"]: row["cause"] for row in report["lost"]["examples"]}
    assert (causes["02"], causes["04"]) == ("score", "buckets")


def test_known_matches_that_are_lost(files, capsys):
    report = found(capsys, "old.csv", "new.csv", "--gold", "gold.csv")
    assert report["known_lost"]["count"] == 2
    assert report["known_lost"]["examples"] == [
        {"left_id": "02", "right_id": "2", "cause": "buckets or score"},
        {"left_id": "04", "right_id": "4", "cause": "buckets or score"},
    ]
    assert report["known_gained"] == 0
    assert found(capsys, "new.csv", "new.csv", "--gold", "gold.csv")["known_lost"]["count"] == 0


def test_a_known_match_of_a_record_that_is_gone_is_not_lost(files, capsys):
    (files / "gold.csv").write_text("left_id,right_id\n01,1\n03,3\n", encoding="utf-8")
    for more in ([], ["--old-left", "old_left.csv"]):
        report = found(capsys, "old.csv", "new.csv", "--gold", "gold.csv", *more)
        assert report["known_lost"]["count"] == 0


def test_a_loss_is_exit_code_1_where_asked(files, capsys):
    (files / "more.csv").write_text("left_id,right_id\n01,1\n02,2\n", encoding="utf-8")
    (files / "less.csv").write_text("left_id,right_id\n02,2\n05,5\n", encoding="utf-8")
    assert diff("more.csv", "less.csv") == 0
    assert diff("more.csv", "less.csv", "--fail-on-loss") == 1
    (files / "gold.csv").write_text("left_id,right_id\n02,2\n05,5\n", encoding="utf-8")
    assert diff("more.csv", "less.csv", "--fail-on-loss", "--gold", "gold.csv") == 0
    assert diff("less.csv", "more.csv", "--fail-on-loss", "--gold", "gold.csv") == 1


MATCHES = "left_id,right_id,probability,is_match\n"


def test_matches_by_decision_and_evidence(files, capsys):
    before = MATCHES + "01,1,0.9,1\n02,2,0.9,1\n04,4,0.9,1\n05,5,0.8,1\n"
    after = MATCHES + "01,2,0.9,1\n02,2,0.85,0\n04,4,0.2,0\n05,5,0.8,1\n"
    for name, text in (("a.csv", before), ("b.csv", after), ("c.csv", MATCHES + "05,5,0.8,1\n")):
        (files / name).write_text(text, encoding="utf-8")
    report = found(capsys, "a.csv", "b.csv")
    assert report["kind"] == "matches"
    assert report["lost"]["causes"] == {"decision": 2, "evidence": 1}
    assert report["gained"]["causes"] == {"decision": 1}
    assert found(capsys, "a.csv", "c.csv")["lost"]["causes"] == {"evidence or candidate": 3}
    (files / "d.csv").write_text(MATCHES + "05,5,0.8,1\n05,4,0.1,0\n", encoding="utf-8")
    assert found(capsys, "a.csv", "d.csv")["lost"]["causes"] == {"no candidate": 3}


def test_one_table_whose_records_are_gone(files, capsys):
    (files / "a.csv").write_text(MATCHES + "01,02,0.9,1\n02,03,0.9,1\n01,04,0.7,1\n", encoding="utf-8")
    (files / "b.csv").write_text(MATCHES + "01,05,0.9,1\n02,05,0.8,1\n04,05,0.7,1\n", encoding="utf-8")
    (files / "gold.csv").write_text("left_id,right_id\n02,03\n01,04\n", encoding="utf-8")
    report = found(capsys, "a.csv", "b.csv", "--left", "left.csv", "--gold", "gold.csv")
    # In a cluster a record has several matches: that it has others decides nothing.
    assert report["lost"]["causes"] == {"evidence or candidate": 2, "record gone": 1}
    assert [row["left_id"] for row in report["known_lost"]["examples"]] == ["01"]


CLUSTERS = "table,record_id,cluster_id\n"


def clusters(*groups):
    """A file of clusters; a record is named by its id, which tells its table."""
    rows = [(name, number) for number, group in enumerate(groups) for name in group.split()]
    return CLUSTERS + "".join(f"{'left' if name[0] == '0' else 'right'},{name},{n}\n" for name, n in rows)


def test_entities_split_and_joined(files, capsys):
    (files / "a.csv").write_text(clusters("01 1 2", "02 3", "04 4", "03 5"), encoding="utf-8")
    (files / "b.csv").write_text(clusters("01 1", "2", "02 3 5", "4 04"), encoding="utf-8")
    report = found(capsys, "a.csv", "b.csv", "--gold", "gold.csv")
    assert (report["kind"], report["before"], report["after"]) == ("entities", 4, 3)
    assert report["lost"]["causes"] == {"larger entity": 1, "record gone": 1, "records apart": 1}
    assert report["gained"]["causes"] == {"larger entity": 1, "records apart": 1}
    lost = {row["cause"]: row["ids"] for row in report["lost"]["examples"]}
    assert lost["records apart"] == "left 01, right 1, right 2"
    assert report["known_lost"]["count"] == 0
    report = found(capsys, "a.csv", "b.csv", "--old-left", "old_left.csv")
    assert report["lost"]["causes"] == {"record changed": 1, "record gone": 1, "records apart": 1}


def test_it_is_shown_and_written(files, capsys):
    line = ["old.csv", "new.csv", "--old-left", "old_left.csv", "--gold", "gold.csv", "-o", "out/changes.csv"]
    assert diff(*line) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "pairs: 6 before, 4 after; 1 the same, 5 lost, 3 gained"
    assert "known matches: 2 lost, 0 gained" in out
    assert any(line.split() == ["lost", "budget", "2"] for line in out)
    assert any(line.startswith("lost pairs: 5 of 5") for line in out)
    written = pl.read_csv(files / "out" / "changes.csv", infer_schema=False)
    assert written.columns[:4] == ["change", "cause", "left_id", "right_id"]
    assert written["change"].value_counts().sort("change").rows() == [("gained", 3), ("lost", 5)]


def test_ids_of_bytes_are_hexadecimal(files, capsys):
    ids = [b"\x00\xff", b"\x01"]
    pl.DataFrame({"id": ids, "name": ["a", "b"]}).write_parquet("bytes.parquet")
    pl.DataFrame({"left_id": ["01", "02"], "right_id": ids}).write_parquet("a.parquet")
    pl.DataFrame({"left_id": ["01"], "right_id": ids[1:]}).write_parquet("b.parquet")
    report = found(capsys, "a.parquet", "b.parquet", "--left", "left.csv", "--right", "bytes.parquet")
    assert [row["right_id"] for row in report["lost"]["examples"]] == ["00ff", "01"]


def test_nothing_changed(files, capsys):
    assert diff("new.csv", "new.csv", "--fail-on-loss") == 0
    assert capsys.readouterr().out == "pairs: 4 before, 4 after; 4 the same, 0 lost, 0 gained\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("none.csv new.csv", "no such file: none.csv"),
        ("new.csv old.csv", "old.csv: left_id 03 is not in left.csv"),
        ("new.csv matches.csv", "new.csv holds pairs and matches.csv matches: expected two files"),
        ("keys.csv keys.csv", "keys.csv holds keys and keys.csv keys: expected two files"),
        ("lost.csv new.csv", "lost.csv: left_id is missing in row 1"),
        ("left.csv new.csv", "left.csv needs the columns left_id and right_id"),
        ("old.csv new.csv --old-left none.csv", "no such file: none.csv"),
        ("old.csv new.csv --old-left twice.csv", "twice.csv: each id must be in one row only"),
        ("old.csv new.csv --old-left empty.csv", "empty.csv has no rows"),
        ("old.csv new.csv --gold gone.csv", "gone.csv: left_id 77 not in the left table"),
        ("old.csv new.csv -o old.csv", "--output old.csv: this would overwrite the file old.csv"),
        (
            "old.csv new.csv --old-left old_left.csv -o old_left.csv",
            "this would overwrite the file old_left.csv",
        ),
        (
            "old.csv new.csv --keys keys.csv",
            "--keys needs pairs and 2 files, one for each table",
        ),
        ("old.csv new.csv --keys keys.csv --keys keys.csv", "--keys keys.csv: KEYS.band must be UInt16"),
        ("old.csv new.csv -o x.txt", "--output x.txt: expected a name ending in"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(line, message, files, capsys):
    contents = {
        "lost.csv": "left_id,right_id\n,1\n",
        "gone.csv": "left_id,right_id\n77,1\n",
        "twice.csv": "id,name\n01,a\n01,b\n",
        "empty.csv": "id,name\n",
        "matches.csv": MATCHES + "01,1,0.9,1\n",
        "keys.csv": "record_id,band,bucket\n01,0,5\n",
    }
    for name, text in contents.items():
        (files / name).write_text(text, encoding="utf-8")
    before = sorted(files.rglob("*"))
    assert diff(*line.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert sorted(files.rglob("*")) == before


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), unique=True, max_size=12)


@given(one=PAIRS, other=PAIRS)
def test_what_is_lost_one_way_is_gained_the_other(one, other):
    def frame(rows):
        return pl.DataFrame(rows, schema={"left_id": pl.Int64, "right_id": pl.Int64}, orient="row")

    same = [pl.DataFrame(schema={name: pl.Int64, "state": pl.String}) for name in ("left_id", "right_id")]
    lost = pair_changes(frame(one), frame(other), same)
    assert set(lost.select("left_id", "right_id").rows()) == set(one) - set(other)
    assert lost["cause"].null_count() == 0
    if len(one) <= len(other):
        assert "budget" not in lost["cause"]
