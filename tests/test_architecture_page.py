"""The architecture page says what the code is: its picture, its folders, and the files that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def layers():
    """The layers of tests/test_architecture.py, top to bottom."""
    code = (ROOT / "tests" / "test_architecture.py").read_text(encoding="utf-8")
    found = re.search(r"^LAYERS = \((.*?)^\)", code, re.MULTILINE | re.DOTALL)
    return [set(re.findall(r'"(\w+)"', line)) for line in found[1].strip().splitlines()]


def page():
    return PAGE.read_text(encoding="utf-8")


def test_the_picture_shows_the_layers_that_the_imports_keep():
    shown = [set(re.findall(r"\[(\w+)\](?!\()", line)) for line in page().splitlines()]
    assert [layer for layer in shown if layer] == [layer for layer in layers() if "__init__" not in layer]


def test_every_folder_of_the_package_is_described():
    folders = {path.parent.name for path in (ROOT / "erblock").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", page(), re.MULTILINE)) == folders


@pytest.mark.parametrize("path", [PAGE, CONTRIBUTING], ids=lambda path: path.name)
def test_files_and_names_that_a_page_names_are_there(path):
    text = path.read_text(encoding="utf-8")
    for file, name in re.findall(r"`((?:erblock|tests|docs|examples)/[\w./-]*)`(?:, `(\w+)`)?", text):
        assert (ROOT / file).exists(), f"{path.name} names {file}"
        if name:
            code = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(def|class) {name}\b|^{name}\b.* =", code, re.MULTILINE), f"{name} in {file}"


def decisions():
    return {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}


def test_every_decision_that_is_named_is_there():
    pages = [ROOT / "README.md", CONTRIBUTING, *(ROOT / "docs").rglob("*.md")]
    for source in [*pages, *(ROOT / "erblock").rglob("*.py")]:
        for name in re.findall(r"decisions/(\d{3}[\w-]*\.md)", source.read_text(encoding="utf-8")):
            assert name in decisions(), f"{source.relative_to(ROOT)} names {name}"


def test_the_index_lists_every_decision_once_with_its_title():
    index = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\d+)\]\(([^)]+)\) \| ([^|]+?) \|", index, re.MULTILINE)
    assert sorted(name for _, name, _ in listed) == sorted(decisions())
    for number, name, title in listed:
        text = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8")
        assert name.startswith(number)
        assert text.startswith(f"# {int(number)}. {title}\n")


def test_a_decision_says_where_it_came_from_and_what_was_decided():
    for name in decisions():
        text = (ROOT / "docs" / "decisions" / name).read_text(encoding="utf-8")
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings[:2] == ["Context", "Decision"], name
        assert headings[2:] in ([], ["Measured"], ["Consequences"], ["Measured", "Consequences"]), name
