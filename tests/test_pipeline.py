"""The stages in order, called as a library; and what a bare installation can do."""

import subprocess
import sys

import polars as pl
import pytest

from erblock.config import load_config
from erblock.errors import ConfigError, ModelError, TableError
from erblock.pipeline import block, inputs, model

SIZE = 60

# Packages of the extras cannot be found, as if they had not been installed.
BARE = """
import sys
from importlib.machinery import PathFinder

ABSENT = {"torch", "transformers", "sentence_transformers", "pyspark"}

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ABSENT else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Bare
import erblock
from erblock.cli.app import run
code = run(sys.argv[1:])
assert not ABSENT & set(sys.modules)
sys.exit(code)
"""


@pytest.fixture
def folder(products, tmp_path, monkeypatch, rules_file):
    monkeypatch.chdir(tmp_path)
    for name, table in zip(("left", "right"), products(SIZE), strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    rules_file(tmp_path)
    return tmp_path


def bare(*arguments):
    return subprocess.run(
        [sys.executable, "-c", BARE, *arguments], capture_output=True, text=True, check=False
    )


def test_without_the_extras_minhash_blocks(folder):
    done = bare("block", "left.csv", "right.csv", "-o", "pairs.csv")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (folder / "pairs.csv").is_file()


def test_without_the_extras_minhash_is_fitted_and_blocks(folder):
    done = bare("fit", "left.csv", "right.csv", "--method", "minhash", "-o", "model")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    done = bare("block", "left.csv", "right.csv", "--model", "model", "-o", "pairs.csv")
    assert done.returncode == 0
    assert (folder / "pairs.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [("fit", "-o", "model"), ("block", "left.csv", "right.csv", "--model", "{model}", "-o", "pairs.csv")],
)
def test_without_the_extras_what_needs_them_says_what_to_install(arguments, folder, fitted_model):
    done = bare(*(argument.format(model=fitted_model) for argument in arguments))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "pip install 'erblock[neural]'" in done.stderr
    assert not (folder / "model").exists()
    assert not (folder / "pairs.csv").exists()


def test_fit_asks_for_the_extras_before_it_works(folder):
    done = bare("fit", "-o", "model")
    assert "label pairs" not in done.stderr


def test_block_reports_what_it_did(folder):
    report = block.block(load_config(None, {"block": {"output": "pairs.parquet", "max_pairs": 90}}))
    frame = pl.read_parquet("pairs.parquet")
    assert report.pairs == frame.height == 90
    assert report.cross_product == SIZE * SIZE
    assert report.join.distinct >= 90
    assert report.uncovered == (SIZE - frame["left_id"].n_unique(), SIZE - frame["right_id"].n_unique())


def test_in_one_table_a_record_is_covered_on_either_side(folder):
    report = block.block(load_config(None, {"tables": {"left": "left.csv"}, "block": {"max_pairs": 5}}))
    frame = pl.read_parquet("pairs.parquet")
    covered = set(frame["left_id"]) | set(frame["right_id"])
    assert report.uncovered == (SIZE - len(covered),)
    assert report.cross_product == SIZE * (SIZE - 1) // 2


def test_progress_is_told_stage_by_stage(folder):
    told = []
    block.block(load_config(None, {}), lambda *what: told.append(what))
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == ["read", "prepare", "hash", "join", "learn", "compare", "rank"]
    assert all((stage, total) in {(s, d) for s, d, t in told if d == t} for stage, _, total in told[1:])
    assert all(0 <= done <= total for _, done, total in told)


def test_tables_are_opened_in_the_order_of_their_ids(folder):
    pl.read_csv("left.csv").reverse().write_csv("left.csv")
    tables = inputs.open_tables(load_config(None, {}))
    assert tables.left.frame["id"].is_sorted()


def test_mistakes_are_found_before_a_model_is_loaded(folder, fitted_model, monkeypatch):
    def forbidden(*_):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(model, "load_model", forbidden)
    options = {"method": "neural", "model": str(fitted_model), "output": "pairs.xlsx"}
    with pytest.raises(TableError, match="--output"):
        block.block(load_config(None, {"block": options}))


def test_the_neural_method_needs_a_model(folder):
    with pytest.raises(ConfigError, match="fit one with 'erblock fit', then --model FOLDER"):
        block.block(load_config(None, {"block": {"method": "neural"}}))
    with pytest.raises(ModelError, match=r"found no manifest\.json"):
        block.block(load_config(None, {"block": {"method": "neural", "model": "left.csv"}}))
