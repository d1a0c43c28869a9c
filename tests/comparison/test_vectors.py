"""Comparison vectors of pairs of records."""

import numpy as np
import pytest

from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Evidence
from erblock.comparison.vectors import Comparison

NAMES = ["red chair AB100", "blue chair", None, "green table CD200"] * 3
PRICES = ["10", "20", "30", None] * 3


@pytest.fixture
def two_tables(records, pair_of):
    left = records("left", name=NAMES, price=PRICES)
    return pair_of(left, records("right", title=NAMES[::-1], price=PRICES[::-1]), mapped=[("name", "title")])


def comparison(tables, weights):
    return Comparison(tables, compared_columns(tables), weights)


def entry(found, name, left, right):
    rows = np.atleast_1d(left), np.atleast_1d(right)
    return found.vectors(*rows)[:, found.names.index(name)]


def test_entries_are_named_by_measure_and_column(two_tables, weights):
    found = comparison(two_tables, weights)
    assert found.names[0].endswith("(price)")
    assert {"cosine(name)", "exact(name)", "difference(price)", "shared_codes"} <= set(found.names)
    assert len(set(found.names)) == len(found.names)
    against = [name for name, agrees in zip(found.names, found.agrees, strict=True) if not agrees]
    assert against == ["missing(price)", "missing(name)"]


def test_records_are_compared_across_the_tables(two_tables, weights):
    found = comparison(two_tables, weights)
    # Record i of the left is record 11 - i of the right.
    assert entry(found, "exact(name)", [0, 0], [11, 10]).tolist() == [1, 0]
    assert entry(found, "difference(price)", [0], [11]).tolist() == [0]
    assert entry(found, "shared_codes", [0, 0], [11, 8])[:].tolist() == pytest.approx([1, 0])


def test_what_is_missing_is_nan_and_said_to_be_missing(two_tables, weights):
    found = comparison(two_tables, weights)
    vectors = found.vectors(np.array([2]), np.array([11]))[0]
    by_name = dict(zip(found.names, vectors.tolist(), strict=True))
    assert by_name["missing(name)"] == 1
    assert by_name["missing(price)"] == 0
    assert all(np.isnan(by_name[f"{name}(name)"]) for name in ("cosine", "containment", "exact"))
    assert not np.isnan(by_name["difference(price)"])


def test_no_pairs_have_no_vectors(two_tables, weights):
    found = comparison(two_tables, weights)
    none = np.zeros(0, dtype=np.int64)
    assert found.vectors(none, none).shape == (0, len(found.names))


def test_without_a_column_there_is_nothing_to_compare(two_tables, weights):
    found = Comparison(two_tables, (), weights)
    rows = np.arange(12)
    assert found.vectors(rows, rows).shape == (12, 0)
    nothing = np.zeros(0, dtype=np.float32)
    assert found.log_odds(Evidence(nothing, nothing, nothing, -2.0), rows, rows).tolist() == [-2] * 12


def test_one_table_is_compared_with_itself(records, pair_of, weights):
    tables = pair_of(records("left", name=NAMES, price=PRICES))
    found = comparison(tables, weights)
    assert entry(found, "exact(name)", [0, 0, 2], [4, 1, 6]).tolist()[:2] == [1, 0]
    twice = comparison(pair_of(tables.left, records("right", name=NAMES, price=PRICES)), weights)
    rows = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    assert np.array_equal(found.vectors(*rows), twice.vectors(*rows), equal_nan=True)


def test_log_odds_do_not_depend_on_how_many_pairs_are_compared_at_once(two_tables, weights, monkeypatch):
    found = comparison(two_tables, weights)
    size = len(found.names)
    random = np.random.default_rng(0)
    numbers = [random.random(size).astype(np.float32) for _ in range(3)]
    evidence = Evidence(*numbers, intercept=-1.0)
    rows = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    whole = found.log_odds(evidence, *rows)
    assert np.allclose(whole, evidence.log_odds(found.vectors(*rows)))
    monkeypatch.setattr(Comparison, "pairs_at_once", 7)
    assert np.allclose(found.log_odds(evidence, *rows), whole, atol=1e-5)
