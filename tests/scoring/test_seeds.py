"""Pairs beyond doubt."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.scoring.seeds import seed_pairs


@given(st.data())
def test_sure_pairs_are_each_other_s_best(any_scored, data):
    pairs = data.draw(any_scored())
    sure = seed_pairs(pairs)
    best = pairs.similarity[sure]
    assert (best == pairs.best_left[pairs.left[sure]]).all()
    assert (best == pairs.best_right[pairs.right[sure]]).all()
    assert (np.diff(sure) > 0).all()


@pytest.mark.parametrize("one_table", [False, True])
def test_those_with_a_near_rival_are_left_out_first(one_table, scored):
    # Pairs of records 2i and 2i + 1, the last of which is as near to record 0.
    twins = [(2 * i, 2 * i + 1) for i in range(5)]
    rows = sorted([*twins, (0, 9)])
    similarity = [0.79 if row == (0, 9) else 0.8 for row in rows]
    pairs = scored([i for i, _ in rows], [j for _, j in rows], similarity, (10,) if one_table else (10, 10))
    found = [(int(pairs.left[at]), int(pairs.right[at])) for at in seed_pairs(pairs)]
    assert len(found) == 4
    assert {(2, 3), (4, 5), (6, 7)} <= set(found)


def test_no_pairs_are_not_sure(scored):
    assert seed_pairs(scored([], [], [], (2, 2))).tolist() == []
