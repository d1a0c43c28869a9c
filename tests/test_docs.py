"""What the documentation shows: Python is run, commands are understood."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from erblock.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app)


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def commands():
    for page in PAGES:
        for block in blocks(page, "console"):
            for line in block.replace("\\\n", "").splitlines():
                if line.startswith("$ erblock "):
                    yield pytest.param(line.removeprefix("$ erblock "), id=f"{page.name}: {line[2:60]}")


def python_pages():
    """Pages with Python, but those whose blocks `test_docs_run` runs between their commands."""
    return [page for page in PAGES if blocks(page, "python") and page.parent.name != "how-to"]


@pytest.mark.parametrize("page", python_pages(), ids=lambda page: page.name)
def test_python_of_a_page_runs_from_its_first_line_to_its_last(page, products, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("shop_a", "shop_b"), products(90), strict=True):
        table.write_csv(f"{name}.csv")
    rows = "".join(f"l{i},r{i}\n" for i in range(90))
    Path("known_matches.csv").write_text(f"left_id,right_id\n{rows}", encoding="utf-8")
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, str(page), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("line", list(commands()))
def test_every_command_that_is_shown_is_understood(line):
    arguments = shlex.split(line, comments=True)
    arguments = arguments[: arguments.index(">")] if ">" in arguments else arguments
    command, context = COMMANDS, typer.Context(COMMANDS, info_name="erblock")
    while hasattr(command, "resolve_command"):
        _, command, arguments = command.resolve_command(context, arguments)
    command.make_context("erblock", arguments)  # parses, and raises what the command line would say


def sections(page):
    """The text below each heading of the second level, by its heading."""
    return dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))


def test_the_page_of_commands_holds_every_command_and_every_option():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert page == generate["with_commands"](page), "run: python docs/generate.py"
    told = sections(page)
    for name, command in generate["commands_of"](COMMANDS):
        options = {option for each in command.params for option in each.opts if option.startswith("-")}
        everywhere = {"-q", "--quiet", "-v", "--verbose"} if name != "erblock" else set()
        assert {option for option in options - everywhere if f"`{option}`" not in told[name]} == set(), name


def test_the_site_is_built_without_a_warning_and_asks_nothing_of_the_network(tmp_path):
    pytest.importorskip("material", reason="the site needs the extra docs")
    site, config = tmp_path / "site", ROOT / ".ci" / "mkdocs.yml"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "-f", str(config), "-d", str(site)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe)[^>]*?(?:src|href)=\"?(\w+:)?//", page.read_text("utf-8")
        )
        assert not loaded, page.name
