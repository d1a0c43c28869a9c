"""Expands pairs of compared records to pairs of all records that are copies of them.

Decision: docs/decisions/042-copies-compared-once.md.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.copies import Copies

COPIES_MET = 10
"""Maximum copies of one text that a record is paired with: as many as the default budget has for a record, so
that a text with a thousand copies does not displace other pairs."""


def compared_rows(copies: tuple[Copies, Copies], left: Rows, right: Rows) -> tuple[Rows, Rows]:
    """Return the row numbers of the records that are compared in place of `left` and `right`.

    In one table the lower row comes first.
    """
    rows, others = copies[0].compared[left], copies[1].compared[right]
    if copies[0] is not copies[1]:
        return rows, others
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    # The pair of the first two copies of a text stands for every pair of its copies.
    return np.where(low == high, copies[0].first[high], low), high


@dataclass(frozen=True)
class WrittenPairs:
    """Row numbers of the written pairs, in order; `at`: position of the scored pair that stands for each."""

    at: Rows
    left: Rows
    right: Rows

    def __len__(self) -> int:
        return len(self.at)

    def take(self, kept: Rows | slice) -> "WrittenPairs":
        """Return the pairs at these positions."""
        return WrittenPairs(self.at[kept], self.left[kept], self.right[kept])

    def and_then(self, others: "WrittenPairs") -> "WrittenPairs":
        """Return these pairs and then the others."""
        both = zip((self.at, self.left, self.right), (others.at, others.left, others.right), strict=True)
        return WrittenPairs(*(np.concatenate(columns) for columns in both))


def written_out(
    pairs: ScoredPairs, at: Rows, copies: tuple[Copies, Copies] | None, most: int | None
) -> WrittenPairs:
    """Return the pairs at these positions, in order, expanded to all records that they stand for.

    `most`: maximum number of pairs; None: all.

    Each of m copies in one table meets the n copies in the other, but at most `COPIES_MET` of them, beginning
    at its own place: the i-th copy of one table meets the i-th of the other first.
    """
    left, right = pairs.left[at], pairs.right[at]
    if copies is None or not any(side.any for side in copies):
        return WrittenPairs(at, left, right).take(slice(most))
    groups = _Groups(left, right, copies, pairs.one_table)
    times = groups.written
    if most is not None:
        times = times[: int(np.searchsorted(np.cumsum(times), most)) + 1]
    at = at[: len(times)]
    which = np.repeat(np.arange(len(at)), times)
    left, right = groups.records(which, np.arange(len(which)) - (np.cumsum(times) - times)[which])
    if pairs.one_table:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return WrittenPairs(at[which], left, right).take(slice(most))


@dataclass(frozen=True)
class _Groups:
    """Pairs of compared records, and the written pairs that each of them stands for."""

    left: Rows
    right: Rows
    copies: tuple[Copies, Copies]
    one_table: bool

    @cached_property
    def _sizes(self) -> tuple[Rows, Rows]:
        left, right = self.copies
        return left.represented.sizes[self.left], right.represented.sizes[self.right]

    @cached_property
    def _same(self) -> npt.NDArray[np.bool_]:
        """Whether both are copies of one text in one table: such a pair stands for all pairs of the group."""
        if not self.one_table:
            return np.zeros(len(self.left), dtype=bool)
        return np.asarray(self.copies[0].first[self.right] == self.left)

    @property
    def written(self) -> Rows:
        """The number of written pairs that each pair stands for."""
        fewer, more = np.minimum(*self._sizes), np.maximum(*self._sizes)
        group = self.copies[0].alike.sizes[self.left]
        within = group * np.minimum(group - 1, COPIES_MET) // 2
        return np.where(self._same, within, fewer * np.minimum(more, COPIES_MET))

    def records(self, which: Rows, number: Rows) -> tuple[Rows, Rows]:
        """Return the left and right rows of written pairs.

        Written pair i is the one with number `number[i]`, from 0, of those that compared pair `which[i]`
        stands for.
        """
        sizes = [side[which] for side in self._sizes]
        fewer, more = np.minimum(*sizes), np.maximum(*sizes)
        place, step = number % fewer, number // fewer
        across = (place * more // fewer + step) % more
        is_swapped = sizes[0] > sizes[1]
        ends = np.where(is_swapped, across, place), np.where(is_swapped, place, across)
        left, right = (
            side.represented.member(rows[which], end)
            for side, rows, end in zip(self.copies, (self.left, self.right), ends, strict=True)
        )
        within = self._same[which]
        group = self.copies[0].alike
        first, number = self.left[which[within]], number[within]
        place, step = number % group.sizes[first], number // group.sizes[first] + 1
        left[within] = group.member(first, place)
        right[within] = group.member(first, (place + step) % group.sizes[first])
        return left, right
