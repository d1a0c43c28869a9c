"""The sample tables are what their generator writes, and fit together."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from erblock.config import load_config
from erblock.pipeline.asked import asked_steps
from erblock.tables.read import read_tables

SAMPLES = Path(__file__).parents[1] / "data_samples"
TABLES = sorted(SAMPLES.glob("*.csv"))


def read(name):
    return pl.read_csv(SAMPLES / name, infer_schema=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, SAMPLES / "generate.py", folder], check=True)
    return folder


def test_the_generator_writes_these_files_and_no_other(made):
    assert len(TABLES) == 5
    assert [path.name for path in sorted(made.iterdir())] == [path.name for path in TABLES]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_committed_files_are_what_the_generator_writes(path, made):
    assert (made / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("gold", "left", "right"),
    [
        ("products_gold.csv", "products_left.csv", "products_right.csv"),
        ("people_gold.csv", "people.csv", "people.csv"),
    ],
)
def test_gold_names_records_of_the_tables_once(gold, left, right):
    pairs = read(gold)
    assert pairs.height > 500
    assert not pairs.is_duplicated().any()
    assert pairs["left_id"].is_in(read(left)["id"].implode()).all()
    assert pairs["right_id"].is_in(read(right)["id"].implode()).all()


def test_people_gold_is_closed_and_without_self_pairs():
    pairs = set(read("people_gold.csv").rows())
    assert all(a < b for a, b in pairs)
    assert all((b, d) in pairs for a, b in pairs for c, d in pairs if a == c and b < d)


def test_products_have_what_makes_them_hard():
    left, right, gold = (read(f"products_{name}.csv") for name in ("left", "right", "gold"))
    assert gold["left_id"].n_unique() < gold.height < left.height
    assert gold["right_id"].n_unique() < right.height
    for table in (left, right):
        assert 900 <= table.height <= 1100
        assert 0.4 < table["price"].null_count() / table.height < 0.6


@pytest.mark.parametrize("name", ["erblock.toml", "people.toml"])
def test_settings_fit_the_tables(name):
    config = load_config(SAMPLES / name, {})
    tables = read_tables(config.tables)
    assert tables.dedup == (name == "people.toml")
    assert len(tables.columns) >= 4
    assert 3 <= len(config.rules.match + config.rules.conflict) <= 5


def test_the_products_go_from_rules_to_a_report_in_one_run():
    assert asked_steps(load_config(SAMPLES / "erblock.toml", {})) == ("fit", "block", "match", "report")
