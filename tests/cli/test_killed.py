"""Commands that are killed: what was there stays until the new one stands, and the next run is as any other.

A run dies (SIGKILL) before a call that opens a file to write, renames, removes or makes something in the
working folder. One such call of each command is drawn; ERBLOCK_KILLS=20 draws 20 of each, "all" takes all.
"""

import hashlib
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from erblock.cli import app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="knows no SIGKILL")

SIZE = 60
KILLS = os.environ.get("ERBLOCK_KILLS", "1")
TRACES = re.compile(r"\..*\.([0-9a-f]{8}|lock|checkpoint)")

DYING = """
import os, signal, sys
from erblock.cli import app

here, last, calls = os.getcwd(), int(sys.argv[1]), 0


def watch(event, given):
    global calls
    if event == "open":
        told = given[0] if isinstance(given[0], str) and given[2] & (os.O_WRONLY | os.O_RDWR) else None
    elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
        told = given[0]
    else:  # two folders are exchanged by a function of the C library
        told = here if event == "ctypes.dlsym" and given[1] == "renameat2" else None
    if told is not None and os.path.abspath(os.fsdecode(told)).startswith(here):
        calls += 1
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(watch)
code = app.run(sys.argv[2:])
print(calls, file=sys.stderr)
sys.exit(code)
"""

TINY_RUN = ["--device", "cpu", "--precision", "float32"]
MATCH = ["match", "left.csv", "right.csv", "--pairs", "pairs.parquet"]
EVALUATE = ["evaluate", "pairs.parquet", "--gold", "gold.csv", "--left", "left.csv", "--right", "right.csv"]
TABLES = ["--left", "left.csv", "--right", "right.csv"]
CHECK = ["check", "pairs.parquet", *TABLES, "--max-pairs", "9999"]
FIT = ["fit", "left.csv", "right.csv"]

COMMANDS = {
    "block": (
        ["block", "left.csv", "right.csv", "--max-pairs", "70", "--audit", "10", "-o", "out.parquet"],
        "out.parquet",
    ),
    "block to CSV": (["block", "left.csv", "right.csv", "-o", "out.csv"], "out.csv"),
    "keys": (["keys", "left.csv", "--model", "model", "-o", "new"], "new"),
    "keys --append": (["keys", "right.csv", "--model", "model", "-o", "stored", "--append"], "stored"),
    "fit": ([*FIT, "--method", "minhash", "--seed", "1", "--force", "-o", "model"], "model"),
    "fit neural": (
        [*FIT, "--encoder", "TINY", "--max-steps", "1", *TINY_RUN, "--seed", "1", "--force", "-o", "neural"],
        "neural",
    ),
    "distill": (
        ["distill", "neural", "left.csv", "right.csv", "--device", "cpu", "--force", "-o", "student"],
        "student",
    ),
    "match": ([*MATCH, "-o", "m.parquet", "--clusters", "c.csv", "--save", "saved"], "m.parquet c.csv saved"),
    "match plm": (
        [*MATCH, "--matcher", "plm", "--model", "neural", "--no-fine-tune", *TINY_RUN, "-o", "m.parquet"],
        "m.parquet",
    ),
    "label": ([*MATCH, "--label-only", "--labels", "labels.csv"], "labels.csv"),
    "init": (["init", "left.csv", "right.csv", "--force", "-o", "erblock.toml"], "erblock.toml"),
    "evaluate": (
        [*EVALUATE, "--csv", "figures.csv", "--curve", "curve.csv"],
        "figures.csv curve.csv",
    ),
    "show": (["show", "pairs.parquet", *TABLES, "-o", "rows.csv"], "rows.csv"),
    "check": ([*CHECK, "--junit", "report.xml"], "report.xml"),
    "diff": (["diff", "few.parquet", "pairs.parquet", *TABLES, "-o", "changed.csv"], "changed.csv"),
    "run": (["run", "job.toml", "-o", "job"], "job/pairs.parquet job/matches.parquet"),
}


@pytest.fixture(scope="module")
def start(products, tiny, tmp_path_factory):
    """A folder in which every command works and every output is there already, from other settings."""
    folder = tmp_path_factory.mktemp("start")
    before = os.getcwd()
    os.chdir(folder)
    try:
        _prepare(folder, products, tiny)
    finally:
        os.chdir(before)
    return folder


def _prepare(folder, products, tiny):
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(f"{name}.csv")
    gold = [f"l{i},r{i}" for i in range(SIZE)]
    (folder / "gold.csv").write_text("\n".join(["left_id,right_id", *gold]), encoding="utf-8")
    (folder / "job.toml").write_text('[tables]\nleft = "left.csv"\nright = "right.csv"\n', encoding="utf-8")
    few = ["block", "left.csv", "right.csv", "--max-pairs", "20", "-o"]
    for command in (
        ["block", "left.csv", "right.csv", "-o", "pairs.parquet"],
        *([*few, name] for name in ("few.parquet", "out.parquet", "out.csv")),
        [*FIT, "--method", "minhash", "-o", "model"],
        ["keys", "left.csv", "--model", "model", "-o", "stored"],
        [*FIT, "--encoder", str(tiny), "--max-steps", "0", *TINY_RUN, "-o", "neural"],
        ["distill", "neural", "left.csv", "right.csv", "--device", "cpu", "-o", "student"],
    ):
        assert app.run(command) == 0, command
    for name in (
        "figures.csv",
        "curve.csv",
        "rows.csv",
        "report.xml",
        "changed.csv",
        "c.csv",
        "erblock.toml",
    ):
        (folder / name).write_text("# old\n", encoding="utf-8")


def digest(path):
    """A digest of a file, or of each file of a folder, beside what a killed run has left; None of nothing."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return {str(file): digest(file) for file in files if not TRACES.fullmatch(file.name)}
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def states(names):
    """The digest of every output."""
    return {name: digest(Path(name)) for name in names.split()}


def traces(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if TRACES.fullmatch(path.name))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_old_or_new_and_the_next_run_is_as_any_other(name, start, tiny, tmp_path, monkeypatch, capfd):
    given, outputs = COMMANDS[name]
    arguments = [str(tiny) if argument == "TINY" else argument for argument in given]

    def fresh(label):
        shutil.copytree(start, tmp_path / label)
        monkeypatch.chdir(tmp_path / label)
        return states(outputs)

    def run(last):
        command = [sys.executable, "-c", DYING, str(last), *arguments]
        return subprocess.run(command, input="y\nn\n", capture_output=True, text=True, check=False)

    old = fresh("undisturbed")
    done = run(0)
    assert done.returncode == 0, done.stderr
    new, calls = states(outputs), int(done.stderr.split()[-1])
    whole = Path("labels.csv").read_bytes() if name == "label" else b""
    assert traces(tmp_path / "undisturbed") == []
    every = range(1, calls + 1)
    for last in every if KILLS == "all" else random.Random(name).sample(every, min(int(KILLS), calls)):
        assert fresh(str(last)) == old
        assert run(last).returncode == -signal.SIGKILL
        monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n"))
        if name == "label":  # a file that grows answer by answer
            labels = Path("labels.csv")
            assert whole.startswith(labels.read_bytes() if labels.exists() else b"")
            assert app.run(arguments) == 0
            continue
        for path, found in states(outputs).items():
            assert found in (old.get(path), new.get(path)), (path, last)
        if name in ("keys", "keys --append") and states(outputs) == new:
            continue  # the same records again, or a folder that is there, are refused
        assert app.run(arguments) == 0, capfd.readouterr().err
        assert states(outputs) == new, last
        assert traces(tmp_path / str(last)) == [], last
        shutil.rmtree(tmp_path / str(last))
