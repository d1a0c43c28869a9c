"""Copies: records of one table that are equal in all compared columns.

Only the first of several copies is compared. If one table is deduplicated, the second copy is compared, too,
so that the two form a pair. The results are then extended to the other copies.

Decision: docs/decisions/042-copies-compared-once.md.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grouped:
    """Groups of records, each identified by its head: the record that represents the group.

    `sizes`, (records,): the size of the group whose head is this record; 0 for a record that is no head.
    """

    sizes: Rows
    _order: Rows
    _starts: Rows

    @classmethod
    def by(cls, heads: Rows) -> "Grouped":
        """Return the groups of records with equal `heads`, (records,). A group is in row order."""
        sizes = np.bincount(heads, minlength=len(heads))
        return cls(sizes, np.argsort(heads, kind="stable"), np.cumsum(sizes) - sizes)

    def member(self, heads: Rows, number: Rows) -> Rows:
        """Return, for each head, the record at position `number`, from 0, in its group."""
        return np.asarray(self._order[self._starts[heads] + number])


@dataclass(frozen=True)
class Copies:
    """The copies in a table, as row numbers.

    `first`, (records,): the first record that equals the record. `compared`, (records,): the record that is
    compared instead of the record. For a record without copies, both are its own row number.
    """

    first: Rows
    compared: Rows

    @classmethod
    def of(cls, texts: pl.Series, *, one_table: bool) -> "Copies":
        """Return the copies among records, given the text of each. Records without text are never copies."""
        blank = pl.col("text").fill_null("") == ""
        first = pl.when(blank).then("row").otherwise(pl.col("row").first().over("text"))
        frame = texts.alias("text").to_frame().with_row_index("row").select(first.cast(pl.Int64))
        return cls.by_first(frame.to_series().to_numpy(), one_table)

    @classmethod
    def by_first(cls, first: Rows, one_table: bool) -> "Copies":
        """Return the copies of a table, given, for each record, the first record that equals it."""
        compared = first.copy()
        if one_table:
            others = np.flatnonzero(first != np.arange(len(first)))
            _, at, group = np.unique(first[others], return_index=True, return_inverse=True)
            compared[others] = others[at][group]
        return cls(first, compared)

    @classmethod
    def none(cls, records: int) -> "Copies":
        """Return the copies of a table without equal records."""
        return cls(np.arange(records), np.arange(records))

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def rows(self) -> Rows:
        """The row numbers of the records that are compared."""
        return np.flatnonzero(self.compared == np.arange(len(self)))

    @property
    def any(self) -> bool:
        """Whether any record is not compared."""
        return len(self.rows) < len(self)

    @cached_property
    def represented(self) -> "Grouped":
        """Groups of the records that a compared record, the head, represents; the head is one of them."""
        return Grouped.by(self.compared)

    @cached_property
    def alike(self) -> "Grouped":
        """Groups of equal records; the head is the first of them."""
        return Grouped.by(self.first)

    @property
    def largest(self) -> tuple[int, int]:
        """A pair: the first record of the largest group of copies, and the size of the group."""
        return int(self.alike.sizes.argmax()), int(self.alike.sizes.max())
