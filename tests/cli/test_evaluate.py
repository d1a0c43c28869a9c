"""`erblock evaluate`, through the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

ROOT = Path(__file__).parents[2]
DATASETS = Path(os.environ.get("ERBLOCK_DATASETS", ROOT.parent / "shared" / "datasets"))


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Tables that share no column, gold, and two candidate sets: one good, one with every flaw."""
    monkeypatch.chdir(tmp_path)
    contents = {
        "left.csv": "id,name\n01,a\n02,b\n03,c\n",
        "right.csv": "id,title\n1,a\n2,b\n3,c\n4,d\n",
        "gold.csv": "left_id,right_id\n01,1\n02,2\n03,3\n",
        "good.csv": "left_id,right_id,score\n01,1,0.9\n02,2,0.8\n01,4,0.7\n03,3,0.6\n",
        "bad.csv": "left_id,right_id\n01,1\n01,1\n99,2\n",
        "labels.csv": "left_id,right_id,label\n01,1,1\n02,4,0\n",
        "erblock.toml": '[tables]\nleft = "left.csv"\nright = "right.csv"\n',
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def evaluate(*arguments):
    return app.run(["evaluate", *arguments, "--gold", "gold.csv"])


def test_sets_are_shown_side_by_side(files, capsys):
    assert evaluate("good.csv", "bad.csv") == 0
    out, err = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert [
        "good.csv",
        "4",
        "3",
        "of",
        "3",
        "100.0",
        "75.0",
        "85.7",
        "66.667",
        "100.0",
        "/",
        "100.0",
    ] in lines
    assert ["bad.csv", "2", "1", "of", "3", "33.3", "50.0", "40.0", "83.333", "33.3", "/", "33.3"] in lines
    assert ["good.csv", *["4", "(85.7)"] * 4] in lines
    assert ["bad.csv", *"----"] in lines
    assert err.splitlines() == [
        "settings: erblock.toml",
        "records read: 3 and 4",
        "bad.csv: 1 rows repeat a pair; each pair counts once",
        "bad.csv: 1 pairs name an id that is in neither table",
    ]


def test_json_has_every_figure(files, capsys):
    assert evaluate("good.csv", "--json", "--target", "0.6", "--target", "1") == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["name"] == "good.csv"
    assert (report["pairs"], report["hits"], report["gold"]) == (4, 3, 3)
    assert report["cheapest_at_completeness"] == {
        "0.6": {"pairs": 2, "f1": pytest.approx(0.8)},
        "1.0": {"pairs": 4, "f1": pytest.approx(6 / 7)},
    }
    assert report["coverage"]["right"]["with_candidate"] == 4


def test_excluded_pairs_count_neither_as_found_nor_as_matches(files, capsys):
    assert evaluate("good.csv", "--exclude", "labels.csv", "--json") == 0
    (report,) = json.loads(capsys.readouterr().out)
    unseen = report["unseen"]
    assert (unseen["gold"], unseen["hits"], unseen["pairs"]) == (2, 2, 3)
    assert evaluate("good.csv", "--exclude", "labels.csv") == 0
    assert "unseen %" in capsys.readouterr().out


def test_figures_and_curve_are_written_as_csv(files):
    assert evaluate("good.csv", "bad.csv", "--csv", "out/figures.csv", "--curve", "out/curve.csv") == 0
    figures, curve = (pl.read_csv(files / "out" / f"{name}.csv") for name in ("figures", "curve"))
    assert figures["name"].to_list() == ["good.csv", "bad.csv"]
    assert figures["cheapest_at_completeness.0.99.pairs"].to_list() == [4, None]
    assert figures.columns == list(dict.fromkeys(figures.columns))
    assert curve["pairs"].to_list() == [1, 2, 3, 4]
    assert curve["hits"].to_list() == [1, 2, 2, 3]


def test_files_of_the_same_name_are_told_apart_by_their_folder(files, capsys):
    (files / "other").mkdir()
    (files / "other" / "good.csv").write_text((files / "good.csv").read_text())
    assert evaluate("good.csv", "other/good.csv", "--json") == 0
    assert [report["name"] for report in json.loads(capsys.readouterr().out)] == [
        "good.csv",
        "other/good.csv",
    ]


def test_tables_on_the_command_line_override_the_config(files, capsys):
    (files / "pairs.csv").write_text("id1,id2\n02,01\n03,01\n")
    (files / "gold1.csv").write_text("id1,id2\n01,02\n")
    arguments = ["evaluate", "pairs.csv", "--gold", "gold1.csv", "--left", "left.csv", "--json"]
    assert app.run(arguments) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["hits"], report["reduction_ratio"]) == (1, pytest.approx(1 / 3))
    assert "right" not in report["coverage"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "none.csv"),
        (["good.csv", "--id", "key"], "key"),
        (["good.csv", "--target", "97"], "up to 1, such as 0.97, found 97"),
        (["good.csv", "--csv", "gold.csv/x.csv"], "--csv gold.csv/x.csv: expected gold.csv to be a folder"),
        (["good.csv", "--csv", "figures.json"], "--csv figures.json: expected a name ending in .csv"),
        (["good.csv", "--curve", "curve.parquet"], "--curve curve.parquet: expected a name ending in .csv"),
    ],
)
def test_mistakes_are_one_line(arguments, message, files, capsys):
    assert evaluate(*arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


JUDGED = ["pairs", "duplicate_rows", "stray_ids", "gold", "hits", "pair_completeness", "pair_quality", "f1"]


@pytest.fixture
def judge(tmp_path):
    """Where a data set is, and what the independent judge says of candidate pairs there."""

    def judge(name, pairs):
        folder, script = DATASETS / name, DATASETS.parent / "judge.py"
        tables = tables_of(folder)
        pairs.write_parquet(tmp_path / "judged.parquet")
        files = [str(tmp_path / "judged.parquet"), str(folder / "gold.csv")]
        command = [sys.executable, script, *files, *tables]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return judge


def tables_of(folder):
    """The tables of a data set; the test is skipped if it is not there."""
    if not (DATASETS.parent / "judge.py").exists() or not folder.exists():
        pytest.skip(f"{folder} and {DATASETS.parent / 'judge.py'} are needed: set ERBLOCK_DATASETS")
    return [str(folder / file) for file in ("left.csv", "right.csv", "table.csv") if (folder / file).exists()]


def measured(path, name, capsys, *arguments):
    """What `evaluate` says of a file about a data set."""
    folder = DATASETS / name
    sides = [word for pair in zip(("--left", "--right"), tables_of(folder), strict=False) for word in pair]
    gold = str(folder / "gold.csv")
    assert app.run(["evaluate", str(path), "--gold", gold, *sides, *arguments, "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    return report


@pytest.mark.data
@pytest.mark.parametrize("name", ["abt-buy", "febrl3"])
def test_figures_are_those_of_an_independent_judge(name, judge, tmp_path, capsys):
    pairs = candidates(DATASETS / name)
    expected = judge(name, pairs)
    pairs.write_parquet(tmp_path / "pairs.parquet")
    targets = [word for target in expected["cheapest_at_completeness"] for word in ("--target", target)]
    report = measured(tmp_path / "pairs.parquet", name, capsys, *targets)
    assert {key: round(report[key], 5) for key in JUDGED} == {key: expected[key] for key in JUDGED}
    for target, cut in expected["cheapest_at_completeness"].items():
        ours = report["cheapest_at_completeness"][target]
        assert (ours["pairs"], round(ours["f1"], 4)) == (cut["pairs"], cut["f1"])


@pytest.mark.data
@pytest.mark.parametrize("name", ["abt-buy", "febrl3"])
def test_matches_are_judged_as_candidates_would_be(name, judge, tmp_path, capsys):
    pairs = candidates(DATASETS / name).unique(["left_id", "right_id"], maintain_order=True)
    pairs = pairs.with_columns(is_match=pl.col("score") % 3 > 0)
    expected = judge(name, pairs.filter("is_match"))
    pairs.write_parquet(tmp_path / "matches.parquet")
    report = measured(tmp_path / "matches.parquet", name, capsys)
    ours = [report[key] for key in ("matches", "hits", "recall", "precision", "f1")]
    theirs = [expected[key] for key in ("pairs", "hits", "pair_completeness", "pair_quality", "f1")]
    assert [round(figure, 5) for figure in ours] == theirs


def candidates(folder):
    """Every known match but a few, as many wrong pairs and some rows twice, with scores that all differ."""
    tables = tables_of(folder)
    left, right = (pl.read_csv(table, infer_schema=False)["id"] for table in (tables[0], tables[-1]))
    gold = pl.read_csv(folder / "gold.csv", infer_schema=False)
    gold.columns = ["left_id", "right_id"]
    count = gold.height
    wrong = pl.DataFrame(
        {
            "left_id": left.sample(count, with_replacement=True, seed=1),
            "right_id": right.sample(count, with_replacement=True, seed=2),
        }
    )
    rows = pl.concat([gold.head(count * 995 // 1000), wrong, wrong.head(20)])
    rows = rows.sample(fraction=1, shuffle=True, seed=3)
    return rows.with_columns(score=pl.int_range(rows.height).shuffle(seed=4).cast(pl.Float32))


@pytest.fixture
def judged(files):
    """Matches and clusters of the same tables, and labelled pairs to test on."""
    contents = {
        "matches.csv": "left_id,right_id,probability,is_match\n"
        "01,1,0.9,true\n02,4,0.8,true\n02,2,0.3,false\n",
        "clusters.csv": "table,record_id,cluster_id\nleft,01,1\nright,1,1\nleft,02,2\nright,2,2\nright,4,2\n",
        "gold_clusters.csv": "table,record_id,cluster_id\n"
        + "".join(f"left,0{n},{n}\nright,{n},{n}\n" for n in (1, 2, 3)),
        "untold.csv": "id,cluster\n01,1\n",
        "test.csv": "left_id,right_id,label\n01,1,1\n03,3,1\n02,4,0\n",
    }
    for name, text in contents.items():
        (files / name).write_text(text)
    return files


def test_matches_and_clusters_are_told_by_their_columns(judged, capsys):
    assert evaluate("matches.csv", "clusters.csv", "good.csv", "--json", "--labels", "test.csv") == 0
    matches, clusters, pairs = json.loads(capsys.readouterr().out)
    assert (matches["kind"], clusters["kind"], "kind" in pairs) == ("matches", "clusters", False)
    assert (matches["matches"], matches["hits"], matches["gold"]) == (2, 1, 3)
    assert (matches["precision"], matches["recall"]) == (0.5, pytest.approx(1 / 3))
    assert (matches["pairs"], matches["reachable"]) == (3, 2)
    assert matches["labelled"]["f1"] == pytest.approx(0.5)
    assert matches["expected_precision"] == pytest.approx(0.85)
    assert matches["calibration"]["brier"] == pytest.approx((0.01 + 0.64 + 0.49) / 3)
    assert (clusters["matches"], clusters["hits"], clusters["clusters"], clusters["largest"]) == (3, 2, 2, 3)
    # 01 and 1 are right, 02 and 2 share their cluster with 4, 4 with them; 03 and 3 are apart.
    assert clusters["b_cubed"]["precision"] == pytest.approx((2 + 2 * 2 / 3 + 1 / 3 + 2) / 7)
    assert clusters["b_cubed"]["recall"] == pytest.approx((2 + 2 + 1 + 2 * 0.5) / 7)
    assert clusters["labelled"] == pytest.approx(
        {"matches": 2, "hits": 1, "gold": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    )


def test_known_matches_may_be_clusters(judged, capsys):
    reports = []
    for gold in ("gold.csv", "gold_clusters.csv"):
        files = ["matches.csv", "clusters.csv", "good.csv"]
        assert app.run(["evaluate", *files, "--gold", gold, "--json"]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0] == reports[1]


def test_excluded_pairs_are_taken_out_of_matches_and_clusters(judged, capsys):
    assert evaluate("matches.csv", "clusters.csv", "--exclude", "labels.csv", "--json") == 0
    matches, clusters = json.loads(capsys.readouterr().out)
    assert [matches["unseen"][key] for key in ("matches", "hits", "gold")] == [0, 0, 2]
    assert [clusters["unseen"][key] for key in ("matches", "hits", "gold")] == [1, 1, 2]


def test_matches_are_shown_and_written(judged, capsys):
    arguments = ["--labels", "test.csv", "--exclude", "labels.csv", "--csv", "figures.csv"]
    assert evaluate("matches.csv", "clusters.csv", "good.csv", *arguments) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "matches.csv 2 1 of 3 50.0 33.3 40.0 50.0 0.0" in lines
    assert "clusters.csv 3 2 of 3 66.7 66.7 66.7 50.0 66.7" in lines
    assert "clusters.csv 2 3 81.0 85.7 83.3" in lines
    assert "matches.csv 0.5333 0.5333 0.3800 85.0 50.0" in lines
    assert "0.8 to 0.9 1 80.0 0.0" in lines
    assert "Candidate pairs" in lines
    figures = pl.read_csv(judged / "figures.csv")
    assert figures["name"].to_list() == ["matches.csv", "clusters.csv", "good.csv"]
    assert figures["calibration.brier"].to_list() == [pytest.approx(0.38), None, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["good.csv", "--labels", "test.csv"],
            "needs a file of matches or clusters, found only candidate pairs",
        ),
        (["matches.csv", "--curve", "curve.csv"], "only candidate pairs have a curve"),
        (["untold.csv"], "untold.csv: two tables need a column 'table'"),
    ],
)
def test_mistakes_about_matches_are_one_line(arguments, message, judged, capsys):
    assert evaluate(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
