"""`erblock match --label`, with answers on stdin, and on a terminal."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

SAMPLES = Path(__file__).parents[2] / "data_samples"
PROMPT = "match? y / n / u(nsure) / undo / q(uit): "


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    assert app.run(["block", "--config", str(SAMPLES / "erblock.toml"), "-o", str(path)]) == 0
    return path


@pytest.fixture
def match(pairs, tmp_path, monkeypatch):
    """Run `erblock match` on the sample products with these lines on stdin."""
    monkeypatch.chdir(tmp_path)

    def run(answers, *arguments):
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        return app.run(["match", *tables(), "-p", str(pairs), *arguments])

    return run


def tables():
    return [str(SAMPLES / "products_left.csv"), str(SAMPLES / "products_right.csv")]


def answers(path="labels.csv"):
    return pl.read_csv(path, infer_schema=False)["label"].to_list()


def test_answers_become_labels_and_then_matches(match, capsys):
    assert match("y\nN\n unsure \nno\nq\n", "--label", "-o", "m.csv") == 0
    out, err = capsys.readouterr()
    assert answers() == ["1", "0", None, "0"]
    assert err.count(PROMPT) == 5
    assert "Each answer is saved to labels.csv" in err
    assert "labels.csv: 3 pairs labelled now (1 matches, 2 not), 1 unsure; 3 labels in all" in err
    assert out.startswith("m.csv: ")
    assert "labels among the candidates: 3" in out


def test_both_records_are_shown_and_what_differs_is_marked(match, capsys):
    assert match("y\n", "--label-only") == 0
    shown = capsys.readouterr().err.split(PROMPT)[0].splitlines()
    left_id, right_id, _ = pl.read_csv("labels.csv", infer_schema=False).row(0)
    assert any(line.split() == ["left", left_id] for line in shown)
    assert any(line.split() == ["right", right_id] for line in shown)
    one, other = (
        pl.read_csv(path, infer_schema=False).row(by_predicate=pl.col("id") == value, named=True)
        for path, value in zip(tables(), (left_id, right_id), strict=True)
    )
    for column in set(one) & set(other) - {"id"}:
        at = next(
            i
            for i, line in enumerate(shown)
            if line.split()[:2] in (["*", column], [column]) or line.lstrip("* ").startswith(column)
        )
        a, b = one[column] or "", other[column] or ""
        assert " ".join(a.split()) in shown[at]
        assert " ".join(b.split()) in shown[at + 1]
        assert shown[at].startswith("*") == bool(a and b and a.casefold() != b.casefold())


def test_the_end_of_the_input_is_to_quit(match, capsys):
    assert match("y\nn", "--label-only") == 0
    assert answers() == ["1", "0"]
    err = capsys.readouterr().err
    assert "2 pairs labelled now" in err
    assert "interrupted" not in err
    assert not Path("matches.parquet").exists()


def test_without_any_input_nothing_is_asked(match, monkeypatch, pairs):
    monkeypatch.setattr("sys.stdin", None)
    assert app.run(["match", *tables(), "-p", str(pairs), "--label-only"]) == 0
    assert answers() == []


def test_undo_asks_again_and_not_beyond_this_session(match, capsys):
    assert match("y\n", "--label-only", "--labels", "mine.csv") == 0
    before = Path("mine.csv").read_bytes()
    capsys.readouterr()
    assert match("y\nn\nundo\nundo\nundo\n", "--label-only", "--labels", "mine.csv") == 0
    err = capsys.readouterr().err
    assert Path("mine.csv").read_bytes() == before
    asked = [part[part.index("left ") :].splitlines()[:2] for part in err.split(PROMPT)[:-1]]
    assert asked[3:] == [asked[1], asked[0], asked[0]]
    assert asked[0] != asked[1] != asked[2] != asked[0]
    assert "This session has no answer to undo." in err


def test_what_is_not_understood_is_asked_again(match, capsys):
    assert match("maybe\n\ny\nq\n", "--label-only") == 0
    err = capsys.readouterr().err
    assert "expected y, n, u, undo or q, found 'maybe'" in err
    assert "expected y, n, u, undo or q, found ''" in err
    assert answers() == ["1"]


def test_a_session_is_taken_up_again(match, capsys):
    for _ in range(3):
        assert match("y\nu\nn\n", "--label-only") == 0
    assert "3 labels in all" not in capsys.readouterr().err.splitlines()[-1]
    known = pl.read_csv("labels.csv", infer_schema=False)
    assert known.height == 9
    assert known.select("left_id", "right_id").n_unique() == 9


def test_it_learns_after_ten_answers(match, capsys):
    assert match("n\n" * 11, "--label-only") == 0
    err = capsys.readouterr().err
    assert "\n0 labels: " in err
    assert "\n10 labels: " in err
    assert "pairs changed between match and no match" in err


def test_nothing_answered_is_to_match_without_labels(match, capsys):
    assert match("u\nq\n", "--label", "-o", "m.csv") == 0
    assert "labels among the candidates" not in capsys.readouterr().out
    assert Path("m.csv").exists()


def test_json_carries_results_only(match, capsys):
    assert match("y\nn\nq\n", "--label", "--json", "-o", "m.csv") == 0
    assert json.loads(capsys.readouterr().out)["labels"] == 2
    assert match("u\nq\n", "--label-only", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"labels": "labels.csv", "matches": 0, "others": 0, "unsure": 1, "total": 2}


def test_an_interrupt_keeps_the_answers_and_says_so(match, capsys, monkeypatch):
    class Interrupted(io.StringIO):
        def readline(self, size=-1):
            line = super().readline(size)
            if not line:
                raise KeyboardInterrupt
            return line

    monkeypatch.setattr("io.StringIO", Interrupted)
    assert match("y\nn\n", "--label") == 130
    assert answers() == ["1", "0"]
    assert "2 pairs labelled now" in capsys.readouterr().err
    assert not Path("matches.parquet").exists()


def test_one_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    people = str(SAMPLES / "people.csv")
    assert app.run(["block", people, "-o", "pairs.csv"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n" * 6))
    assert app.run(["match", people, "-p", "pairs.csv", "--label", "-o", "m.csv"]) == 0
    assert "labels among the candidates: 12" in capsys.readouterr().out
    known = pl.read_csv("labels.csv", infer_schema=False).select("left_id", "right_id")
    assert known.n_unique() == 12
    candidates = pl.read_csv("pairs.csv", infer_schema=False).select("left_id", "right_id")
    assert set(known.rows()) <= set(candidates.rows())


def test_values_are_shown_as_a_terminal_can_take_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = [f"red\x1b[31m\nsocks {i}" for i in range(6)]
    pl.DataFrame(
        {"id": range(6), "name": names, "size": [None, *"LMSXY"], "text": ["x" * 5000] * 6}
    ).write_parquet("t.parquet")
    assert app.run(["block", "t.parquet", "-o", "pairs.csv"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n" * 50))
    assert app.run(["match", "t.parquet", "-p", "pairs.csv", "--label-only"]) == 0
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "red [31m socks" in err
    assert "None" not in err
    assert max(map(len, err.splitlines())) < 700
    assert "Every candidate pair has been asked about." in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--label", "--use", "matcher"], "--label trains a matcher"),
        (["--label", "--labels", "labels.parquet"], "expected a name ending in .csv"),
        (["--label", "--labels", "labels.csv", "-o", "labels.csv"], "expected another name"),
        (["--labels", "none.csv"], "no such file: none.csv"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(match, capsys, arguments, complaint):
    capsys.readouterr()
    assert match("y\n", *arguments) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert err.count("\n") == 1
    assert not list(Path().iterdir())


def test_on_a_terminal(pairs, tmp_path):
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "erblock", "match", *tables(), "-p", str(pairs), "--label-only"]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = ""
    for answer in ("y", "n", "q"):
        part = until(master, "q(uit): ")
        assert "\x1b[1" in part  # what differs stands out
        shown += part
        os.write(master, f"{answer}\n".encode())
    shown += until(master, "labels in all")
    os.close(master)
    assert process.wait(timeout=60) == 0
    assert answers(tmp_path / "labels.csv") == ["1", "0"]
    assert "2 pairs labelled now" in shown


def until(terminal, text, seconds=60):
    """Return what appears on the terminal until this text does."""
    end, shown = time.monotonic() + seconds, b""
    while text.encode() not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
        assert ready, f"{text!r} did not appear in {shown!r}"
        shown += os.read(terminal, 4096)
    return shown.decode()
