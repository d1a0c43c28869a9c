"""The functions that a rule may call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import polars as pl

from erblock.similarity import numeric, strings, tokens, values
from erblock.similarity.strings import Compare


class Cost(IntEnum):
    """The rank of the work per pair; a rule computes cheap comparisons first."""

    LOOKUP = 1
    SETS = 4
    TEXT = 10
    LONG_TEXT = 30


@dataclass(frozen=True)
class Option:
    """An optional last argument, a number from `low` to `high`."""

    name: str
    default: float
    low: float
    high: float
    whole: bool = False

    def accepts(self, value: float) -> bool:
        """Whether a rule may give this value."""
        return self.low <= value <= self.high and (not self.whole or value == int(value))


@dataclass(frozen=True)
class Measure:
    """A named similarity: `build` prepares both columns once and returns the comparison of pairs.

    `scale` is the width of the range (1 or 100), None for differences without bound and for truth values.
    """

    name: str
    build: Callable[..., Compare]
    gives: Literal["number", "truth"]
    cost: Cost
    scale: float | None = None
    option: Option | None = None
    reads: Callable[[pl.Series], pl.Series] | None = None

    @property
    def summary(self) -> str:
        """The first line of the docstring of `build`."""
        return (self.build.__doc__ or "").strip().splitlines()[0]

    @property
    def call(self) -> str:
        """The call as a rule writes it."""
        return f"{self.name}(column{f', {self.option.name}' if self.option else ''})"


_MEASURES = (
    Measure("exact", strings.exact, "truth", Cost.LOOKUP),
    Measure("is_null", strings.is_null, "truth", Cost.LOOKUP),
    Measure("prefix", strings.prefix, "truth", Cost.LOOKUP, option=Option("length", 4, 1, 1000, whole=True)),
    Measure("soundex", strings.soundex_equal, "truth", Cost.LOOKUP),
    Measure("shares_code", tokens.shares_code, "truth", Cost.SETS, option=Option("share", 0.002, 0, 1)),
    Measure("shares_token", tokens.shares_token, "truth", Cost.SETS, option=Option("share", 0.01, 0, 1)),
    Measure("jaro_winkler", strings.jaro_winkler, "number", Cost.TEXT, 1),
    Measure("levenshtein", strings.levenshtein, "number", Cost.TEXT, 1),
    Measure("edit_distance", strings.edit_distance, "number", Cost.TEXT),
    Measure("jaccard", tokens.jaccard, "number", Cost.SETS, 1, Option("size", 0, 1, 50, whole=True)),
    Measure("token_set_ratio", strings.token_set_ratio, "number", Cost.TEXT, 100),
    Measure("token_sort_ratio", strings.token_sort_ratio, "number", Cost.TEXT, 100),
    Measure("partial_ratio", strings.partial_ratio, "number", Cost.LONG_TEXT, 100),
    Measure("absolute_difference", numeric.absolute_difference, "number", Cost.LOOKUP, reads=values.numbers),
    Measure(
        "relative_difference", numeric.relative_difference, "number", Cost.LOOKUP, 1, reads=values.numbers
    ),
    Measure("date_difference", numeric.date_difference, "number", Cost.LOOKUP, reads=values.dates),
)

VOCABULARY: Mapping[str, Measure] = {measure.name: measure for measure in _MEASURES}
