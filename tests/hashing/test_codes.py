"""Vectors in 8 bits a number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erblock.hashing.codes import coded, codes_and_scales

PAIRS = np.divmod(np.arange(24), 6)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("width", [1, 16, 45, 384])
def test_cosines_of_any_width_are_those_of_the_vectors(width):
    random = np.random.default_rng(1)
    left, right = (random.normal(size=(rows, width)).astype(np.float32) for rows in (4, 6))
    at, others = PAIRS
    found = coded(left).cosines(coded(right), at, others)
    assert found == pytest.approx((unit(left) @ unit(right).T).ravel(), abs=0.012)
    order = random.permutation(24)
    assert (coded(left).cosines(coded(right), at[order], others[order]) == found[order]).all()


@given(st.floats(1e-6, 1e6), st.integers(0, 100))
def test_only_the_direction_counts(factor, seed):
    vectors = np.random.default_rng(seed).normal(size=(4, 32)).astype(np.float32)
    same = coded(vectors), coded(vectors * np.float32(factor))
    assert np.abs(same[0].codes.astype(int) - same[1].codes).max() <= 1, "rounded elsewhere at most"
    assert same[0].cosines(same[1], np.arange(4), np.arange(4)) == pytest.approx(1, abs=1e-3)


def test_the_vectors_stand_for_what_was_coded():
    vectors = unit(np.random.default_rng(2).normal(size=(10, 384)).astype(np.float32))
    assert (coded(vectors).vectors * vectors).sum(axis=1) == pytest.approx(1, abs=2e-4)


def test_a_record_without_a_direction_has_cosine_0_with_all():
    vectors = np.array([[0, 0, 0], [1, 2, 3]], dtype=np.float32)
    found = coded(vectors).cosines(coded(vectors), np.array([0, 0, 1]), np.array([0, 1, 1]))
    assert found == pytest.approx([0, 0, 1])


def test_eight_bits_are_near_what_they_code():
    values = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    values[3] = 0
    codes, scales = codes_and_scales(values)
    near = codes * scales[:, None]
    assert near == pytest.approx(values, abs=float(np.abs(values).max() / 250))
    assert (near[3] == 0).all()


def test_no_pairs_and_no_records_are_no_mistake():
    none = np.zeros(0, dtype=np.int64)
    empty = coded(np.zeros((0, 8), dtype=np.float32))
    assert len(empty.cosines(empty, none, none)) == 0
