"""Candidates that are like a likely match of the same record."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from erblock.comparison.evidence import Evidence
from erblock.scoring import co_matches as module
from erblock.scoring.co_matches import co_matches, supported
from erblock.scoring.estimate import ExpectedMatches

SIZES = (4, 5)
AS_IT_IS = Evidence(*(np.array([value], dtype=np.float32) for value in (0, 1, 1)), 0.0)
chances = st.floats(0.001, 0.999).map(lambda value: round(value, 3))
tables = st.dictionaries(
    st.tuples(st.integers(0, SIZES[0] - 1), st.integers(0, SIZES[1] - 1)), chances, min_size=1
)
shares = st.sampled_from([0.0, 0.02, 0.4, 1.0])


def expected_of(known, multiplicity):
    chance = np.array([known[pair] for pair in sorted(known)])
    return ExpectedMatches(logit(chance), chance, multiplicity=multiplicity, by_signal=AS_IT_IS)


def likeness(rows, others):
    """A signal between two records of one table, from -3 to 3."""
    return (3 - 2 * np.abs(np.asarray(rows) - np.asarray(others))).clip(-3, 3).astype(np.float32)


def raised(scored, known, multiplicity):
    """The log odds with all support, by pair."""
    pairs = sorted(known)
    made = scored(*zip(*pairs, strict=True), [0.5] * len(pairs), SIZES)
    expected = expected_of(known, multiplicity)
    for asked in co_matches(made, expected):
        expected = supported(expected, asked, likeness(*asked.rows(made)))
    assert expected.probability.tolist() == [known[pair] for pair in pairs], "what is decided stays"
    return dict(zip(pairs, expected.log_odds, strict=True))


def by_hand(known, multiplicity):
    odds = {pair: chance / (1 - chance) for pair, chance in known.items()}
    for side in (0, 1):
        for pair in known:
            others = [other for other in known if other[side] == pair[side] and known[other] > 0.3]
            best = sorted(others, key=lambda other: (-known[other], other))[:3]
            ways = [
                known[other] * expit(float(likeness(pair[1 - side], other[1 - side])) - 3)
                for other in best
                if other != pair
            ]
            support = multiplicity[side] * max(ways, default=0) if multiplicity[side] >= 0.03 else 0
            if np.log(known[pair] / (1 - known[pair])) > -7:
                odds[pair] += support / (1 - support)
    return {pair: np.log(value) for pair, value in odds.items()}


@given(tables, st.tuples(shares, shares))
def test_support_is_that_of_the_formula(scored, known, multiplicity):
    assert raised(scored, known, multiplicity) == pytest.approx(by_hand(known, multiplicity))


def test_what_is_like_a_likely_match_is_ranked_above_what_is_not(scored):
    known = {(0, 0): 0.99, (0, 1): 0.05, (0, 4): 0.05, (1, 4): 0.05}
    found = raised(scored, known, (1.0, 0.0))
    assert found[0, 1] > found[0, 4] > found[1, 4] == logit(0.05)


def test_where_a_record_has_one_match_nobody_is_supported(scored):
    known = {(0, 0): 0.99, (0, 1): 0.2, (1, 1): 0.9}
    assert raised(scored, known, (0.0, 0.02)) == {pair: logit(chance) for pair, chance in known.items()}


def test_certain_support_is_no_infinity(scored):
    made = scored([0, 0], [0, 1], [0.9, 0.8], SIZES)
    sure = expected_of({(0, 0): 0.5, (0, 1): 0.5}, (1.0, 0.0))
    sure = replace(sure, decided=np.ones(2), by_signal=replace(AS_IT_IS, intercept=100.0))
    [asked] = co_matches(made, sure)
    assert np.isfinite(supported(sure, asked, np.zeros(len(asked.at), dtype=np.float32)).log_odds).all()


def test_nothing_is_asked_where_nothing_is_known(scored):
    made = scored([0, 0], [1, 2], [0.9, 0.8], SIZES)
    assert list(co_matches(made, ExpectedMatches(None))) == []


def test_of_large_tables_only_the_best_candidates_are_compared(scored, monkeypatch):
    known = {(0, j): 0.9 - 0.1 * j for j in range(5)} | {(1, 0): 0.9}
    pairs = sorted(known)
    made = scored(*zip(*pairs, strict=True), [0.5] * len(pairs), SIZES)
    expected = expected_of(known, (1.0, 0.0))
    assert len(set(next(co_matches(made, expected)).at.tolist())) == 5
    monkeypatch.setattr(module, "_COMPARED", 1)
    assert set(next(co_matches(made, expected)).at.tolist()) == {0, 1, 2}
