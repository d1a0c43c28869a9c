"""Copies: records of one table that are equal in all compared columns.

Of copies only some are compared, whoever else is in the tables: the first, and in a table that is linked to
itself the second too, so that both meet. What is found for these holds for the others.

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
    """Records by the one that stands for them: `sizes`, (records,): how many; the others are internal."""

    sizes: Rows
    _order: Rows
    _starts: Rows

    @classmethod
    def by(cls, heads: Rows) -> "Grouped":
        """Return the records grouped by `heads`, (records,), those of a group in the order of their rows."""
        sizes = np.bincount(heads, minlength=len(heads))
        return cls(sizes, np.argsort(heads, kind="stable"), np.cumsum(sizes) - sizes)

    def member(self, heads: Rows, number: Rows) -> Rows:
        """Return the record of this number, from 0, of each head's group."""
        return np.asarray(self._order[self._starts[heads] + number])


@dataclass(frozen=True)
class Copies:
    """Which records of a table are compared, by row number.

    `first`, (records,): the first record that says the same; `compared`, (records,): the one that is compared
    in its place. Both are the record's own number where no other says the same.
    """

    first: Rows
    compared: Rows

    @classmethod
    def of(cls, texts: pl.Series, *, one_table: bool) -> "Copies":
        """Return the copies among records, given one text each; records without a text are none."""
        blank = pl.col("text").fill_null("") == ""
        first = pl.when(blank).then("row").otherwise(pl.col("row").first().over("text"))
        frame = texts.alias("text").to_frame().with_row_index("row").select(first.cast(pl.Int64))
        return cls.by_first(frame.to_series().to_numpy(), one_table)

    @classmethod
    def by_first(cls, first: Rows, one_table: bool) -> "Copies":
        """Return the copies of a table of which it is known which record is the first that says the same."""
        compared = first.copy()
        if one_table:
            others = np.flatnonzero(first != np.arange(len(first)))
            _, at, group = np.unique(first[others], return_index=True, return_inverse=True)
            compared[others] = others[at][group]
        return cls(first, compared)

    @classmethod
    def none(cls, records: int) -> "Copies":
        """Return the copies of a table in which no two records say the same."""
        return cls(np.arange(records), np.arange(records))

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def rows(self) -> Rows:
        """The records that are compared."""
        return np.flatnonzero(self.compared == np.arange(len(self)))

    @property
    def any(self) -> bool:
        """Whether any record is not compared."""
        return len(self.rows) < len(self)

    @cached_property
    def represented(self) -> "Grouped":
        """The records that each compared one stands for, itself among them."""
        return Grouped.by(self.compared)

    @cached_property
    def alike(self) -> "Grouped":
        """The records that say the same as each first one, itself being the first of them."""
        return Grouped.by(self.first)

    @property
    def largest(self) -> tuple[int, int]:
        """The first record of the largest group of copies, and how many they are."""
        return int(self.alike.sizes.argmax()), int(self.alike.sizes.max())
