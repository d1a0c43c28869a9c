"""The measures that compare two values of a column: higher is more alike, NaN where a value is missing.

Decision: docs/decisions/023-order-of-characters.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import Indel, JaroWinkler, Levenshtein
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.pairwise import row_dots
from erblock.similarity import Compare, Rows, Scores
from erblock.similarity.numeric import (
    MonthFirst,
    Numbers,
    date_difference,
    distance,
    read_numbers,
    relative_distance,
)
from erblock.similarity.strings import Texts, equal, ratio, subsequence
from erblock.similarity.values import folded, run_together
from erblock.tables.profile import Kind

Floats = npt.NDArray[np.float32]
_CODES = r"(?:[\p{L}\p{N}]+[-/._])*[\p{L}\p{N}]*\d[\p{L}\p{N}]*(?:[-/._][\p{L}\p{N}]+)*"
"""Words with a digit; separators may join their parts."""

_S = TypeVar("_S")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Sides:
    """One column of both tables as text, and the weight of each of the 2**20 features.

    Representations that several measures read are computed once. `month_first`: whether the month comes first
    in dates, for each side, given if only some of the column's values are here.
    """

    left: pl.Series
    right: pl.Series
    weights: Floats
    month_first: MonthFirst = (None, None)

    def both(self, build: Callable[[pl.Series], _T]) -> tuple[_T, _T]:
        """Return `build` applied to both sides, once for one table."""
        left = build(self.left)
        return left, left if self.right is self.left else build(self.right)

    @cached_property
    def features(self) -> tuple[ngrams.FeatureSets, ngrams.FeatureSets]:
        """The words, their 3-grams, and codes."""
        return self.both(ngrams.feature_sets)

    @cached_property
    def folded(self) -> tuple[Texts, Texts]:
        """The texts in lower case with single spaces."""
        return self.both(lambda values: Texts(folded(values)))

    @cached_property
    def run_together(self) -> tuple[Texts, Texts]:
        """The letters and digits of the texts."""
        return self.both(lambda values: Texts(run_together(values)))

    @cached_property
    def numbers(self) -> tuple[Numbers, Numbers]:
        """The first number in each text."""
        return self.both(read_numbers)


def cosine(sides: Sides) -> Compare:
    """TF-IDF cosine of words, their 3-grams, and codes."""
    left, right = _of_each(sides.features, lambda sets: ngrams.tfidf(sets, sides.weights))
    return _known(left, right, lambda rows, others: row_dots(left, right, rows, others))


def containment(sides: Sides) -> Compare:
    """The weight of the shared features, divided by the total weight of the record that has less."""
    return _contained(*_of_each(sides.features, lambda sets: _weighted(sets, sides.weights)))


def shared_codes(sides: Sides) -> Compare:
    """The weight of the shared words with digits, divided by the total of the record that has less."""
    return _contained(*sides.both(lambda texts: _weighted(ngrams.word_sets(_codes(texts)), sides.weights)))


def shared_numbers(sides: Sides) -> Compare:
    """The number of shared numbers, divided by that of the record with fewer.

    Look-alikes such as the flats of a house often differ in a short number alone, which is no code.
    """
    alike = np.ones_like(sides.weights)
    return _contained(*sides.both(lambda texts: _weighted(ngrams.word_sets(_numbers(texts)), alike)))


def _of_each(sides: tuple[_S, _S], build: Callable[[_S], _T]) -> tuple[_T, _T]:
    left, right = sides
    built = build(left)
    return built, built if right is left else build(right)


def _contained(left: sparse.csr_array, right: sparse.csr_array) -> Compare:
    sizes, other_sizes = (np.asarray(table.multiply(table).sum(axis=1)).ravel() for table in (left, right))

    def compare(rows: Rows, others: Rows) -> Scores:
        smaller = np.minimum(sizes[rows], other_sizes[others])
        return np.asarray(row_dots(left, right, rows, others) / np.maximum(smaller, 1e-6))

    return _known(left, right, compare)


def _known(left: sparse.csr_array, right: sparse.csr_array, compare: Compare) -> Compare:
    """Return `compare` with NaN where a record has no features."""
    empty, other_empty = (np.diff(table.indptr) == 0 for table in (left, right))
    return lambda rows, others: np.where(empty[rows] | other_empty[others], np.nan, compare(rows, others))


def _weighted(sets: ngrams.FeatureSets, weights: Floats) -> sparse.csr_array:
    """Return rows whose dot products are the total weights of shared features."""
    features = sets.features
    # A copy, because the next step works in place.
    parts = np.sqrt(weights[features]), features, sets.starts.copy()
    matrix = sparse.csr_array(parts, shape=(len(sets), 1 << ngrams.FEATURE_BITS))
    matrix.sum_duplicates()
    return matrix


def _codes(texts: pl.Series) -> pl.Series:
    """Return the words of two characters or more with a digit, without separators."""
    word = pl.element().str.replace_all(r"[-/._]", "")
    wanted = word.filter(word.str.len_chars() >= 2)
    return texts.str.extract_all(_CODES).list.eval(wanted).list.join(" ")


def _numbers(texts: pl.Series) -> pl.Series:
    """Return the numbers, each with a letter that ends its word, such as 12 and 7b."""
    return texts.str.extract_all(r"\d+\p{L}?\b|\d+").list.join(" ")


def _days(sides: Sides) -> Compare:
    return date_difference(sides.left, sides.right, sides.month_first)


def _nearness(difference: Callable[[Sides], Compare]) -> Callable[[Sides], Compare]:
    """Return a measure that falls with the logarithm of the difference."""

    def measure(sides: Sides) -> Compare:
        compare = difference(sides)
        return lambda rows, others: -np.log1p(compare(rows, others))

    return measure


_Measures = Mapping[str, Callable[[Sides], Compare]]

_EXACT: _Measures = {"exact": lambda sides: equal(*(side.values for side in sides.folded))}
_JARO_WINKLER: _Measures = {
    "jaro_winkler": lambda sides: ratio(JaroWinkler.normalized_similarity, *sides.folded)
}
_LEVENSHTEIN: _Measures = {
    "levenshtein": lambda sides: ratio(Levenshtein.normalized_similarity, *sides.folded)
}
_ORDER: _Measures = {
    "indel": lambda sides: ratio(Indel.normalized_similarity, *sides.run_together),
    "subsequence": lambda sides: subsequence(*sides.run_together),
}
_DIFFERENCE: _Measures = {"difference": _nearness(lambda sides: distance(*sides.numbers))}
_TYPED: _Measures = {"cosine": cosine, **_EXACT, **_JARO_WINKLER, **_LEVENSHTEIN}

MEASURES: Mapping[Kind, _Measures] = {
    "name": {"cosine": cosine, "containment": containment, **_EXACT, **_JARO_WINKLER, **_ORDER},
    "text": {"cosine": cosine, "containment": containment, **_EXACT, **_ORDER},
    "category": {"cosine": cosine, **_EXACT, **_JARO_WINKLER},
    "code": _TYPED,
    "number": {
        **_TYPED,
        **_DIFFERENCE,
        "relative_difference": _nearness(lambda sides: relative_distance(*sides.numbers)),
    },
    "year": {**_TYPED, **_DIFFERENCE},
    "date": {**_TYPED, "days": _nearness(_days)},
}


OF_RECORDS: _Measures = {"shared_codes": shared_codes, "shared_numbers": shared_numbers}
"""Measures of whole records."""

DISTANCES = frozenset({"difference", "relative_difference", "days"})
"""Measures that fall without bound as a distance grows; all others are similarities, 0 to 1."""


def measures_of(kind: Kind) -> Sequence[str]:
    """Return the names of the measures of a kind of column."""
    return tuple(MEASURES[kind])
