"""Dot products of many pairs of rows."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.hashing.base import Rows, Scores
from erblock.hashing.native import in_parallel, native

Floats = npt.NDArray[np.float32]
_Csr = tuple[npt.NDArray[Any], npt.NDArray[Any], Floats]
_CHUNK = 100_000
_TINY = 1e-12


def row_cosines(left: Floats, right: Floats, at: Rows, other_at: Rows) -> Scores:
    """Return the dot product of row `at[i]` of `left` and row `other_at[i]` of `right`, both dense."""
    dots = np.empty(len(at), dtype=np.float32)
    for start in range(0, len(at), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        dots[chunk] = np.einsum("ij,ij->i", left[at[chunk]], right[other_at[chunk]])
    return dots


def row_dots(left: sparse.csr_array, right: sparse.csr_array, at: Rows, other_at: Rows) -> Scores:
    """Return the dot product of row `at[i]` of `left` and row `other_at[i]` of `right`, for every i.

    It is fast where equal numbers in `at` stand together.
    """
    dots = _half_dots(left, right, at, other_at)
    return np.asarray(dots[:, 0] + dots[:, 1])


def row_half_cosines(
    left: sparse.csr_array, right: sparse.csr_array, at: Rows, other_at: Rows
) -> tuple[Scores, Scores]:
    """Return the cosines of the same rows over the columns of even number, and over those of odd number."""
    dots = _half_dots(left, right, at, other_at)
    norms = _half_norms(left)
    other_norms = norms if right is left else _half_norms(right)
    dots /= np.maximum(norms[at] * other_norms[other_at], _TINY)
    return dots[:, 0], dots[:, 1]


def _half_dots(left: sparse.csr_array, right: sparse.csr_array, at: Rows, other_at: Rows) -> Floats:
    """Return the (pairs, 2) sums over columns of even and of odd number."""
    dots = np.zeros((len(at), 2), dtype=np.float32)
    rows, others = (_parts(matrix) for matrix in (left, right))

    def work(start: int) -> None:
        chunk = slice(start, start + _CHUNK)
        spread = np.zeros(left.shape[1], dtype=np.float32)
        _write_half_dots((rows, others), (at[chunk], other_at[chunk]), spread, dots[chunk])

    for _ in in_parallel(work, range(0, len(at), _CHUNK)):
        pass
    return dots


def _half_norms(matrix: sparse.csr_array) -> Floats:
    """Return the (rows, 2) lengths of every row over columns of even and of odd number."""
    squares = np.zeros((matrix.shape[0], 2), dtype=np.float32)
    _write_half_squares(_parts(matrix), squares)
    return np.sqrt(squares)


def _parts(matrix: sparse.csr_array) -> _Csr:
    return matrix.indptr, matrix.indices, matrix.data


@native
def _write_half_dots(
    matrices: tuple[_Csr, _Csr], pairs: tuple[Rows, Rows], spread: Floats, dots: Floats
) -> None:
    """Add up the products of each pair: `spread` holds the left row, and is zero before and after."""
    (starts, columns, values), (other_starts, other_columns, other_values) = matrices
    row = -1
    for pair in range(len(dots)):
        if pairs[0][pair] != row:
            if row >= 0:
                spread[columns[starts[row] : starts[row + 1]]] = 0
            row = pairs[0][pair]
            for i in range(starts[row], starts[row + 1]):
                spread[columns[i]] = values[i]
        other = pairs[1][pair]
        for i in range(other_starts[other], other_starts[other + 1]):
            column = other_columns[i]
            dots[pair, column & 1] += spread[column] * other_values[i]


@native
def _write_half_squares(matrix: _Csr, squares: Floats) -> None:
    starts, columns, values = matrix
    for row in range(len(squares)):
        for i in range(starts[row], starts[row + 1]):
            squares[row, columns[i] & 1] += values[i] * values[i]
