"""Dot products of pairs of sparse rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from erblock.hashing.pairwise import row_dots


def matrix(random, rows, width, longest):
    """Return rows of 0 to `longest` columns, none twice."""
    sizes = random.integers(0, longest + 1, rows)
    columns = [np.sort(random.permutation(width)[:size]) for size in sizes]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate(columns).astype(np.int32)
    values = random.normal(size=len(columns)).astype(np.float32)
    return sparse.csr_array((values, columns, starts), shape=(rows, width))


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 700, 1 << 12, 1 << 20]))
def test_sparse_rows_of_any_width_give_their_dot_products(seed, width):
    random = np.random.default_rng(seed)
    left, right = (matrix(random, rows, width, min(width, 60)) for rows in (7, 5))
    at, others = np.divmod(np.arange(35), 5)
    order = random.permutation(35)
    wanted = (left @ right.T).toarray()
    assert row_dots(left, right, at, others) == pytest.approx(wanted.ravel(), abs=1e-5)
    found = row_dots(left, right, at[order], others[order])
    assert found == pytest.approx(wanted.ravel()[order], abs=1e-5)


def test_columns_that_share_all_their_low_bits_are_told_apart():
    columns = (np.arange(64, dtype=np.int32) << 14) + 5
    row = sparse.csr_array((np.arange(64, dtype=np.float32), columns, [0, 64]), shape=(1, 1 << 20))
    other = sparse.csr_array((np.ones(32, np.float32), columns[::2], [0, 32]), shape=(1, 1 << 20))
    zero = np.zeros(1, dtype=np.int64)
    assert row_dots(row, other, zero, zero) == [np.arange(0, 64, 2).sum()]


def test_long_rows_and_many_pairs_are_right_to_the_last():
    random = np.random.default_rng(0)
    left, right = matrix(random, 40, 1 << 20, 3_000), matrix(random, 50, 1 << 20, 3_000)
    shared = sparse.vstack([left, right], format="csr")
    at, others = np.sort(random.integers(0, 90, 150)), random.integers(0, 90, 150)
    wanted = [float((shared[[i]] @ shared[[j]].T).toarray()[0, 0]) for i, j in zip(at, others, strict=True)]
    assert row_dots(shared, shared, at, others) == pytest.approx(wanted, abs=1e-3)


def test_no_pairs_have_no_products():
    left = matrix(np.random.default_rng(2), 3, 100, 5)
    none = np.zeros(0, dtype=np.int64)
    assert len(row_dots(left, left, none, none)) == 0
