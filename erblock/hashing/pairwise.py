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
    dots = np.zeros(len(at), dtype=np.float32)
    rows, others = (_parts(matrix) for matrix in (left, right))

    def work(start: int) -> None:
        chunk = slice(start, start + _CHUNK)
        spread = np.zeros(left.shape[1], dtype=np.float32)
        _write_dots((rows, others), (at[chunk], other_at[chunk]), spread, dots[chunk])

    for _ in in_parallel(work, range(0, len(at), _CHUNK)):
        pass
    return dots


def _parts(matrix: sparse.csr_array) -> _Csr:
    return matrix.indptr, matrix.indices, matrix.data


@native
def _write_dots(matrices: tuple[_Csr, _Csr], pairs: tuple[Rows, Rows], spread: Floats, dots: Floats) -> None:
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
            dots[pair] += spread[column] * other_values[i]
