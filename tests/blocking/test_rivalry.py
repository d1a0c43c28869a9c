"""Rivalry read a second time, from probabilities."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from erblock.blocking.examples import UNKNOWN
from erblock.blocking.ranking import rivalries
from erblock.blocking.recall import expected_matches
from erblock.blocking.rivalry import known_of_rivals, read_again

SIZE = 240


def paired(scored, matches, twins=(), *, twin=0.0, noise=0.03):
    """Tables of `SIZE` records: pairs that match at 0.8, twins lower, and at 0.3 others drawn at random."""
    random = np.random.default_rng(0)
    others = {(i, j) for i in range(SIZE) for j in range(SIZE) if random.random() < 0.05}
    height = dict.fromkeys(others, 0.3) | dict.fromkeys(twins, twin) | dict.fromkeys(matches, 0.8)
    every = sorted(height)
    similarity = np.array([height[pair] for pair in every]) + random.normal(scale=noise, size=len(every))
    left, right = (np.array([pair[side] for pair in every]) for side in (0, 1))
    return scored(left, right, similarity.astype(np.float32), (SIZE, SIZE))


def found(pairs):
    verdicts = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    return known_of_rivals(pairs, pairs.similarity, verdicts, 0).rivalry


def swapped(pairs):
    order = np.lexsort((pairs.left, pairs.right))
    turned = replace(pairs, left=pairs.right, right=pairs.left, best_left=pairs.best_right)
    return replace(turned, best_right=pairs.best_left).at(order)


def test_candidates_of_records_with_several_matches_are_no_rivals(scored):
    pairs = paired(scored, [(i // 3, i) for i in range(SIZE)])
    assert found(pairs) == pytest.approx((0, 1), abs=0.05)
    assert found(swapped(pairs)) == pytest.approx((1, 0), abs=0.05)


def test_twins_without_a_match_are_rivals_though_no_best_of_theirs_is_mutual(scored):
    # Two thirds of the left records have no match, and stand near what is another's match.
    third = range(0, SIZE, 3)
    twins = [(i + step, i) for i in third for step in (1, 2)]
    pairs = paired(scored, [(i, i) for i in third], twins, twin=0.6, noise=0.1)
    assert min(rivalries(pairs)) < 0.7
    assert found(pairs) == pytest.approx((1, 1), abs=0.05)


def test_where_each_has_one_match_nothing_changes(scored):
    pairs = paired(scored, [(i, i) for i in range(SIZE)])
    assert found(pairs) == rivalries(pairs) == (1, 1)


@given(st.data())
def test_it_is_a_share_of_what_the_similarities_show(any_scored, data):
    pairs = data.draw(any_scored())
    assume(not pairs.one_table)
    shares = st.lists(st.floats(0, 1), min_size=len(pairs), max_size=len(pairs))
    for rivalry in read_again(pairs, np.array(data.draw(shares), dtype=np.float64)):
        assert 0 <= rivalry <= max(rivalries(pairs))


def test_several_matches_of_a_record_are_all_expected(scored):
    pairs = paired(scored, [(i // 3, i) for i in range(SIZE)])
    expected = expected_matches(pairs, pairs.similarity)
    same = pairs.left == pairs.right // 3
    assert expected.probability[same].min() > 0.5
    assert expected.log_odds[same].min() > expected.log_odds[~same].max()
