"""The model of Fellegi and Sunter, fitted without labels."""

import numpy as np
import polars as pl
import pytest

from erblock.comparison.columns import compared_columns
from erblock.comparison.independence import fit_independence
from erblock.comparison.vectors import Comparison
from erblock.config import load_config
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.pipeline.inputs import open_tables

WEIGHTS = np.ones(1 << FEATURE_BITS, dtype=np.float32)


@pytest.fixture
def comparison(tmp_path):
    """Make the comparison of the records of one table, or two."""

    def made(*tables):
        for name, table in zip(("left", "right"), tables, strict=False):
            table.write_csv(tmp_path / f"{name}.csv")
        paths = {name: str(tmp_path / f"{name}.csv") for name in ("left", "right")[: len(tables)]}
        opened = open_tables(load_config(None, {"tables": paths}))
        return Comparison(opened, compared_columns(opened), WEIGHTS)

    return made


def same_name(table):
    """Pairs of rows, in the order of ids, of people of one name."""
    names = table.sort("id").with_row_index("row").select("row", name=pl.col("first") + pl.col("last"))
    pairs = names.join(names, on="name").filter(pl.col("row") < pl.col("row_right"))
    return pairs["row"].to_numpy().astype(np.int64), pairs["row_right"].to_numpy().astype(np.int64)


def test_people_of_one_name_are_told_from_one_person(comparison, people):
    table, twice = people(800, 0)
    left, right = same_name(table)
    ids, known = table["id"].sort().to_list(), {frozenset(pair) for pair in twice}
    right_ones = np.array([{ids[i], ids[j]} in known for i, j in zip(left, right, strict=True)])
    begin = np.full(len(left), 0.1)
    model = fit_independence(comparison(table), (left, right), begin, (len(table), len(table)), 0.5)
    matches = model.log_odds(left, right) > 0
    assert len(left) > 20 * right_ones.sum() > 1_000
    assert matches[right_ones].mean() > 0.95
    assert right_ones[matches].mean() > 0.9


def test_swapped_tables_have_the_same_log_odds(comparison, people):
    table, _ = people(200, 1)
    other = table.sample(fraction=0.8, seed=1)
    left = np.arange(100)
    one, swapped = comparison(table, other), comparison(other, table)
    begin, sizes = np.full(100, 0.5), (len(table), len(other))
    found = fit_independence(one, (left, left), begin, sizes, 1.0).log_odds(left, left)
    mirrored = fit_independence(swapped, (left, left), begin, sizes[::-1], 1.0).log_odds(left, left)
    np.testing.assert_allclose(found, mirrored, rtol=1e-6)


def test_one_column_has_nothing_to_be_independent_of(comparison, people):
    table, _ = people(50, 2)
    rows = np.arange(10)
    names = comparison(table.select("id", "last"))
    assert fit_independence(names, (rows, rows), rows / 10, (55, 55), 0.5) is None
