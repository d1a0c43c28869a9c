"""`erblock` as a process: the streams it is given, the folder it works in."""

import os
import subprocess
import sys

import pytest

ERBLOCK = [sys.executable, "-P", "-c", "from erblock.cli.app import main; main()"]
SHOW = [*ERBLOCK, "rules", "show"]


def test_a_terminal_that_knows_ascii_alone_is_shown_escapes(tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*ERBLOCK, "block", "caf\u00e9.csv"], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, b"error: no such file: caf\\xe9.csv\n")


def test_a_pipe_that_is_closed_ends_the_run_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(SHOW, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(SHOW, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device")
def test_a_device_is_neither_written_over_nor_waited_for(tmp_path):
    (tmp_path / "a.csv").symlink_to("/dev/zero")
    done = subprocess.run(
        [*ERBLOCK, "block", "a.csv"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "a.csv is not a regular file" in done.stderr


def test_plan_imports_nothing_from_the_working_folder(tmp_path):
    rows = "".join(f"{i},blue chair {i % 40} of oak {i}\n" for i in range(120))
    (tmp_path / "t.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
    for name in ("polars", "random", "json", "erblock", "sitecustomize", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')", encoding="utf-8")
    command = [*ERBLOCK, "plan", "t.csv", "--seconds", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
