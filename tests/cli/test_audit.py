"""`erblock block --audit`, a judge, and `erblock audit`, through the command line."""

import json
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

SAMPLES = Path(__file__).parents[2] / "data_samples"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def block(*arguments):
    return app.run(["block", "--config", str(SAMPLES / "erblock.toml"), *arguments])


def gold():
    matches = pl.read_csv(SAMPLES / "products_gold.csv", infer_schema=False)
    return set(matches.select(pl.nth(0, 1)).rows())


def judge(sheet="pairs.audit.csv", most=None):
    """Fill in the sheet as a person would who knows all matches, from the top."""
    frame = pl.read_csv(sheet, infer_schema=False)
    known = gold()
    answers = ["y" if pair in known else "n" for pair in frame.select("left_id", "right_id").rows()]
    most = len(answers) if most is None else most
    frame.with_columns(match=pl.Series(answers[:most] + [""] * (len(answers) - most))).write_csv(sheet)


def test_from_tables_to_a_bound(folder, capsys):
    assert block("-o", "pairs.csv", "--audit", "200") == 0
    assert (
        "write y or n into its column 'match', then: erblock audit pairs.audit.csv" in capsys.readouterr().out
    )
    judge()
    assert app.run(["audit", "pairs.audit.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    pairs = pl.read_csv("pairs.csv", infer_schema=False)
    matches = len(gold() & set(pairs.select("left_id", "right_id").rows()))
    assert found["pairs_file"] == "pairs.csv"
    assert sum(stratum["pairs"] for stratum in found["strata"] if stratum["kept"]) == pairs.height
    assert sum(stratum["judged"] for stratum in found["strata"]) == 200
    assert found["whole"]["low"] <= matches / len(gold()) <= found["whole"]["high"]
    assert 0.85 < found["near"]["low"] < found["near"]["value"] <= found["near"]["high"] == 1
    assert app.run(["audit", "pairs.audit.csv"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert f"at least {100 * found['near']['low']:.1f} %, estimated" in out
    assert f"at least {100 * found['whole']['low']:.1f} %" in out
    assert f"Not examined: {found['unseen']:,} pairs that share no bucket, {found['pruned']:,} pruned" in out


def test_a_bad_cut_is_found_out(folder, capsys):
    assert block("-o", "pairs.csv", "--max-pairs", "300", "--audit", "50") == 0
    judge()
    capsys.readouterr()
    assert app.run(["audit", "pairs.audit.csv", "--json"]) == 0
    near = json.loads(capsys.readouterr().out)["near"]
    assert near["value"] < 0.75
    assert near["high"] < 0.85


def test_the_same_sheet_again_until_it_is_judged(folder, capsys):
    arguments = ("-o", "out/pairs.parquet", "--audit", "50")
    assert block(*arguments) == 0
    sheet = folder / "out" / "pairs.audit.csv"
    once = sheet.read_bytes(), sheet.with_suffix(".json").read_bytes()
    assert block(*arguments) == 0
    assert (sheet.read_bytes(), sheet.with_suffix(".json").read_bytes()) == once
    judge(sheet)
    judged, pairs = sheet.read_bytes(), (folder / "out" / "pairs.parquet").stat().st_mtime_ns
    capsys.readouterr()
    assert block(*arguments) == 2
    assert "already has judgements; move it away" in capsys.readouterr().err
    assert (sheet.read_bytes(), (folder / "out" / "pairs.parquet").stat().st_mtime_ns) == (judged, pairs)


def test_no_other_file_is_written_over(folder, capsys):
    (folder / "pairs.audit.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert block("-o", "pairs.csv", "--audit", "50") == 2
    assert "is no audit sheet" in capsys.readouterr().err
    assert not (folder / "pairs.csv").exists()


def test_pairs_left_out_by_the_judge_count_against_the_candidates(folder, capsys):
    assert block("-o", "pairs.csv", "--audit", "50") == 0
    lows = []
    for most in (50, 45):
        judge(most=most)
        capsys.readouterr()
        assert app.run(["audit", "pairs.audit.csv", "--json"]) == 0
        lows.append(json.loads(capsys.readouterr().out)["near"]["low"])
    assert lows[1] < lows[0]
    assert app.run(["audit", "pairs.audit.csv"]) == 0
    assert "5 of 50 pairs are not judged" in capsys.readouterr().err


def test_where_nothing_was_cut_off_there_is_nothing_to_audit(folder, capsys):
    (folder / "left.csv").write_text("id,name\n1,red lamp\n2,blue chair\n", encoding="utf-8")
    (folder / "right.csv").write_text("id,name\n1,red lamp\n2,blue chair\n", encoding="utf-8")
    assert app.run(["block", "left.csv", "right.csv", "-o", "pairs.csv", "--audit", "10"]) == 0
    assert "no audit sheet" in capsys.readouterr().err
    assert not (folder / "pairs.audit.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "missing.csv"], "missing.csv"),
        (["audit", "pairs.audit.csv"], "none of its 50 pairs is judged"),
        (["block", "left.csv", "--audit", "3"], "--audit: expected"),
        (["block", "--audit", "many"], "--audit"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, message, folder, capsys):
    assert block("-o", "pairs.csv", "--audit", "50") == 0
    capsys.readouterr()
    assert app.run(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
