"""Differences of two numbers or two dates."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.similarity.strings import Compare, Rows, Scores
from erblock.similarity.values import dates, numbers

Numbers = NDArray[np.float64]

MonthFirst = tuple[bool | None, bool | None]
"""Whether 04/03 is 3 April in the left and in the right column; None: as more values of the column allow."""


def _floats(values: pl.Series) -> Numbers:
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy()


def read_numbers(values: pl.Series) -> Numbers:
    """Return the first number in each text, NaN where there is none."""
    return _floats(numbers(values))


def distance(left: Numbers, right: Numbers) -> Compare:
    """Return a function that computes the difference of two numbers."""
    return lambda left_rows, right_rows: np.abs(left[left_rows] - right[right_rows])


def relative_distance(left: Numbers, right: Numbers) -> Compare:
    """Return a function that computes the difference of two numbers / the larger of them."""

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        first, second = left[left_rows], right[right_rows]
        difference, largest = np.abs(first - second), np.maximum(np.abs(first), np.abs(second))
        return np.divide(difference, largest, out=difference, where=largest > 0)

    return compare


def absolute_difference(left: pl.Series, right: pl.Series) -> Compare:
    """Difference of two numbers; the first number is read from texts such as "$1,299.00" or "4.5 kg"."""
    return distance(read_numbers(left), read_numbers(right))


def relative_difference(left: pl.Series, right: pl.Series) -> Compare:
    """Difference of two numbers / the larger of them: 0.1 means ten percent apart."""
    return relative_distance(read_numbers(left), read_numbers(right))


def date_difference(left: pl.Series, right: pl.Series, month_first: MonthFirst = (None, None)) -> Compare:
    """Days between two dates, whichever is the earlier."""
    sides = zip((left, right), month_first, strict=True)
    return distance(*(_floats(dates(side, months).cast(pl.Int32)) for side, months in sides))
