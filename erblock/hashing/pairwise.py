"""Dot products of many pairs of rows."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.hashing.base import Rows, Scores

Floats = npt.NDArray[np.float32]
_CHUNK = 100_000


def row_cosines(left: Floats, right: Floats, at: Rows, other_at: Rows) -> Scores:
    """Return the dot product of row `at[i]` of `left` and row `other_at[i]` of `right`, both dense."""
    dots = np.empty(len(at), dtype=np.float32)
    for start in range(0, len(at), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        dots[chunk] = np.einsum("ij,ij->i", left[at[chunk]], right[other_at[chunk]])
    return dots


def row_dots(left: sparse.csr_array, right: sparse.csr_array, at: Rows, other_at: Rows) -> Scores:
    """Return the dot product of row `at[i]` of `left` and row `other_at[i]` of `right`, for every i."""
    dots = np.empty(len(at), dtype=np.float32)
    for start in range(0, len(at), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        dots[chunk] = left[at[chunk]].multiply(right[other_at[chunk]]).sum(axis=1)
    return dots
