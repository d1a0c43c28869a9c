"""Dot products of many pairs of sparse rows.

Decision: docs/decisions/004-compiled-loops.md.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import ZERO, in_parallel, inner, njit

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
_Csr = tuple[npt.NDArray[Any], Ints, Floats]
_Row = tuple[Ints, Floats]
_Table = tuple[Ints, Floats]
_CHUNK = 100_000

_AHEAD = 64
_CACHE_LINE = 16
"""Values in a cache line."""

_LEAST_BITS, _MOST_SHIFT = 11, 9


def row_dots(left: sparse.csr_array, right: sparse.csr_array, at: Rows, other_at: Rows) -> Scores:
    """Return the dot product of row `at[i]` of `left` and row `other_at[i]` of `right`, for every i.

    It is fast where equal values of `at` are adjacent. No row may have a column twice.
    """
    dots = np.zeros(len(at), dtype=np.float32)
    rows, others = (_parts(matrix) for matrix in (left, right))
    width = 1 << max(int(left.shape[1]) - 1, 1).bit_length()

    def work(start: int) -> None:
        chunk = slice(start, start + _CHUNK)
        table = np.zeros(width, dtype=np.int32), np.zeros(width, dtype=np.float32)
        _write_dots((rows, others), (at[chunk], other_at[chunk]), table, dots[chunk])

    for _ in in_parallel(work, range(0, len(at), _CHUNK)):
        pass
    return dots


def _parts(matrix: sparse.csr_array) -> _Csr:
    return matrix.indptr, matrix.indices, matrix.data


@njit
def _write_dots(
    matrices: tuple[_Csr, _Csr], pairs: tuple[Rows, Rows], table: _Table, dots: Floats
) -> np.float32:
    """Write the dot product of each pair; the value returned is unused.

    Right rows are prefetched several pairs ahead, because most of the time would be spent waiting for memory.
    """
    rows, others = pairs
    row, shift, mask = ZERO - 1, ZERO, ZERO
    read = np.float32(0)
    for first in range(0, len(dots), _AHEAD):
        last = min(first + _AHEAD, len(dots))
        read += _read(matrices[1], others[first:last])
        for pair in range(first, last):
            if rows[pair] != row:
                if row >= 0:
                    _take_row(_row(matrices[0], row)[0], table[0], shift, mask)
                row = rows[pair]
                shift, mask = _put_row(_row(matrices[0], row), table)
            dots[pair] = _dot(_row(matrices[1], others[pair]), table, shift, mask)
    return read


@inner
def _read(matrix: _Csr, rows: Rows) -> np.float32:
    """Read rows into the cache; return a number that depends on them, so the compiler keeps the reads."""
    starts, columns, values = matrix
    total, count = np.float32(0), 0
    for row in rows:
        for i in range(starts[row], starts[row + 1], _CACHE_LINE):
            total += values[i]
            count += columns[i]
    return np.float32(total + np.float32(count))


@inner
def _row(matrix: _Csr, row: int) -> _Row:
    starts, columns, values = matrix
    return columns[starts[row] : starts[row + 1]], values[starts[row] : starts[row + 1]]


@inner
def _put_row(row: _Row, table: _Table) -> tuple[int, int]:
    """Put a row in the empty hash table; return shift and mask of the bits of a column that give its slot.

    The table is the smallest without collisions: it stays in the L1 cache, and a lookup needs no branch.
    """
    columns = row[0]
    bits = _LEAST_BITS
    while True:  # In a table as wide as the matrix every column has its own slot.
        mask = min(1 << bits, len(table[0])) - 1
        for shift in range(0, _MOST_SHIFT, 2):
            filled = _fill(row, table, shift, mask)
            if filled == len(columns):
                return shift, mask
            _take_row(columns[:filled], table[0], shift, mask)
        bits += 2


@inner
def _fill(row: _Row, table: _Table, shift: int, mask: int) -> int:
    """Put columns (plus 1) and values in their slots until a slot is taken; return how many were put."""
    columns, values = row
    known, weights = table
    for i in range(len(columns)):
        slot = (np.uint32(columns[i]) >> np.uint32(shift)) & np.uint32(mask)
        if known[slot] != 0:
            return i
        known[slot], weights[slot] = columns[i] + 1, values[i]
    return len(columns)


@inner
def _take_row(columns: Ints, known: Ints, shift: int, mask: int) -> None:
    for column in columns:
        known[(np.uint32(column) >> np.uint32(shift)) & np.uint32(mask)] = 0


@inner
def _dot(row: _Row, table: _Table, shift: int, mask: int) -> np.float32:
    """Return the dot product of a row and the row in the table."""
    columns, values = row
    known, weights = table
    low, bits = np.uint32(shift), np.uint32(mask)
    total = np.float32(0)
    for i in range(len(columns)):
        slot = (np.uint32(columns[i]) >> low) & bits
        weight = weights[slot]
        total += (weight if known[slot] == columns[i] + 1 else np.float32(0)) * values[i]
    return total
