"""`erblock check`, through the command line: limits, drift, and what CI systems are told."""

import json
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.cli import app
from erblock.config import CheckConfig
from erblock.evaluation.gates import Figure, Figures, judge

PAIRS = "left_id,right_id,score,similarity\n01,1,5,0.9\n02,2,4,0.8\n01,4,-3,0.3\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two tables, three candidate pairs of which two are known matches, and a run that tells of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    run = {
        "output": "pairs.csv",
        "pairs": 3,
        "recall": {"value": 0.9, "low": 0.8, "high": 0.95, "kept": 2.1},
        "join": {"largest_bucket": 7},
    }
    contents = {
        "left.csv": "id,name\n01,a\n02,b\n03,c\n",
        "right.csv": "id,name\n1,a\n2,b\n3,c\n4,d\n",
        "gold.csv": "left_id,right_id\n01,1\n02,2\n03,3\n",
        "pairs.csv": PAIRS,
        "run.json": json.dumps(run),
        "keys.csv": "record_id,band,bucket\n01,0,5\n02,0,5\n03,0,6\n",
        "matches.csv": "left_id,right_id,probability,is_match\n01,1,0.9,1\n02,2,0.7,1\n01,4,0.2,0\n",
        "erblock.toml": '[tables]\nleft = "left.csv"\nright = "right.csv"\n',
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def check(line):
    return app.run(["check", *line.split()])


def checked(line, capsys):
    """The exit code, and the checks by name."""
    code = check(f"{line} --json")
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] == (code == 0)
    return code, {each["name"]: each for each in found["checks"]}


@pytest.mark.parametrize(
    ("line", "value", "status"),
    [
        ("pairs.csv --max-pairs 3", 3, "passed"),
        ("pairs.csv --max-pairs 2", 3, "failed"),
        ("pairs.csv --gold gold.csv --min-recall 0.6", 2 / 3, "passed"),
        ("pairs.csv --gold gold.csv --min-recall 0.7", 2 / 3, "failed"),
        ("pairs.csv --gold gold.csv --min-quality 0.6", 2 / 3, "passed"),
        ("matches.csv --gold gold.csv --min-quality 1", 1, "passed"),
        ("matches.csv --min-quality 0.81", 0.8, "failed"),
        ("matches.csv --max-pairs 2", 2, "passed"),
        ("pairs.csv --max-uncovered 0.3", 1 / 3, "failed"),
        ("pairs.csv --max-uncovered 0.34", 1 / 3, "passed"),
        ("run.json --min-recall 0.75", 0.9, "passed"),
        ("run.json --min-recall 0.85", 0.9, "warning"),
        ("run.json --min-recall 0.85 --fail-on warning", 0.9, "failed"),
        ("run.json --min-recall 0.92", 0.9, "failed"),
        ("run.json --min-recall 0.92 --warn recall", 0.9, "warning"),
        ("run.json --min-quality 0.7", 0.7, "passed"),
        ("run.json --max-bucket 6", 7, "failed"),
        ("keys.csv --max-bucket 2", 2, "passed"),
        ("keys.csv --max-bucket 1", 2, "failed"),
    ],
)
def test_a_figure_keeps_its_limit_or_does_not(line, value, status, files, capsys):
    code, checks = checked(line, capsys)
    ((_, found),) = checks.items()
    assert (found["value"], found["status"]) == (pytest.approx(value), status)
    assert code == (status == "failed")


def test_the_rows_that_break_a_limit_are_shown_and_written(files, capsys):
    line = "pairs.csv --gold gold.csv --min-recall 1 --min-quality 1 --max-pairs 2 --max-uncovered 0"
    assert check(f"{line} --failing out/failing.csv") == 1
    out = capsys.readouterr().out
    failing = pl.read_csv(files / "out" / "failing.csv", infer_schema=False)
    assert failing.select("check", "left_id", "right_id").rows() == [
        ("recall", "03", "3"),
        ("quality", "01", "4"),
        ("pairs", "01", "4"),
        ("uncovered", "03", None),
    ]
    assert all(f"{name}: 1 of 1 rows break the limit" in out for name in failing["check"])


def test_tables_need_no_column_in_common(files):
    (files / "right.csv").write_text("id,title\n1,a\n2,b\n3,c\n4,d\n", encoding="utf-8")
    assert check("pairs.csv --gold gold.csv --min-recall 0.6") == 0
    assert app.run(["diff", "pairs.csv", "pairs.csv", "--gold", "gold.csv"]) == 0


def test_a_passed_check_has_no_rows(files):
    assert check("pairs.csv --max-pairs 3 --failing failing.jsonl") == 0
    assert (files / "failing.jsonl").read_text(encoding="utf-8") == ""


def test_duplicates_of_one_table(files, capsys):
    (files / "m.csv").write_text("left_id,right_id,is_match\n01,02,1\n02,03,1\n", encoding="utf-8")
    code, checks = checked("m.csv --left left.csv --max-duplicates 0.5", capsys)
    assert (code, checks["duplicates"]["value"]) == (1, pytest.approx(2 / 3))
    assert checks["duplicates"]["rows"][1]["right_id"] == "03"


def test_drift_from_a_baseline(files, capsys):
    (files / "before.csv").write_text(PAIRS + "03,3,-4,0.2\n", encoding="utf-8")
    code, checks = checked("pairs.csv --baseline before.csv --max-drift 0.3 --max-pairs 9", capsys)
    assert code == 1
    drift = {name.removeprefix("drift of "): found for name, found in checks.items()}
    assert (drift["volume"]["value"], drift["volume"]["status"]) == (0.25, "passed")
    assert (drift["coverage"]["value"], drift["coverage"]["status"]) == (pytest.approx(1 / 3), "failed")
    assert drift["scores"]["value"] == pytest.approx(0.25)  # of 4 pairs one, the least similar, is gone
    assert drift["skew"]["value"] == 0
    assert drift["pairs"]["baseline"] == 4
    code, checks = checked("pairs.csv --baseline before.csv --max-drift 0.3 --warn drift", capsys)
    assert code == 0


def test_the_bucket_of_a_run_drifts(files, capsys):
    before = json.loads((files / "run.json").read_text(encoding="utf-8"))
    before["join"]["largest_bucket"] = 5
    (files / "before.json").write_text(json.dumps(before), encoding="utf-8")
    code, checks = checked("run.json --baseline before.json --max-drift 0.3", capsys)
    assert (code, checks["drift of bucket"]["value"]) == (1, pytest.approx(0.4))


def test_a_recall_that_cannot_be_estimated_has_not_passed(files, capsys):
    run = {"output": "pairs.csv", "pairs": 3, "recall": None, "recall_unknown": "too few are sure"}
    (files / "run.json").write_text(json.dumps(run), encoding="utf-8")
    code, checks = checked("run.json --min-recall 0.1", capsys)
    assert (code, checks["recall"]["value"], checks["recall"]["said"]) == (1, None, "too few are sure")


def test_limits_of_the_settings_and_options_over_them(files, capsys):
    settings = files / "erblock.toml"
    limits = '[check]\nmax_pairs = 2\ngold = "gold.csv"\nmin_recall = 0.5\n'
    settings.write_text(settings.read_text(encoding="utf-8") + limits, encoding="utf-8")
    code, checks = checked("pairs.csv", capsys)
    assert code == 1
    assert {name: found["status"] for name, found in checks.items()} == {
        "recall": "passed",
        "pairs": "failed",
    }
    assert check("pairs.csv --max-pairs 4") == 0


def test_a_run_moved_with_its_file(files, capsys):
    (files / "moved").mkdir()
    for name in ("run.json", "pairs.csv"):
        (files / name).rename(files / "moved" / name)
    assert check("moved/run.json --max-pairs 3") == 0


def test_a_baseline_may_name_records_that_are_gone(files, capsys):
    (files / "before.csv").write_text(PAIRS + "99,9,6,0.9\n", encoding="utf-8")
    code, checks = checked("pairs.csv --baseline before.csv --max-drift 0.3", capsys)
    assert (code, checks["drift of volume"]["value"]) == (0, 0.25)
    rows = "left_id,right_id,is_match\n01,02,1\n"
    for name, text in (("m.csv", rows), ("old.csv", rows + "77,78,1\n")):
        (files / name).write_text(text, encoding="utf-8")
    line = "m.csv --left left.csv --baseline old.csv --max-duplicates 0.5"
    assert checked(line, capsys)[1]["duplicates"]["baseline"] == pytest.approx(2 / 3)


def test_no_pair_at_all(files, capsys):
    (files / "pairs.csv").write_text("left_id,right_id,score\n", encoding="utf-8")
    line = "pairs.csv --gold gold.csv --min-recall 0.1 --max-uncovered 0.5 --min-quality 0.1"
    code, checks = checked(f"{line} --baseline pairs.csv --max-drift 0.1", capsys)
    assert code == 1
    assert [checks[name]["value"] for name in ("recall", "uncovered", "quality")] == [0, 1, 0]
    assert checks["drift of volume"]["value"] == 0


def test_junit_calls_a_warning_skipped(files):
    assert check("run.json --min-recall 0.85 --max-bucket 6 --max-pairs 9 --junit out/junit.xml") == 1
    suite = ET.parse(files / "out" / "junit.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    outcomes = {case.get("name"): [part.tag for part in case] for case in suite}
    assert outcomes == {"recall": ["skipped"], "pairs": [], "bucket": ["failure"]}


def test_github_is_told_in_annotations_and_in_the_summary(files, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(files / "summary.md"))
    (files / "summary.md").write_text("before\n", encoding="utf-8")
    assert check("run.json --min-recall 0.85 --max-bucket 6 --json") == 1
    out, err = capsys.readouterr()
    json.loads(out)  # annotations leave it alone
    assert err.splitlines() == [
        "settings: erblock.toml",
        "::warning title=erblock check run.json::recall: expected at least 85.0 %25, found 90.0 %25 "
        "(estimated, 80.0 to 95.0 %25)",
        "::error title=erblock check run.json::bucket: expected at most 6, found 7",
    ]
    summary = (files / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("before\n### erblock check run.json\n")
    assert "| bucket | 7 | 6 | - | failed |" in summary


def _report(recall):
    """What a run would print whose estimated recall is `recall`."""
    ends = f'"value": {recall}, "low": {recall}, "high": {recall}, "kept": 2'
    return f'{{"output": "pairs.csv", "pairs": 3, "recall": {{{ends}}}}}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("none.csv --max-pairs 1", "no such file: none.csv"),
        ("none.json --max-pairs 1", "none.json: expected what erblock block --json"),
        ("pairs.csv", "nothing to check: set a limit"),
        ("pairs.csv --min-recall 0.9", "--min-recall needs --gold FILE, or the run"),
        ("pairs.csv --max-bucket 9", "--max-bucket needs KEYS, or the run"),
        ("matches.csv --max-duplicates 0", "--max-duplicates needs the matches of one table"),
        ("pairs.csv --max-drift 0.1", "--max-drift needs --baseline"),
        (
            "pairs.csv --max-drift 0.1 --baseline keys.csv",
            "--baseline keys.csv holds keys, pairs.csv pairs: expected the same",
        ),
        ("clusters.csv --max-pairs 1", "clusters.csv holds clusters; expected pairs"),
        ("pairs.csv --max-pairs -1", "--max-pairs: expected"),
        ("pairs.csv --max-uncovered 2", "--max-uncovered: expected"),
        ("pairs.csv --max-pairs 1 --warn volume", "--warn: expected"),
        ("pairs.csv --max-pairs 1 --fail-on never", "--fail-on: expected"),
        ("left.csv --max-pairs 1", "left.csv needs the columns left_id and right_id"),
        ("stray.csv --max-pairs 1", "stray.csv: left_id 99 is not in left.csv"),
        ("lost.csv --max-pairs 1", "lost.csv: left_id is missing in row 1"),
        ("pairs.csv --max-pairs 1 --left twice.csv", "twice.csv: each id must be in one row only"),
        ("pairs.csv --max-pairs 1 --left empty.csv", "empty.csv has no rows"),
        (
            "pairs.csv --max-pairs 1 --failing pairs.csv",
            "--failing pairs.csv: this would overwrite the file pairs.csv",
        ),
        ("pairs.csv --max-pairs 1 --failing x.txt", "--failing x.txt: expected a name ending in"),
        (
            "pairs.csv --max-pairs 1 --junit left.csv",
            "--junit left.csv: this would overwrite the table left.csv",
        ),
        ("other.json --max-pairs 1", "pairs.csv has 3 pairs, but its run reports 9"),
        ("gone.json --max-pairs 1", "gone.json is about gone.csv, which does not exist"),
        ("broken.json --max-pairs 1", "broken.json: expected what erblock block --json"),
        ("deep.json --max-pairs 1", "deep.json: expected what erblock block --json"),
        ("nan.json --min-recall 0.5", "recall.value: Input should be a finite number"),
        ("five.json --min-recall 0.5", "recall.value: Input should be less than or equal to 1"),
        (
            "pairs.csv --max-drift inf --baseline pairs.csv",
            "--max-drift: expected a finite number, found inf",
        ),
        ("pairs.csv --max-uncovered nan", "--max-uncovered: expected a finite number, found nan"),
        ("pairs.csv --max-pairs 1 --junit folder", "--junit folder: expected a file, found a folder"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(line, message, files, capsys):
    contents = {
        "stray.csv": "left_id,right_id\n99,1\n",
        "lost.csv": "left_id,right_id\n,1\n",
        "twice.csv": "id,name\n01,a\n01,b\n",
        "empty.csv": "id,name\n",
        "other.json": '{"output": "pairs.csv", "pairs": 9}',
        "gone.json": '{"output": "gone.csv", "pairs": 9}',
        "broken.json": "[1",
        "deep.json": "[" * 100_000,
        "nan.json": _report("NaN"),
        "five.json": _report("5"),
        "clusters.csv": "table,record_id,cluster_id\nleft,01,1\n",
    }
    for name, text in contents.items():
        (files / name).write_text(text, encoding="utf-8")
    (files / "folder").mkdir()
    before = sorted(files.rglob("*"))
    assert check(f"{line} --failing f.csv" if "--failing" not in line else line) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert sorted(files.rglob("*")) == before


def test_a_summary_that_cannot_be_written_is_a_note(files, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(files))
    assert check("pairs.csv --max-pairs 3") == 0
    assert "cannot be written: Is a directory" in capsys.readouterr().err


def test_columns_may_be_called_as_those_that_are_added(files):
    rows = pl.DataFrame(
        {"left_id": ["01", "02"], "right_id": ["1", "2"], "check": 1, "change": 2, "cause": 3}
    )
    rows.write_csv("named.csv")
    rows.head(1).write_csv("fewer.csv")
    assert check("named.csv --max-pairs 1 --failing f.csv") == 1
    assert pl.read_csv("f.csv")["check"].to_list() == ["pairs"]
    assert app.run(["diff", "named.csv", "fewer.csv", "-o", "d.csv"]) == 0
    assert pl.read_csv("d.csv")["change"].to_list() == ["lost"]


def test_json_has_no_number_that_is_none(files, capsys):
    pl.DataFrame({"left_id": ["01"], "right_id": ["1"], "score": [float("nan")]}).write_parquet("nan.parquet")
    assert check("nan.parquet --max-pairs 0 --json") == 1
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["checks"][0]["rows"] == [{"left_id": "01", "right_id": "1", "score": None}]


@given(value=st.floats(0, 1), limit=st.floats(0, 1), harder=st.floats(0, 1))
def test_a_stricter_limit_never_passes_where_a_looser_fails(value, limit, harder):
    figures = Figures({"recall": Figure(value), "uncovered": Figure(value)})
    loose = judge(CheckConfig(min_recall=limit, max_uncovered=limit), figures, None)
    tight = CheckConfig(min_recall=max(limit, harder), max_uncovered=min(limit, harder))
    for one, other in zip(loose, judge(tight, figures, None), strict=True):
        assert (one.status, other.status) != ("failed", "passed")
