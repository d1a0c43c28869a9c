"""Vectors quantised to 8 bits per number.

Codes need a quarter of the memory, file size and network traffic of 32-bit floats. Their dot products are
integers, equal on any processor and in any order of summation.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import in_parallel, njit

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]

_LARGEST = np.float32(127)
_LEAST = np.float32(1e-12)
_WITHOUT_SIGN = np.int32(0x7FFFFFFF)
_ROUND = np.float32(1.5 * 2**23)
"""Rounds a small number to the nearest integer when it is added and subtracted again."""

_CHUNK = 100_000
_AHEAD = 16
_CACHE_LINE = 64
"""Codes in a cache line."""


@dataclass(frozen=True)
class QuantizedVectors:
    """Directions of vectors, as codes of -127 to 127, (records, width)."""

    codes: Codes

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def lengths(self) -> Floats:
        """The length of every row; 1 for a zero row."""
        found = np.empty(len(self.codes), dtype=np.float32)

        def work(start: int) -> None:
            rows = self.codes[start : start + _CHUNK].astype(np.float32)
            found[start : start + _CHUNK] = np.sqrt(np.einsum("ij,ij->i", rows, rows))

        for _ in in_parallel(work, range(0, len(found), _CHUNK)):
            pass
        return np.where(found > 0, found, np.float32(1))

    @property
    def vectors(self) -> Floats:
        """The (records, width) unit vectors."""
        return np.asarray(self.codes / self.lengths[:, None], dtype=np.float32)

    def cosines(self, other: Self, at: Rows, other_at: Rows) -> Scores:
        """Return the cosine of row `at[i]` here and row `other_at[i]` of `other`."""
        found = np.empty(len(at), dtype=np.float32)
        sides = (self.codes, self.lengths), (other.codes, other.lengths)

        def work(start: int) -> None:
            chunk = slice(start, start + _CHUNK)
            _write_cosines(sides, (at[chunk], other_at[chunk]), found[chunk])

        for _ in in_parallel(work, range(0, len(at), _CHUNK)):
            pass
        return found


def coded(vectors: Floats) -> QuantizedVectors:
    """Return (records, width) vectors as codes of their directions."""
    return QuantizedVectors(codes_and_scales(vectors)[0])


def codes_and_scales(vectors: Floats) -> tuple[Codes, Floats]:
    """Return codes and scales of (records, width) vectors: row i is about `scales[i] * codes[i]`."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    codes, scales = np.empty(rows.shape, dtype=np.int8), np.empty(len(rows), dtype=np.float32)
    _write_codes(rows, rows.view(np.int32), codes, scales)
    return codes, scales


@njit
def _write_codes(rows: Floats, bits: npt.NDArray[np.int32], codes: Codes, scales: Floats) -> None:
    """Write codes and scales of the rows.

    `bits`: the memory of the rows read as integers. Without the sign, these are in the order of the floats.
    """
    highest = np.empty(1, dtype=np.int32)
    for row in range(len(rows)):
        values, sizes, found = rows[row], bits[row], codes[row]
        largest = np.int32(0)
        for i in range(len(sizes)):
            size = sizes[i] & _WITHOUT_SIGN
            largest = size if size > largest else largest
        highest[0] = largest
        limit = max(highest.view(np.float32)[0], _LEAST)
        scales[row] = limit / _LARGEST
        factor = _LARGEST / limit
        for i in range(len(values)):
            found[i] = np.int8(np.int32((values[i] * factor + _ROUND) - _ROUND))


@njit
def _write_cosines(sides: Any, pairs: tuple[Rows, Rows], found: Floats) -> int:
    """Write the cosine of each pair; the value returned is unused.

    Right rows are prefetched several pairs ahead, because most of the time would be spent waiting for memory.
    """
    (codes, sizes), (others, other_sizes) = sides
    at, other_at = pairs
    read = 0
    for first in range(0, len(found), _AHEAD):
        last = min(first + _AHEAD, len(found))
        for pair in range(first, last):
            for i in range(0, others.shape[1], _CACHE_LINE):
                read += others[other_at[pair], i]
        for pair in range(first, last):
            row, other = codes[at[pair]], others[other_at[pair]]
            total = np.int32(0)
            for i in range(len(row)):
                total += np.int32(row[i]) * np.int32(other[i])
            found[pair] = np.float32(total) / (sizes[at[pair]] * other_sizes[other_at[pair]])
    return read
