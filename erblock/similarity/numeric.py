"""Differences of two numbers or two dates."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.similarity.strings import Compare, Rows, Scores
from erblock.similarity.values import dates, numbers

MonthFirst = tuple[bool | None, bool | None]
"""Of a column of dates on either side, whether 04/03 is April; None: what more of the values allow."""


def _floats(values: pl.Series) -> NDArray[np.float64]:
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _distance(left: NDArray[np.float64], right: NDArray[np.float64]) -> Compare:
    return lambda left_rows, right_rows: np.abs(left[left_rows] - right[right_rows])


def absolute_difference(left: pl.Series, right: pl.Series) -> Compare:
    """Difference of two numbers; the first number is read from texts such as "$1,299.00" or "4.5 kg"."""
    return _distance(_floats(numbers(left)), _floats(numbers(right)))


def relative_difference(left: pl.Series, right: pl.Series) -> Compare:
    """Difference of two numbers / the larger of them: 0.1 means ten percent apart."""
    left_numbers, right_numbers = _floats(numbers(left)), _floats(numbers(right))

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        first, second = left_numbers[left_rows], right_numbers[right_rows]
        difference, largest = np.abs(first - second), np.maximum(np.abs(first), np.abs(second))
        return np.divide(difference, largest, out=difference, where=largest > 0)

    return compare


def date_difference(left: pl.Series, right: pl.Series, month_first: MonthFirst = (None, None)) -> Compare:
    """Days between two dates, whichever is the earlier."""
    sides = zip((left, right), month_first, strict=True)
    return _distance(*(_floats(dates(side, months).cast(pl.Int32)) for side, months in sides))
