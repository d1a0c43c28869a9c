import numpy as np
import pytest
from numpy.testing import assert_array_equal

from erblock.comparison import caching
from erblock.comparison.caching import CachingComparison
from erblock.comparison.columns import compared_columns
from erblock.comparison.vectors import Comparison


@pytest.fixture
def tables(records, pair_of):
    left = records("left", name=["red socks", "blue hat", None], price=["10", "12.5", "9"])
    return pair_of(left, records("right", name=["red sock", "hat, blue", "scarf"], price=["10", None, "8"]))


WEIGHTS = np.ones(1 << 20, dtype=np.float32)
LEFT, RIGHT = np.array([2, 0, 1, 1]), np.array([2, 0, 1, 0])


@pytest.mark.parametrize("most", [0, caching.MOST])
def test_vectors_are_those_of_a_comparison_that_remembers_nothing(tables, monkeypatch, most):
    monkeypatch.setattr(caching, "MOST", most)
    plain = Comparison(tables, compared_columns(tables), WEIGHTS)
    kept = CachingComparison(tables, compared_columns(tables), WEIGHTS)
    for _ in range(2):
        for rows in ((LEFT, RIGHT), (LEFT[[3, 1]], RIGHT[[3, 1]]), (np.array([0]), np.array([2]))):
            assert_array_equal(kept.vectors(*rows), plain.vectors(*rows))
        kept.remember(LEFT, RIGHT)


def test_what_is_remembered_is_not_computed_again(tables, monkeypatch):
    kept = CachingComparison(tables, compared_columns(tables), WEIGHTS)
    kept.remember(LEFT, RIGHT)
    monkeypatch.setattr(kept, "features", None)
    assert kept.vectors(LEFT, RIGHT).shape == (4, kept.vectors(LEFT[:1], RIGHT[:1]).shape[1])
