"""Files and folders that are written whole, by one run at a time."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from erblock.errors import OutputError
from erblock.tables import writing
from erblock.tables.writing import check_writable, locked, together, whole_file, whole_folder, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("swaps", [True, False])
def test_an_older_folder_stays_until_the_new_one_stands(swaps, tmp_path, monkeypatch):
    if not swaps:
        monkeypatch.setattr(writing, "_exchanged", lambda *_: False)
    for content in ("old", "new"):
        with whole_folder(tmp_path / "deep" / "it") as folder:
            (folder / "a").write_text(content)
            if content == "new":
                assert (tmp_path / "deep" / "it" / "a").read_text() == "old"
    assert (tmp_path / "deep" / "it" / "a").read_text() == "new"
    assert names(tmp_path / "deep") == ["it"]


def test_what_fails_leaves_what_was_there_and_nothing_else(tmp_path):
    write_text(tmp_path / "file", "old")
    with pytest.raises(OutputError, match="file cannot be written: full"), whole_file(tmp_path / "file"):
        raise OSError("full")
    with pytest.raises(ValueError, match="bug"), whole_folder(tmp_path / "new" / "folder"):
        raise ValueError("bug")
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def write_two(folder, fails):
    with together():
        write_text(folder / "a", "new")
        with whole_file(folder / "deep" / "b") as beside:
            if fails:
                raise OSError("full")
            beside.write_text("new")
        assert (folder / "a").read_text() == "old"


def test_files_that_belong_together_appear_together_or_not_at_all(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(OutputError, match="b cannot be written: full"):
        write_two(tmp_path, fails=True)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]
    write_two(tmp_path, fails=False)
    assert [(tmp_path / name).read_text() for name in ("a", "deep/b")] == ["new", "new"]
    assert names(tmp_path) == ["a", "deep"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path):
    (tmp_path / ".it.0123abcd").mkdir()
    (tmp_path / ".it.0123abcd" / "x").write_text("x")
    (tmp_path / ".it.fedc0000").write_text("x")
    (tmp_path / ".it.lock").write_text("")
    for kept in (".it.mine", ".item.0123abcd", "it.0123abcd"):
        (tmp_path / kept).write_text("x")
    write_text(tmp_path / "it", "new")
    assert names(tmp_path) == [".it.mine", ".item.0123abcd", "it", "it.0123abcd"]


def test_one_run_at_a_time(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from erblock.tables.writing import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "it")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another erblock is writing to it"), locked(tmp_path / "it"):
            pass
        other.kill()
    with locked(tmp_path / "it"), locked(tmp_path / "it"):
        pass
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_known_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"--output .*x: expected .*file to be a folder, found a file"):
        check_writable(tmp_path / "file" / "x", "--output")
    with pytest.raises(OutputError, match=r"--output .* cannot be written: .*too long"):
        check_writable(tmp_path / ("x" * 300) / "y", "--output")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=r"--output .*: the folder .* is read-only for you"):
        check_writable(tmp_path / "x", "--output")


def test_waiting_for_another_file_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_PATIENCE", 0.2)
    begun = time.monotonic()
    lock = writing.FileLock(tmp_path / ".it.lock")
    with lock, pytest.raises(OutputError, match="wait until it is done"):
        write_text(tmp_path / "it", "x")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("path", ["", ".", "/", "..", "here/.."])
def test_the_current_folder_is_no_name(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(OutputError, match="expected a name, found the current folder or one above it"):
        check_writable(Path(path), "--output")
