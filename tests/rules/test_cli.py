"""`erblock rules` from the command line."""

import json

import pytest
from typer.testing import CliRunner

from erblock.cli.rules import app
from erblock.errors import RuleError
from erblock.similarity import VOCABULARY

CONFIG = """
[tables]
left = "left.csv"
right = "right.csv"
[rules]
match = ["token_set_ratio(name) >= {}"]
conflict = ["relative_difference(price) > 0.5"]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "left.csv").write_text("id,name,price\n1,red chair,10\n2,blue table,20\n", encoding="utf-8")
    (tmp_path / "right.csv").write_text("id,name,price\na,chair red,10\nb,green lamp,9\n", encoding="utf-8")
    (tmp_path / "erblock.toml").write_text(CONFIG.format(90), encoding="utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_check_prints_counts_and_pairs(folder):
    result = run("check", "--config", folder / "erblock.toml")
    assert result.exit_code == 0
    assert "4 pairs: 1 similar, 3 dissimilar, 0 unknown" in result.output
    assert "borderline: similar" in result.output
    assert "red chair" in result.output


def test_check_json(folder):
    tables = (folder / "left.csv", folder / "right.csv")
    result = run("check", *tables, "--config", folder / "erblock.toml", "--json", "--show", 0)
    found = json.loads(result.output)
    assert (found["pairs"], found["positives"], found["borderline"]) == (4, 1, [])
    assert found["rules"][0]["name"] == "match rule 1"


def test_a_wrong_rule_is_an_error(folder):
    (folder / "erblock.toml").write_text(CONFIG.format(0.9), encoding="utf-8")
    with pytest.raises(RuleError, match="goes from 0 to 100"):
        run("check", "--config", folder / "erblock.toml")


def test_show_lists_every_function():
    output = run("show").output
    assert all(f"{name}(column" in output for name in VOCABULARY)
