"""What the how-to pages show: every command is run, and prints what the page says that it prints."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from erblock.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [DOCS / "quickstart.md", DOCS / "troubleshooting.md", *sorted((DOCS / "how-to").glob("*.md"))]
FENCE = re.compile(r'^```(\w+)(?: title="(.*?)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"pip install|git clone|spark://|mkdir try|cp data_samples|cd try")
"""What installs packages or needs a cluster, and the copy of the samples, which the test has made."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pages are for a POSIX shell")


def steps(block):
    """Yield each command of a console block, with the lines that it prints."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *printed = step.replace("\\\n", "").splitlines()
        if not NOT_RUN.search(command):
            yield command, printed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the sample tables as the current folder, and `erblock` on the path of a shell."""
    for table in (ROOT / "data_samples").glob("*.csv"):
        shutil.copy(table, tmp_path)
    stub = tmp_path / "bin" / "erblock"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m erblock "$@"\n', encoding="utf-8")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command):
    """Return the exit code of a command and all that it printed; erblock alone needs no new process."""
    words = shlex.split(command, comments=True)
    if words[0] != "erblock" or {"|", ">", "<"} & {*words}:
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    printed = StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = app.run(words[1:])
    return code, printed.getvalue()


def masked(line):
    """A line without its numbers and the width of its columns, which may change with the method."""
    return re.sub(r"\d[\d,.]*", "N", " ".join(line.split()))


def check(command, printed):
    """Run a command of a page and hold what it prints against the page: "..." stands for anything."""
    code, output = run(command)
    failed = "exit code 1" in command
    expected = 2 if any(line.startswith("error:") for line in printed) else int(failed)
    assert code == expected, f"{command}\n{output}"
    found = iter([masked(line) for line in output.splitlines()])
    for line in map(masked, printed):
        told = line.removesuffix("...").rstrip()
        assert any(each.startswith(told) for each in found), f"{command} prints no '{line}' here:\n{output}"


def page_parameter(page):
    return pytest.param(page, marks=[pytest.mark.spark] if page.stem == "spark" else [], id=page.stem)


@pytest.mark.parametrize("page", [page_parameter(page) for page in PAGES])
def test_every_command_of_a_page_does_what_the_page_says(page, folder):
    names = {"__name__": "__main__"}
    for language, title, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if title:
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, str(page), "exec"), names)
        elif language == "console":
            for command, printed in steps(text):
                check(command, printed)
