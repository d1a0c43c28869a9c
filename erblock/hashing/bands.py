"""Bands: how many hash values make a bucket key, and how many keys a record gets.

A pair whose single hash values agree with probability p shares at least one of b bands of r values
with probability 1 - (1 - p**r)**b (Indyk and Motwani 1998; Leskovec, Rajaraman, Ullman, ch. 3).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Buckets
from erblock.hashing.native import native

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class BandPlan:
    """`bands` keys of `rows` hash values each."""

    bands: int
    rows: int

    def found(self, agreement: float) -> float:
        """Return the probability that a pair shares a band, given that of one hash value's agreement."""
        return float(1 - (1 - agreement**self.rows) ** self.bands)


def band_bucket(values: npt.NDArray[np.uint32], plan: BandPlan, band: int) -> Buckets:
    """Return the 64-bit bucket number of every column of a (hash values, records) matrix in one band."""
    state = np.full(values.shape[1], band, dtype=np.uint64)
    for row in values[band * plan.rows : (band + 1) * plan.rows]:
        _mix_in(row, state)
    return state


@native
def _mix_in(row: npt.NDArray[np.uint32], state: Buckets) -> None:
    """Put the values of `row` into the state: a 64-bit mix of both (the finaliser of splitmix64)."""
    for i in range(len(row)):
        mixed = (state[i] ^ np.uint64(row[i])) + _MULTIPLIER
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state[i] = mixed ^ (mixed >> np.uint64(31))


def joined_rows(left: Buckets, right: Buckets) -> int:
    """Return how many rows an equi-join of two columns of bucket numbers has."""
    values, counts = np.unique(left, return_counts=True)
    other, other_counts = np.unique(right, return_counts=True)
    _, at, other_at = np.intersect1d(values, other, assume_unique=True, return_indices=True)
    return int(np.dot(counts[at].astype(np.int64), other_counts[other_at].astype(np.int64)))
