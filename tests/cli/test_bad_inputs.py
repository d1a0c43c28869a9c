"""Whatever comes from outside works, or is one clear line and exit code 2; nothing is left, nothing is lost.

A case is a command line that works, and one or two things that its number has spoiled. It is drawn from the
number alone, so that one case repeats what many have found; ERBLOCK_BAD_INPUTS says how many are tried.
"""

import gzip
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from erblock.cli import app

COUNT = int(os.environ.get("ERBLOCK_BAD_INPUTS", "100"))
SLICES = 10
_SECONDS = 60

COMMANDS = (
    "block left.csv right.csv -o OUT.parquet --max-pairs 100 --bands 16 --block-on compact(name)",
    "block one.csv -o OUT.csv --with-columns --max-per-record 5 --target-recall 0.9 --json",
    "block left.csv right.csv --model model -o OUT.parquet --memory 1GB --audit 10",
    "keys left.csv --model model -o OUT",
    "keys more.csv --model model -o keyfolder --append",
    "match left.csv right.csv -p pairs.csv -o OUT.csv --with-columns --min-probability 0.5",
    "match one.csv -p pairs1.csv -o OUT.parquet --clusters OUT.csv --labels labels1.csv --save OUT",
    "match one.csv -p pairs1.csv --clusters OUT.csv --entities clusters.csv --changes OUT.jsonl",
    "evaluate pairs.csv --gold gold.csv --left left.csv --right right.csv --csv OUT.csv --target 0.9",
    "init left.csv right.csv -o OUT.toml",
    "fit left.csv right.csv --method minhash --labels labels.csv -o OUT",
    "rules check --config rules.toml --pairs 200",
    "audit a.audit.csv",
    "show pairs.csv --left left.csv --right right.csv --around 0.5 --sample 3 --limit 2 -o OUT.jsonl",
    "show pairs.csv --left left.csv --right right.csv --where score>0 --id l1 -o OUT.csv --excel",
    "show clusters.csv --left one.csv --largest --limit 3",
    "show keys.parquet --left left.csv --right right.csv --largest --limit 3",
    "show matches.csv --config rules.toml --uncovered -o OUT.parquet",
    "show run.json --config rules.toml --columns name",
    "check pairs.csv --config rules.toml --gold gold.csv --min-recall 0.1 --failing OUT.csv --junit OUT.xml",
    "check run.json --config rules.toml --min-recall 0.1 --min-quality 0.1 --max-bucket 9 --json",
    "check matches.csv --left left.csv --right right.csv --baseline old.csv --max-drift 0.5 --warn drift",
    "check keys.parquet --left left.csv --right right.csv --max-bucket 100 --fail-on warning",
    "check matches1.csv --left one.csv --max-duplicates 0.9 --max-uncovered 0.9 --max-pairs 9",
    "diff old.csv matches.csv --config rules.toml --gold gold.csv -o OUT.jsonl --old-left more.csv",
    "diff run.json pairs.csv --config rules.toml --keys keys.parquet --keys keysr.parquet -o OUT.csv --json",
    "diff clusters.csv clusters2.csv --left one.csv --gold gold1.csv --fail-on-loss",
    "why l1 r1 left.csv right.csv --matches matches.csv --max-pairs 100 --block-on compact(name)",
    "why l1 r2 left.csv right.csv --model model --max-per-record 2 --json",
    "why --missed gold.csv left.csv right.csv --bands 16 --matches matches.csv",
    "block left.csv right.csv -o OUT.csv --must-pairs gold.csv --must-not-pairs wrong.csv --max-pairs 9",
    "block shops.jsonl -o OUT.jsonl --source shop --must-pairs gold1.csv --max-per-record 2",
    "block left.csv.gz right.csv -o OUT.csv.gz --max-pairs 9",
)

PLACES = {"-o", "--output", "--csv", "--failing", "--junit", "--clusters", "--changes", "--save"}
"""Options that name what is written."""

_PLAIN_VALUES = """
-1|0|0.5|1e999|nan|inf|-inf|1e-320|true|1MB|l1|id|name|score|local|drift|OUT|~|é|/|a/b/c|*|[|'|"|=1+1|:smile:
[bold]x|1 = 1|NULL|'a'|SELECT 1|score >|score > 1 -- x|left_id > 3|nope > 1|score / 0 > 1|sum(score) > 1
score IN (SELECT 1)|score > ALL (1)|name LIKE '%|name = NAME|CAST(left_id AS INT) > 1|compact(nope)
nope(name)
"""
VALUES = [
    *("", " ", "a\nb", "x\x00y", "\x1b]0;owned\x07", "\u202egnp.exe", "\ud800", "phone(name, 'XX')"),
    *("9" * 40, "x" * 300, "compact(" * 300, *_PLAIN_VALUES.strip().replace("\n", "|").split("|")),
]
"""What somebody may write behind an option."""

NOWHERE = ["", ".", "..", "model", "model/OUT.csv", "keyfolder/OUT.parquet", "OUT.txt", "\x1bOUT.csv"]
RUBBISH = random.Random(0).randbytes(2000)
CELLS = (b"", b"nan", b"1e400", b"9" * 400, b'"', b"'", b"\x00", b"\x1b[2J\x07", b"\xff\xfe", b"\xe2\x80\xae")
NAMES = [b"left.name", b"cluster_id", b"is_match", b"probability", b"check", b"cause", b"band"]
REPORTS = [
    *(b"", b"[]", b"{}", b"null", b"NaN", b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 5000),
    b'{"output": 3, "pairs": "x"}',
    b'{"output": "run.json", "pairs": 1}',
    b'{"output": "\x1b[2Jx.csv", "pairs": 1}',
    b'{"output": "pairs.csv", "pairs": 1e400}',
    b'{"output": "pairs.csv", "pairs": NaN, "recall": {"value": Infinity}}',
    b'{"output": "' + b"x" * 5000 + b'", "pairs": 1}',
    b'{"output": "a\\u0000b", "pairs": 1}',
    b'{"output": "", "pairs": -1}',
    b'{"output": "..", "pairs": 1}',
]


def spoiled(number, folder):
    """Return the words of a command line of which `number` has spoiled one or two things in `folder`."""
    draw = random.Random(number)
    words = draw.choice(COMMANDS).split()
    read = [word for word in words[1:] if (folder / word).exists()]
    for _ in range(draw.choice((1, 1, 2))):
        draw.choice((_spoil_file, _spoil_file, _spoil_value, _spoil_place))(draw, words, read, folder)
    return words


def _spoil_value(draw, words, _read, _folder):
    """Put a bad value behind an option, or in the place of the last word."""
    at = [i for i in range(1, len(words)) if words[i - 1].startswith("-") and not words[i].startswith("-")]
    words[draw.choice(at) if at else len(words) - 1] = draw.choice(VALUES)


def _spoil_place(draw, words, read, folder):
    """Let something be written where it must not be: onto an input, by any of its names, or nowhere."""
    at = [i for i in range(1, len(words)) if words[i - 1] in PLACES]
    if not at or "/" in "".join(words):
        _spoil_value(draw, words, read, folder)
        return
    target = draw.choice(read)
    link = f"link{draw.randrange(1000)}{Path(target).suffix}"
    kind = draw.randrange(4)
    if kind == 0:
        (folder / link).symlink_to(target)
    elif kind == 1 and (folder / target).is_file():
        os.link(folder / target, folder / link)
    elif kind == 2:
        (folder / link).symlink_to(link)
    else:
        link = draw.choice((target, f"{target}/OUT.csv", f"model/../{target}", f"{'x' * 300}.csv", *NOWHERE))
    words[draw.choice(at)] = link


def _spoil_file(draw, words, read, folder):
    """Spoil one file, or one of the files of a folder, that the command line names."""
    path = folder / draw.choice(read)
    if path.is_dir():
        path = draw.choice(sorted(file for file in path.rglob("*") if file.is_file()) or [path / "new.csv"])
    data = path.read_bytes() if path.is_file() else b"id,name"
    if path.suffix == ".json" and draw.random() < 0.5:
        data = draw.choice(REPORTS)
    elif path.suffix == ".csv" and draw.random() < 0.6:
        data = _spoiled_csv(draw, data)
    elif draw.random() < 0.7:
        data = _spoiled_bytes(draw, data)
    else:
        _put_something_else(draw, path)
        return
    if path.is_file():
        path.write_bytes(data)


def _spoiled_csv(draw, data):
    rows = [line.split(b",") for line in data.splitlines()] or [[b""]]
    row, column, cell = draw.randrange(len(rows)), draw.randrange(len(rows[0])), draw.choice(CELLS)
    kinds = (
        [cells[:column] + cells[column + 1 :] for cells in rows],  # a column is gone
        [*rows, rows[-1]],  # a record twice
        rows[:2],
        rows[:1],
        [*rows[:row], rows[row][:-1], *rows[row + 1 :]],  # a row is short
        [[*cells, *cells[column:]] for cells in rows],  # a column twice
        [rows[0], *([*cells[:column], cell, *cells[column + 1 :]] for cells in rows[1:])],
        [[*rows[0][:column], draw.choice((cell, *NAMES)), *rows[0][column + 1 :]], *rows[1:]],
        [*rows[:row], [*rows[row][:column], cell, *rows[row][column + 1 :]], *rows[row + 1 :]],
    )
    return b"\n".join(map(b",".join, draw.choice(kinds))) + b"\n"


def _spoiled_bytes(draw, data):
    at = draw.randrange(len(data) or 1)
    kinds = (
        *(b"", b"\n\n\n", RUBBISH, b'{"a": 1}', data[:at], gzip.compress(data)),
        *(data[:at] + b"\x00" * 20 + data[at:], data[:at] + bytes([at % 256]) + data[at + 1 :]),
        *(data.decode("latin-1").encode("utf-16"), b"\xef\xbb\xbf" * 2 + data),
    )
    return draw.choice(kinds)


def _put_something_else(draw, path):
    """Put a folder, a link to itself or to nowhere, a pipe, or nothing, in the place of a file."""
    if path.is_file():
        path.unlink()
    elif path.exists() or path.is_symlink():
        return
    match draw.randrange(5):
        case 0:
            path.mkdir()
        case 1:
            path.symlink_to(path.name)
        case 2:
            path.symlink_to("nowhere")
        case 3:
            os.mkfifo(path)


@pytest.fixture(scope="module")
def good(products, tmp_path_factory):
    """Tables, and all that commands write of them."""
    here = tmp_path_factory.mktemp("good")
    left, right = products(40)
    more = products(20, 9)[0].with_columns(pl.format("n{}", "id").alias("id"))
    for name, table in {"left": left, "right": right, "one": pl.concat([left, right]), "more": more}.items():
        table.write_csv(here / f"{name}.csv")
    gold = pl.DataFrame({"left_id": left["id"], "right_id": right["id"], "label": 1})
    for name in ("gold.csv", "gold1.csv", "labels.csv", "labels1.csv"):
        gold.write_csv(here / name)
    wrong = pl.DataFrame({"left_id": left["id"], "right_id": right["id"].shift(1)}).tail(9)
    wrong.write_csv(here / "wrong.csv")
    shops = [left.with_columns(shop=pl.lit("A")), right.with_columns(shop=pl.lit("B"))]
    pl.concat(shops).write_ndjson(here / "shops.jsonl")
    (here / "left.csv.gz").write_bytes(gzip.compress((here / "left.csv").read_bytes()))
    (here / "rules.toml").write_text(
        '[tables]\nleft = "left.csv"\nright = "right.csv"\n[rules]\nmatch = ["shares_code(name)"]\n',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for line in (
            "block left.csv right.csv -o pairs.csv",
            "block one.csv -o pairs1.csv",
            "block left.csv right.csv --max-pairs 60 --audit 10 -o a.csv",
            "fit left.csv right.csv --method minhash -o model",
            "keys left.csv --model model -o keyfolder",
            "keys left.csv --model model -o keys.parquet",
            "keys right.csv --model model -o keysr.parquet",
            "match left.csv right.csv -p pairs.csv --all -o matches.csv",
            "match one.csv -p pairs1.csv -o matches1.csv --clusters clusters.csv",
        ):
            assert app.run(line.split()) == 0
    pl.read_csv(here / "matches.csv").head(30).write_csv(here / "old.csv")
    shutil.copy(here / "clusters.csv", here / "clusters2.csv")
    pairs = pl.read_csv(here / "pairs.csv").height
    recall = {"value": 0.9, "low": 0.8, "high": 0.95, "kept": 30.0}
    run = {"output": "pairs.csv", "pairs": pairs, "recall": recall, "join": {"largest_bucket": 4}}
    (here / "run.json").write_text(json.dumps(run), encoding="utf-8")
    sheet = pl.read_csv(here / "a.audit.csv").with_columns(match=pl.lit("y"))
    sheet.write_csv(here / "a.audit.csv")
    return here


def contents(folder):
    """Return what each name in a folder leads to or holds."""
    found = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        data = path.read_bytes() if stat.S_ISREG(mode) else str(path.readlink()) if path.is_symlink() else ""
        found[str(path.relative_to(folder))] = (stat.S_IFMT(mode), data)
    return found


def verdict(number, folder, capsys):
    """Return what is wrong with how a command took a bad input, or nothing."""
    words = spoiled(number, folder)
    before = contents(folder)
    code = app.run(words)
    out, err = capsys.readouterr()
    after = contents(folder)
    changed = {name for name, held in before.items() if after.get(name) != held}
    new = set(after) - set(before)
    errors = [line for line in err.splitlines() if line.startswith(("error: ", "Usage"))]
    wrong = {
        f"exit code {code}": code not in (0, 1, 2) or (code == 1 and words[0] not in ("check", "diff")),
        f"{len(errors)} errors with exit code {code}": len(errors) != (code == 2),
        f"it prints {out[:80]!r} before it fails": code == 2 and out != "",
        f"changed {changed}": any(
            name.split("/")[0] != "keyfolder" or "--append" not in words for name in changed
        ),
        f"left {new}": bool(new) and (code == 2 or any(name.split("/")[0].startswith(".") for name in new)),
        "a control character reaches the terminal": any(c in out + err for c in "\x1b\x07\x00\u202e"),
    }
    said = "; ".join(what for what, holds in wrong.items() if holds)
    return said and f"{number}: {' '.join(words)[:300]!a}: {said} | {err[-300:]}"


def _too_slow(_signal, _frame):
    raise TimeoutError(f"took more than {_SECONDS} seconds")


def test_what_is_spoiled_works_before(good, tmp_path, monkeypatch, capsys):
    for line in COMMANDS:
        folder = tmp_path / "case"
        shutil.copytree(good, folder)
        monkeypatch.chdir(folder)
        assert app.run(line.split()) < 2, f"{line}: {capsys.readouterr().err}"
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(folder)


@pytest.mark.parametrize("part", range(SLICES))
def test_bad_input_works_or_is_one_line(part, good, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    signal.signal(signal.SIGALRM, _too_slow)
    wrong = []
    for number in range(part, COUNT, SLICES):
        folder = tmp_path / "case"
        shutil.copytree(good, folder)
        monkeypatch.chdir(folder)
        signal.alarm(_SECONDS)
        try:
            wrong.append(verdict(number, folder, capsys))
        except Exception as error:  # whatever it is, it is not foreseen
            wrong.append(f"{number}: {error!r}")
        finally:
            signal.alarm(0)
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(folder)
    assert not any(wrong), "\n".join(filter(None, wrong))


PLAIN = b"id,name\n" + b"".join(b"%d,blue chair %d\n" % (i, i) for i in range(500))
LINES = b"".join(b'{"id": %d, "name": "blue %d"}\n' % (i, i) for i in range(50))
DAMAGED = "is a damaged gzip file"
zipped = partial(gzip.compress, mtime=0)  # the same bytes, and so the same tests, in every process


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("t.csv.gz", zipped(PLAIN)[:-40], DAMAGED),
        ("t.csv.gz", zipped(PLAIN)[:12], DAMAGED),
        ("t.csv.gz", zipped(PLAIN)[:-8] + b"12345678", DAMAGED),
        ("t.csv.gz", zipped(PLAIN) + b"rubbish", DAMAGED),
        ("t.csv.gz", zipped(zipped(PLAIN)), "is not utf-8"),
        ("t.csv.gz", zipped(bytes(20 << 20)), "holds NUL bytes"),
        ("t.csv.gz", zipped(b""), "is empty"),
        ("t.jsonl.gz", zipped(LINES)[:-30], DAMAGED),
        ("t.jsonl", LINES + b'{"id": 51, "name": "x\n' + LINES, "t.jsonl, line 51: expected a JSON object"),
        ("t.jsonl", LINES + b'{"id": 51, "na', "t.jsonl, line 51: expected a JSON object"),
        ("t.jsonl", b'{"id: 1}\n' + LINES, "t.jsonl, line 1: expected a JSON object"),
        ("t.jsonl", b'[{"id": 1, "name": "a"}]\n', "t.jsonl, line 1: expected a JSON object, found list"),
        ("t.jsonl", b'{\n"id": 1,\n"name": "a"\n}\n', "t.jsonl, line 1: expected a JSON object"),
        ("t.jsonl", b'{"id": 1, "n": "\\ud800"}\n{"id": "b", "n": NaN}\n', "line 1: expected a JSON object"),
        ("t.jsonl", b"null\n", "t.jsonl, line 1: expected a JSON object, found NoneType"),
        ("t.jsonl", b"{}\n{}\n", "has no columns"),
        ("t.jsonl", b"\n\n", "is empty"),
        ("t.jsonl", b'{"id": 1, "name": ' + b"[" * 9000 + b"]" * 9000 + b"}\n", "t.jsonl, line 1: expected"),
        ("t.jsonl", b'{"id": 1, "name": ' + b"9" * 5000 + b"}\n", "t.jsonl, line 1: expected a JSON object"),
        ("t.jsonl", '{"id": 1, "name": "\u00e9"}\n'.encode("latin-1"), "is not utf-8: line 1"),
        ("t.jsonl", '{"id": 1, "name": "a"}\n'.encode("utf-16"), "is UTF-16, not utf-8"),
        ("t.xlsx", b"", "cannot be read as Excel"),
        ("t.xlsx", b"no archive", "cannot be read as Excel"),
        ("t.xlsx", b"PK\x03\x04" + bytes(40), "cannot be read as Excel"),
        ("t.parquet", b"PAR1" + bytes(40) + b"PAR1", "cannot be read"),
    ],
)
def test_a_hostile_file_is_one_line(name, data, complaint, tmp_path, monkeypatch, capsys):
    if name.endswith("xlsx"):
        pytest.importorskip("fastexcel")
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    _is_one_line(name, complaint, capsys)


def _is_one_line(name, complaint, capsys):
    for command in (f"block {name} -o p.csv", f"show {name} --left {name}"):
        assert app.run(command.split()) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n"), complaint in err) == ("", 1, True), err
    assert sorted(Path().iterdir()) == [Path(name)]


@pytest.mark.parametrize(
    ("sheet", "complaint"),
    [
        (([], ""), "has no rows (its columns: id, name)"),
        (([("1", "a"), ("1", "b")], ""), "each id must be in one row only"),
        (([("1", "a"), (None, "b")], ""), "the id is missing in row 2"),
        (([("1", "a")], '<row r="9"><c r="A9" t="inlineStr"><is><t>'), "cannot be read as Excel"),
        (([("1", "a")], '<row><c r="XFD1048576"><v>1</v></c></row>'), "cells that are far apart"),
    ],
)
def test_a_hostile_workbook_is_one_line(sheet, complaint, write_excel, tmp_path, monkeypatch, capsys):
    pytest.importorskip("fastexcel")
    monkeypatch.chdir(tmp_path)
    frame = pl.DataFrame(sheet[0], schema={"id": pl.String, "name": pl.String}, orient="row")
    write_excel(frame, "t.xlsx", sheet[1])
    _is_one_line("t.xlsx", complaint, capsys)


def test_values_of_any_kinds_in_json_lines_are_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    odd = [1, "x", 3.5, {"a": [1]}, None, True, [], "\u00e9", float("nan")]
    rows = [{"id": i if i % 2 else f"k{i}", "name": value} for i, value in enumerate(odd)]
    Path("t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    assert app.run(["block", "t.jsonl", "-o", "p.csv"]) == 0, capsys.readouterr().err


def test_a_closed_standard_input_is_one_line(tmp_path):
    code = "from erblock.cli.app import main; main()"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-P", "-c", code, "block", "-", "-o", "p.csv"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: -: expected a table on standard input, found none")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        "block left.csv right.csv -o p.csv",
        "plan left.csv right.csv",
        "why l1 r1 left.csv right.csv",
        "fit left.csv right.csv --method minhash -o m",
        "match left.csv right.csv -p pairs.csv -o p.csv",
        "keys left.csv --model model -o k",
        "distill model left.csv -o m",
    ],
)
def test_a_device_that_is_none_is_one_line_whatever_the_method(command, good, monkeypatch, capsys):
    monkeypatch.chdir(good)
    before = contents(good)
    assert app.run([*command.split(), "--device", "nope"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: --device: expected auto, cpu, cuda, cuda:1 or mps, found 'nope'\n")
    assert contents(good) == before
