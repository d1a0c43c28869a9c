"""Ranks within groups, and the highest values of each group."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.hashing.base import Rows
from erblock.hashing.parallel import in_parallel, inner, njit

_GROUPS = 65_536
"""Records whose candidates are ranked at a time, on one core."""

_INSERTED = 64
"""Largest number of scores that are sorted by insertion, which is fastest for few."""


def rank_within(groups: Rows, scores: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the rank, from 0, of each score in its group, highest first; ties keep their order."""
    if scores.dtype != np.float32:  # one compiled kernel serves all other kinds
        scores = scores.astype(np.float64)
    begins = np.append(np.cumsum(np.bincount(groups, minlength=1)), len(groups))
    members = np.empty(len(groups), dtype=np.uint32)
    values = np.empty(len(groups), dtype=np.float64)
    _put_together(groups, scores, begins, (members, values))
    ranks = np.empty(len(groups), dtype=np.int64)

    def work(first: int) -> None:
        _write_ranks(begins[first : first + _GROUPS + 1], values, members, ranks)

    for _ in in_parallel(work, range(0, len(begins) - 1, _GROUPS)):
        pass
    return ranks


def best_values(groups: Rows, values: npt.NDArray[Any], size: int, most: int) -> npt.NDArray[Any]:
    """Return the (size, most) highest values of each group, descending; minus infinity where it has fewer."""
    best = np.full((size, most), -np.inf, dtype=values.dtype)
    share = -(-size // pl.thread_pool_size())

    def work(first: int) -> None:
        write_best(groups, values, first, best[first : first + share])

    for _ in in_parallel(work, range(0, size, max(share, 1))):
        pass
    return best


@njit
def write_best(groups: Rows, values: npt.NDArray[Any], first: int, best: npt.NDArray[Any]) -> None:
    """Write the highest values of the groups `first` to `first + len(best) - 1`."""
    last = best.shape[1] - 1
    for i in range(len(groups)):
        group = groups[i] - first
        if group < 0 or group >= len(best) or not values[i] > best[group, last]:
            continue
        at = last
        while at > 0 and best[group, at - 1] < values[i]:
            best[group, at] = best[group, at - 1]
            at -= 1
        best[group, at] = values[i]


@njit
def _put_together(
    groups: Rows,
    scores: npt.NDArray[Any],
    begins: npt.NDArray[np.int64],
    target: tuple[npt.NDArray[np.uint32], npt.NDArray[np.float64]],
) -> None:
    """Write positions and scores group by group; turn `begins` from the ends of groups into their starts."""
    members, values = target
    for i in range(len(groups) - 1, -1, -1):
        begins[groups[i]] -= 1
        at = begins[groups[i]]
        members[at], values[at] = i, scores[i]


@njit
def _write_ranks(
    begins: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    members: npt.NDArray[np.uint32],
    ranks: npt.NDArray[np.int64],
) -> None:
    """Write the rank of each score in its group; group i is from `begins[i]` to `begins[i + 1]`."""
    for group in range(len(begins) - 1):
        begin, end = begins[group], begins[group + 1]
        _sort_down(values[begin:end], members[begin:end])
        for at in range(begin, end):
            ranks[members[at]] = at - begin


@inner
def _sort_down(values: npt.NDArray[np.float64], members: npt.NDArray[np.uint32]) -> None:
    """Sort members by their values, highest first; ties by member.

    Shellsort: NumPy's sorting takes seconds to compile.
    """
    gap = 1
    while gap * _INSERTED < len(values):
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, len(values)):
            value, member, at = values[i], members[i], i
            while at >= gap and (
                values[at - gap] < value or (values[at - gap] == value and members[at - gap] > member)
            ):
                values[at], members[at] = values[at - gap], members[at - gap]
                at -= gap
            values[at], members[at] = value, member
        gap //= 3
