"""`erblock run`, through the command line: one folder, steps that are skipped, runs that go on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
TABLES = (".csv", ".parquet")
STEPS = ["fit", "block", "match", "evaluate", "report"]
SETTINGS = """
[tables]
left = "left.csv"
right = "right.csv"
[rules]
match = ["token_sort_ratio(name) >= 60 AND exact(price)", "exact(\\"name\\")"]
[fit]
method = "minhash"
[block]
max_pairs = 300
[match]
clusters = "entities.csv"
save = "kept"
[check]
gold = "gold.csv"
"""


@pytest.fixture(scope="module")
def finished(products, tmp_path_factory):
    """Tables, settings and known matches, and the run that they ask for."""
    folder = tmp_path_factory.mktemp("finished")
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(folder / f"{name}.csv")
    ids = range(SIZE)
    gold = pl.DataFrame({"left_id": [f"l{i}" for i in ids], "right_id": [f"r{i}" for i in ids]})
    gold.write_csv(folder / "gold.csv")
    (folder / "erblock.toml").write_text(SETTINGS, encoding="utf-8")
    assert app.run(["run", str(folder / "erblock.toml"), "-o", str(folder / "run")]) == 0
    return folder


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    """A copy of all that, as the current folder."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def done_again(line, capsys):
    """The steps that a run did, not those that it skipped; its exit code must be 0."""
    assert app.run(["run", *line.split(), "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    return [step["step"] for step in steps if step["seconds"] is not None]


def files(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_run_holds_what_its_commands_write(here):
    commands = [
        "fit -o m",
        "block --model m -o p.parquet",
        "match -p p.parquet -o m.parquet --clusters e.csv --save s",
    ]
    for command in commands:
        assert app.run(command.split()) == 0
    written = {"pairs.parquet": "p.parquet", "matches.parquet": "m.parquet", "entities.csv": "e.csv"}
    for name, file in written.items():
        assert (here / "run" / name).read_bytes() == (here / file).read_bytes(), name
    assert {p.name: p.read_bytes() for p in (here / "run" / "model").iterdir()} == {
        p.name: p.read_bytes() for p in (here / "m").iterdir()
    }
    record = json.loads((here / "run" / "run.json").read_text(encoding="utf-8"))
    assert list(record["steps"]) == STEPS
    assert record["versions"].keys() >= {"python", "erblock", "polars"}
    assert record["steps"]["block"]["inputs"]["left"].keys() == {"../left.csv"}
    pairs, matches, _ = json.loads((here / "run" / "evaluate.json").read_text(encoding="utf-8"))
    assert pairs["pair_completeness"] > 0.9
    assert matches["f1"] > 0.8


def test_what_has_not_changed_is_skipped_and_nothing_is_written_anew(here, capsys):
    assert app.run(["run"]) == 0  # the settings in it name the tables of this folder now
    before = files(here)
    capsys.readouterr()
    assert app.run(["run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in lines] == [f"{step}: unchanged, skipped" for step in STEPS]
    assert files(here) == before


def linked(name, target):
    def spoil(folder):
        (folder / name).unlink()
        (folder / name).symlink_to(folder / target)

    return spoil


def settings(old, new):
    return lambda folder: edit(folder / "erblock.toml", old, new)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (settings("[match]", "[match]\nall = true"), ["match", "evaluate", "report"]),
        (settings("[match]", '[match]\ndevice = "cpu"'), ["match", "report"]),
        (settings("300", "290"), STEPS[1:]),
        (lambda f: edit(f / "right.csv", "r3,", "r3,other "), STEPS),
        (lambda f: edit(f / "gold.csv", "l3,r3\n", ""), ["evaluate", "report"]),
        (lambda f: (f / "run" / "matches.parquet").unlink(), ["match", "report"]),
        (lambda f: (f / "run" / "model" / "arrays.safetensors").write_bytes(b""), ["fit", "report"]),
        (lambda f: (f / "run" / "evaluate.json").unlink(), ["evaluate"]),
        (lambda f: (f / "run" / "report.html").write_bytes(b""), ["report"]),
        (lambda f: (f / "left.csv").touch(), []),
    ],
    ids=[
        "all",
        "same matches",
        "budget",
        "table",
        "gold",
        "gone",
        "damaged",
        "no figures",
        "page",
        "touched",
    ],
)
def test_steps_are_done_again_if_what_they_read_or_wrote_has_changed(change, expected, here, capsys):
    change(here)
    assert done_again("", capsys) == expected
    assert done_again("", capsys) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--force", STEPS),
        ("--from match", ["match", "evaluate", "report"]),
        ("--from block --to block", ["block"]),
        ("--to match", []),
        ("--from report", ["report"]),
    ],
)
def test_steps_are_chosen(line, expected, here, capsys):
    before = files(here)
    assert done_again(line, capsys) == expected
    before = {name: content for name, content in before.items() if Path(name).suffix in TABLES}
    assert before.items() <= files(here).items()


def test_steps_are_those_that_the_settings_ask_for(here, capsys):
    (here / "plain.toml").write_text('[tables]\nleft = "left.csv"\nright = "right.csv"\n', encoding="utf-8")
    assert done_again("plain.toml -o plain", capsys) == ["block", "report"]
    measured = done_again("plain.toml -o plain --gold gold.csv --from evaluate", capsys)
    assert measured == ["evaluate", "report"]
    assert not (here / "plain" / "model").exists()


def test_the_settings_in_the_folder_do_the_same_again_from_anywhere(here, capsys, monkeypatch):
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert done_again("../run/erblock.toml -o again", capsys) == STEPS
    for name in ("pairs.parquet", "matches.parquet", "entities.csv"):
        assert (here / "elsewhere" / "again" / name).read_bytes() == (here / "run" / name).read_bytes()
    first, again = (tomllib.loads(Path(p, "erblock.toml").read_text("utf-8")) for p in ("../run", "again"))
    assert first == again
    assert done_again("../erblock.toml -o ../run", capsys) == []


def test_a_run_that_is_moved_with_its_tables_is_not_done_again(here, tmp_path_factory, capsys, monkeypatch):
    moved = tmp_path_factory.mktemp("moved")
    shutil.copytree(here, moved, dirs_exist_ok=True)
    monkeypatch.chdir(moved)
    assert done_again("", capsys) == []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_a_run_that_was_killed_goes_on_at_the_step_it_lacks(here, capsys):
    shutil.rmtree("run")
    command = [sys.executable, "-m", "erblock", "run"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if Path("run/fit.json").exists():
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
    finally:
        running.kill()
        running.wait()
    done = list(json.loads(Path("run/run.json").read_text(encoding="utf-8"))["steps"])
    assert done != STEPS
    assert done_again("", capsys) == STEPS[len(done) :]
    assert done_again("", capsys) == []


def test_check_and_diff_read_the_folder_of_a_run(here, capsys):
    assert app.run(["check", "run", "--max-pairs", "300", "--min-recall", "0.5", "--max-bucket", "500"]) == 0
    assert app.run(["check", "run", "--max-pairs", "299"]) == 1
    assert app.run(["check", "run/match.json", "--min-quality", "0.5"]) == 0
    edit(here / "erblock.toml", "300", "200")
    assert app.run(["run", "-o", "smaller", "--to", "block"]) == 0
    capsys.readouterr()
    assert app.run(["diff", "run", "smaller", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["before"], found["after"], found["lost"]["count"] >= 100) == (300, 200, True)


@pytest.mark.parametrize(
    ("break_it", "line", "said"),
    [
        (lambda f: None, "gone.toml", "no such file: gone.toml"),
        (lambda f: (f / "left.csv").unlink(), "", "no such file: left.csv"),
        (lambda f: edit(f / "left.csv", "id,", "sku,"), "", "has no column 'id'"),
        (lambda f: (f / "left.csv").write_text("id,name,price\n", encoding="utf-8"), "", "has no rows"),
        (lambda f: edit(f / "left.csv", "l3,", ","), "", "is missing"),
        (lambda f: edit(f / "left.csv", "l3,", "l2,"), "", "each id must be in one row only"),
        (lambda f: edit(f / "erblock.toml", "exact(price)", "exakt(price)"), "", "exakt"),
        (lambda f: None, "--from nonsense", "--from nonsense: expected one of the steps fit, block"),
        (lambda f: None, "--from match --to block", "--from match comes after --to block"),
        (lambda f: edit(f / "erblock.toml", "gold =", "baseline ="), "--to evaluate", "known matches"),
        (settings("left.csv", "s3a://lake/left.csv"), "", "reads files of this machine"),
        (lambda f: None, "-o .", "found the current folder"),
        (lambda f: None, "-o left.csv", "this would overwrite the table left.csv"),
        (settings("[match]", "[match]\nlabels = 'no.csv'"), "", "file: no.csv"),
        (lambda f: None, "--gold no.csv", "no such file: no.csv"),
        (lambda f: None, "--gold left.csv", "left.csv needs the columns left_id and right_id"),
        (lambda f: (f / "known.csv").write_text("a\n"), "--gold known.csv", "known.csv needs the columns"),
        (settings('clusters = "e', 'entities = "e'), "", "no such file"),
        (settings('"entities.csv"', '"e.txt"'), "", "a name ending in"),
        (settings("= 300", "= true"), "", "expected another type than true or false, found True"),
        (lambda f: None, "-o s3://lake/run", "found a URL"),
        (linked("run/block.json", "left.csv"), "-o run", "run/block.json in it is the table left.csv"),
        (lambda f: (f / "new").mkdir() or (f / "new" / "x").touch(), "-o new", "has no run.json"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(break_it, line, said, here, capsys):
    break_it(here)
    before = files(here)
    arguments = line.split() if "-o" in line else [*line.split(), "-o", "new"]
    assert app.run(["run", *arguments]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert said in error
    assert files(here) == before
    assert said.startswith("has no run") or not (here / "new").exists()


def test_a_step_that_fails_leaves_those_before_it_done(here, capsys):
    shutil.rmtree("run")
    edit(here / "erblock.toml", "[match]", '[match]\nlabels = "gold.csv"')
    assert app.run(["run"]) == 2
    assert "gold.csv needs a column 'label'" in capsys.readouterr().err
    edit(here / "erblock.toml", '\nlabels = "gold.csv"', "")
    assert done_again("", capsys) == ["match", "evaluate", "report"]


def test_what_is_written_keeps_its_ending(here):
    edit(here / "erblock.toml", "[match]", "[match]\noutput = 'm.csv.gz'")
    edit(here / "erblock.toml", "max_pairs = 300", "max_pairs = 300\noutput = 'p.jsonl'")
    assert app.run(["run", "-o", "new"]) == 0
    assert {"matches.csv.gz", "pairs.jsonl"} <= {path.name for path in (here / "new").iterdir()}


def test_a_run_without_the_extra_does_all_but_the_page(here, capsys, monkeypatch):
    shutil.rmtree("run")
    monkeypatch.setattr("erblock.errors.find_spec", lambda module: None if module == "jinja2" else module)
    assert app.run(["run"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        "no report.html is written: this needs the package jinja2: pip install 'erblock[report]'"
    )
    assert sorted(path.name for path in Path("run").glob("*report*")) == []
    assert app.run(["run", "--from", "report"]) == 2
    assert app.run(["run", "--to", "evaluate"]) == 0


def test_a_page_with_other_samples_is_replaced_by_the_next_run(here, capsys):
    assert app.run(["run", "--from", "report"]) == 0
    page = Path("run/report.html").read_bytes()
    assert app.run(["report", "run", "--samples", "0"]) == 0
    assert Path("run/report.html").read_bytes() != page
    capsys.readouterr()
    assert done_again("", capsys) == ["report"]
    assert Path("run/report.html").read_bytes() == page
