"""Large tables are prepared a chunk of pairs at a time, and compared as small ones are."""

import numpy as np
import pytest

from erblock.comparison import large
from erblock.comparison.columns import compared_columns
from erblock.comparison.evidence import Examples, fit_evidence
from erblock.comparison.large import ComparisonByColumn, comparison_of
from erblock.comparison.vectors import Comparison

NAMES = ["red chair AB100", "blue chair", None, "green table CD200", "lamp"] * 8
# Most of the right-hand dates can only be read with the month first, so all are.
SEEN = {
    "left": ["13/04/1999", "03/05/2001", None, "1/2/2003"],
    "right": ["04/13/1999", "05/25/2001", "2/1/2003", ""],
}


@pytest.fixture(params=["two tables", "one table"])
def tables(request, records, pair_of):
    left = records("left", name=NAMES, seen=SEEN["left"] * 10)
    if request.param == "one table":
        return pair_of(left, None, mapped=[])
    return pair_of(left, records("right", name=NAMES[::-1], seen=SEEN["right"] * 10), mapped=[])


@pytest.mark.parametrize("chunk", [9, 1_000, 1_000_000])
def test_vectors_are_those_of_tables_prepared_at_once(tables, weights, monkeypatch, chunk):
    monkeypatch.setattr(large, "_TEXT_AT_ONCE", chunk)
    columns = compared_columns(tables)
    assert [column.kind for column in columns if column.left == "seen"] == ["date"]
    whole, parts = Comparison(tables, columns, weights), ComparisonByColumn(tables, columns, weights)
    random = np.random.default_rng(3)
    rows = random.integers(0, 40, 60), random.integers(0, 40, 60)
    np.testing.assert_array_equal(parts.vectors(*rows), whole.vectors(*rows))
    assert parts.names == whole.names
    evidence = fit_evidence(Examples(whole.vectors(*rows), rows[0] == rows[1], np.ones(60)), whole.agrees)
    np.testing.assert_array_equal(parts.log_odds(evidence, *rows), whole.log_odds(evidence, *rows))
    np.testing.assert_array_equal(parts.agrees, whole.agrees)


def test_only_large_tables_are_compared_in_parts(tables, weights, monkeypatch):
    assert not isinstance(comparison_of(tables, (), weights), ComparisonByColumn)
    monkeypatch.setattr(large, "_PREPARED", 39)
    assert isinstance(comparison_of(tables, (), weights), ComparisonByColumn)
