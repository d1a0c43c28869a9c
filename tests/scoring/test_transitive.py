"""Pairs of one table that share likely matches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.scoring import transitive as module
from erblock.scoring.transitive import transitive_pairs

probabilities = st.floats(0.01, 0.99).map(lambda value: round(value, 2))
edges = st.dictionaries(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]),
    st.tuples(probabilities, probabilities),
)


def found_of(scored, known, records=9):
    """Supported pairs of `known`: (left, right) to (probability, similarity)."""
    pairs = sorted(known)
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    probability = np.array([known[pair][0] for pair in pairs], dtype=np.float64)
    similarity = np.array([known[pair][1] for pair in pairs], dtype=np.float32)
    return transitive_pairs(scored(left, right, similarity, (records,)), probability)


def by_hand(known):
    """The same by the formula, pair by pair."""
    chance = {**known, **{(b, a): value for (a, b), value in known.items()}}
    chance = {pair: value for pair, value in chance.items() if value[0] > 0.1}
    sums = [sum(p for (a, _), (p, _) in chance.items() if a == record) for record in range(9)]
    expected = {}
    for a in range(9):
        for c in range(a + 1, 9):
            ways = [(chance[a, b], chance[b, c]) for b in range(9) if (a, b) in chance and (b, c) in chance]
            support = sum(one[0] * other[0] for one, other in ways) / (1 + min(sums[a], sums[c]))
            if ways and support >= 0.05 - 1e-9:
                expected[a, c] = support, max(min(one[1], other[1]) for one, other in ways)
    return expected


@given(edges)
def test_support_is_that_of_the_formula(scored, known):
    found = found_of(scored, known)
    expected = by_hand(known)
    rows = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert rows == sorted(rows)
    assert set(rows) ^ set(expected) <= {
        pair for pair, value in expected.items() if value[0] == pytest.approx(0.05)
    }
    for pair, support, similarity in zip(rows, found.support, found.similarity, strict=True):
        assert (support, similarity) == pytest.approx(expected[pair], abs=1e-6)


def test_two_ends_of_a_cluster_support_each_other(scored):
    cluster = {(0, other): (0.9, 0.7) for other in (2, 3, 4)} | {
        (1, other): (0.9, 0.6) for other in (2, 3, 4)
    }
    found = found_of(scored, cluster)
    support = dict(
        zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.support, strict=True)
    )
    assert support[0, 1] == pytest.approx(3 * 0.81 / (1 + 2.7))


def test_work_in_parts_finds_the_same(scored, monkeypatch):
    random = np.random.default_rng(0)
    pairs = {(int(a), int(b)) for a, b in random.integers(0, 60, (400, 2)) if a < b}
    known = {pair: (0.2 + 0.7 * random.random(), random.random()) for pair in sorted(pairs)}
    whole = found_of(scored, known, 60)
    monkeypatch.setattr(module, "_CHUNK_PATHS", 50)
    parts = found_of(scored, known, 60)
    assert len(whole.left) > 100
    for name in ("left", "right", "support", "similarity"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()


def test_a_hub_does_not_make_all_pairs(scored, monkeypatch):
    monkeypatch.setattr(module, "TUNED", replace(module.TUNED, most_steps=3))
    found = found_of(scored, {(0, other): (0.9, 0.5) for other in range(1, 9)})
    assert len(found.left) <= 3 * 8


def test_unlikely_pairs_lead_nowhere(scored):
    assert len(found_of(scored, {(0, 1): (0.1, 0.9), (1, 2): (0.9, 0.9)}).left) == 0
    assert len(found_of(scored, {}).left) == 0
