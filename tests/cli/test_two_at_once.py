"""Two runs that write to one place at once: one is done after the other, or says that the place is taken."""

import subprocess
import sys

import polars as pl
import pytest

from erblock.cli import app

ERBLOCK = [sys.executable, "-P", "-c", "from erblock.cli.app import main; main()"]
MATCH = ["match", "left.csv", "right.csv", "--pairs", "pairs.parquet", "-o", "m.parquet", "--save", "saved"]
FIT = ["fit", "left.csv", "right.csv", "--method", "minhash", "--force", "-o", "model"]
BLOCK = ["block", "left.csv", "right.csv", "--model", "model", "-o", "pairs.parquet"]


@pytest.fixture
def folder(products, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("left", "right"), products(60), strict=True):
        table.write_csv(f"{name}.csv")
    for part in range(2):
        pl.read_csv("right.csv")[30 * part : 30 * (part + 1)].write_csv(f"part{part}.csv")
    for command in (FIT, BLOCK, ["keys", "left.csv", "--model", "model", "-o", "stored"]):
        assert app.run(command) == 0
    return tmp_path


def both(*commands):
    """The exit codes of two runs at once, none of which may say more than that the place is taken."""
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen([*ERBLOCK, *command], **streams) for command in commands]
    said = [run.communicate()[1] for run in runs]
    codes = [run.returncode for run in runs]
    for code, text in zip(codes, said, strict=True):
        assert code == 0 or (code == 2 and "another erblock is writing to it" in text), text
    assert 0 in codes
    return codes


@pytest.mark.slow
@pytest.mark.parametrize("command", [BLOCK, FIT, MATCH], ids=lambda command: command[0])
def test_what_stands_then_is_whole(command, folder):
    both(command, command)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert app.run(BLOCK) == 0
    if command is MATCH:
        assert app.run([*MATCH[:5], "--use", "saved", "-o", "again.parquet"]) == 0


@pytest.mark.slow
def test_no_append_is_lost(folder):
    codes = both(
        *(["keys", f"part{n}.csv", "--model", "model", "-o", "stored", "--append"] for n in range(2))
    )
    stored = pl.concat([pl.read_parquet(part / "records.parquet") for part in (folder / "stored").glob("0*")])
    assert stored["id"].n_unique() == stored.height == 60 + 30 * codes.count(0)
    assert app.run(["block", "stored", "right.csv", "--model", "model", "-o", "out.parquet"]) == 0
