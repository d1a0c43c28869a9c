"""What is printed, with and without a terminal."""

import io
import json
import re
import sys
from datetime import date

import pytest

from erblock.cli import console


class Terminal(io.StringIO):
    """A terminal that remembers what it was shown."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


ROWS = [["a.parquet", "1,200", "-"], ["longer name.csv", "7", "99.5"]]


def test_results_go_to_stdout_and_remarks_to_stderr(capsys):
    console.write("result")
    console.note("remark")
    console.error("two\nlines")
    assert capsys.readouterr() == ("result\n", "remark\nerror: two lines\n")


def test_a_plain_table_is_aligned_and_never_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    console.table(["file", "pairs", "share"], ROWS, "Title")
    assert capsys.readouterr().out.splitlines() == [
        "Title",
        "file             pairs  share",
        "a.parquet        1,200      -",
        "longer name.csv      7   99.5",
    ]


def test_a_table_without_rows_is_its_header(capsys):
    console.table(["file", "pairs"], [])
    assert capsys.readouterr().out == "file  pairs\n"


def test_a_table_on_a_terminal_holds_the_same_and_takes_names_literally(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    console.table(["[red]file", "pairs"], [["[b]x", "1,200"]], "Title")
    assert all(text in terminal.getvalue() for text in ("Title", "[red]file", "[b]x", "1,200", "─"))


def test_a_table_too_wide_for_a_terminal_is_a_list_and_breaks_no_number(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    header = ["", "pairs", "matches found", "completeness %", "reduction %", "reached %", "unseen %"]
    console.table(
        header, [["p.csv", "30,000", "2,350 of 2,350", "100.0", "99.688", "98.0 / 97.0", "-"]], "Title"
    )
    lines = terminal.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert "matches found   2,350 of 2,350" in lines
    assert lines[0] == "Title"


def test_json_holds_what_it_is_given(capsys):
    console.write_json({"é": [1, None], "day": date(2026, 1, 2)})
    assert json.loads(capsys.readouterr().out) == {"é": [1, None], "day": "2026-01-02"}


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by so many seconds when it is told to."""
    now = [100.0]
    monkeypatch.setattr("erblock.cli.progress.monotonic", lambda: now[0])

    def go_on(seconds):
        now[0] += seconds

    return go_on


def test_plain_progress_is_a_line_every_thirty_seconds(clock, capsys):
    with console.progress() as on_progress:
        for done in range(101):
            on_progress("encode", done, 100)
            clock(1)
        on_progress("train", 1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "encode: 30 of 100 in 30 s, about 70 s to go",
        "encode: 60 of 100 in 60 s, about 40 s to go",
        "encode: 90 of 100 in 90 s, about 10 s to go",
    ]


def test_what_is_done_soon_says_nothing_unless_asked_to(clock, capsys):
    for verbose in (False, True):
        console.set_volume(quiet=False, verbose=verbose)
        with console.progress() as on_progress:
            on_progress("encode", 0, 1500)
            clock(2)
            on_progress("encode", 1500, 1500)
    console.begin()
    assert capsys.readouterr().err == "encode: 1,500 in 2.0 s\n"


def test_a_bar_fits_into_sixty_columns(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.progress() as on_progress:
        on_progress("fine-tune", 1, 1_000_000)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert "fine-tune" in shown
    assert "ETA" in shown
    assert all(len(line) <= 60 for line in re.split(r"[\r\n]", shown))


def test_a_remark_comes_first_and_not_before_an_error(capsys):
    console.remark("settings: x.toml")
    console.note("records read: 3")
    console.remark("settings: y.toml")
    console.error("no such file")
    assert capsys.readouterr().err == "settings: x.toml\nrecords read: 3\nerror: no such file\n"


def test_progress_on_a_terminal_is_a_bar_with_its_eta(terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", terminal)
    with console.progress() as on_progress:
        on_progress("[encode]", 0, 4)
        on_progress("[encode]", 4, 4)
    assert capsys.readouterr().out == ""
    assert all(text in terminal.getvalue() for text in ("[encode]", "4/4", "ETA"))


PWN = "\x1b]0;title\x07\x1b[2J\x9b31m\x08\rover\u202e\u200b"


def test_nothing_that_a_terminal_obeys_reaches_it(capsys, monkeypatch, terminal):
    console.error(PWN)
    console.note(PWN)
    console.write(PWN)
    console.table([f"a{PWN}"], [[PWN]], PWN)
    console.write_json({"a": PWN})
    monkeypatch.setattr(sys, "stdout", terminal)
    console.table([f"a{PWN}"], [[PWN]], PWN)
    out, err = capsys.readouterr()
    for text in (out, err, terminal.getvalue()):
        assert not set("\x07\x08\x9b\r\u202e\u200b") & set(text)
        assert "\x1b]0" not in text
        assert "\x1b[2J" not in text
    assert "\\x1b]0;title\\x07" in out


def test_json_with_what_cannot_be_seen_comes_back(capsys):
    console.write_json({"a": PWN, "b": ["caf\u00e9", "\U0001f600"]})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": PWN, "b": ["caf\u00e9", "\U0001f600"]}
    assert "caf\u00e9" in text


@pytest.mark.parametrize("value", ["[bold]x[/bold]", "[/]", ":smile:", "\\[bold]", "a\\"])
def test_markup_and_emoji_codes_are_shown_as_they_are(value, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    console.table([value], [[value]], value)
    assert terminal.getvalue().count(value) == 3


def test_without_any_stream_nothing_is_printed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console.write("x")
    console.error("x")
    console.table(["a"], [["b"]])
