"""Tables with known matches and their candidates, for `erblock match`."""

import shutil

import polars as pl
import pytest

from erblock.cli import app

SIZE = 90
ALONE = 20
TABLES = ("left.csv", "right.csv")


@pytest.fixture(scope="module")
def blocked(products, tmp_path_factory):
    """Two tables of which the last records have no match, their candidates, and the same as one table."""
    folder = tmp_path_factory.mktemp("blocked")
    left, right = products(SIZE + ALONE)
    left, right = left[: SIZE + ALONE // 2], right[:SIZE].vstack(right[SIZE + ALONE // 2 :])
    tables = {"left": left, "right": right, "both": pl.concat([left, right])}
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    paths = [str(folder / name) for name in TABLES]
    assert app.run(["block", *paths, "-o", str(folder / "pairs.parquet")]) == 0
    assert app.run(["block", str(folder / "both.csv"), "-o", str(folder / "pairs1.parquet")]) == 0
    return folder


@pytest.fixture
def match_folder(blocked, tmp_path, monkeypatch):
    """A copy of all that, as the current folder."""
    shutil.copytree(blocked, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path
