"""The measures that compare two values of a column: higher is more alike, NaN where a value is missing.

Decision: docs/decisions/023-order-of-characters.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.pairwise import row_dots
from erblock.similarity import Compare, Rows, Scores
from erblock.similarity.numeric import (
    MonthFirst,
    absolute_difference,
    date_difference,
    relative_difference,
)
from erblock.similarity.strings import exact, indel, jaro_winkler, levenshtein, subsequence
from erblock.tables.profile import Kind

Floats = npt.NDArray[np.float32]
_CODES = r"[\p{L}\p{N}]+(?:[-/._][\p{L}\p{N}]+)*"


@dataclass(frozen=True)
class Sides:
    """One column of both tables as text, and the weight of each of the 2**20 features.

    `month_first`: the order of day and month, given where only some of the column's values are here.
    """

    left: pl.Series
    right: pl.Series
    weights: Floats
    month_first: MonthFirst = (None, None)

    def rows(
        self, build: Callable[[pl.Series], sparse.csr_array]
    ) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return `build` of both sides; one table is built once."""
        left = build(self.left)
        return left, left if self.right is self.left else build(self.right)


def cosine(sides: Sides) -> Compare:
    """TF-IDF cosine of words, their 3-grams, and codes."""
    left, right = sides.rows(lambda texts: ngrams.tfidf(ngrams.feature_sets(texts), sides.weights))
    return _known(left, right, lambda rows, others: row_dots(left, right, rows, others))


def containment(sides: Sides) -> Compare:
    """The weight of the shared features / that of all features of the record that has less."""
    return _contained(*sides.rows(lambda texts: _weighted(ngrams.feature_sets(texts), sides.weights)))


def shared_codes(sides: Sides) -> Compare:
    """The weight of the shared words with digits / that of all of them of the record that has less."""
    return _contained(*sides.rows(lambda texts: _weighted(ngrams.word_sets(_codes(texts)), sides.weights)))


def _contained(left: sparse.csr_array, right: sparse.csr_array) -> Compare:
    sizes, other_sizes = (np.asarray(table.multiply(table).sum(axis=1)).ravel() for table in (left, right))

    def compare(rows: Rows, others: Rows) -> Scores:
        smaller = np.minimum(sizes[rows], other_sizes[others])
        return np.asarray(row_dots(left, right, rows, others) / np.maximum(smaller, 1e-6))

    return _known(left, right, compare)


def _known(left: sparse.csr_array, right: sparse.csr_array, compare: Compare) -> Compare:
    """Return `compare`, NaN where a record has no features."""
    empty, other_empty = (np.diff(table.indptr) == 0 for table in (left, right))
    return lambda rows, others: np.where(empty[rows] | other_empty[others], np.nan, compare(rows, others))


def _weighted(sets: ngrams.FeatureSets, weights: Floats) -> sparse.csr_array:
    """Return rows whose dot products are the weights of shared features."""
    features = sets.features
    matrix = sparse.csr_array(
        (np.sqrt(weights[features]), features, sets.starts), shape=(len(sets), 1 << ngrams.FEATURE_BITS)
    )
    matrix.sum_duplicates()
    return matrix


def _codes(texts: pl.Series) -> pl.Series:
    """Return the words with a digit and of two characters or more, without separators."""
    word = pl.element().str.replace_all(r"[-/._]", "")
    wanted = word.filter(word.str.contains(r"\d") & (word.str.len_chars() >= 2))
    return texts.str.extract_all(_CODES).list.eval(wanted).list.join(" ")


def _of_texts(measure: Callable[[pl.Series, pl.Series], Compare]) -> Callable[[Sides], Compare]:
    return lambda sides: measure(sides.left, sides.right)


def _days(sides: Sides) -> Compare:
    return date_difference(sides.left, sides.right, sides.month_first)


def _nearness(difference: Callable[[Sides], Compare]) -> Callable[[Sides], Compare]:
    """Return the measure that falls with the logarithm of a difference."""

    def measure(sides: Sides) -> Compare:
        compare = difference(sides)
        return lambda rows, others: -np.log1p(compare(rows, others))

    return measure


_EXACT = {"exact": _of_texts(exact)}
_EDITS = {"jaro_winkler": _of_texts(jaro_winkler), "levenshtein": _of_texts(levenshtein)}
_ORDER = {"indel": _of_texts(indel), "subsequence": _of_texts(subsequence)}
_TYPED: Mapping[str, Callable[[Sides], Compare]] = {"cosine": cosine, **_EXACT, **_EDITS}

MEASURES: Mapping[Kind, Mapping[str, Callable[[Sides], Compare]]] = {
    "name": {
        "cosine": cosine,
        "containment": containment,
        **_EXACT,
        "jaro_winkler": _of_texts(jaro_winkler),
        **_ORDER,
    },
    "text": {"cosine": cosine, "containment": containment, **_EXACT, **_ORDER},
    "category": {"cosine": cosine, **_EXACT, "jaro_winkler": _of_texts(jaro_winkler)},
    "code": _TYPED,
    "number": {
        **_TYPED,
        "difference": _nearness(_of_texts(absolute_difference)),
        "relative_difference": _nearness(_of_texts(relative_difference)),
    },
    "year": {**_TYPED, "difference": _nearness(_of_texts(absolute_difference))},
    "date": {**_TYPED, "days": _nearness(_days)},
}


DISTANCES = frozenset({"difference", "relative_difference", "days"})
"""Measures that fall without bound as a distance grows; all others are similarities, 0 to 1."""


def measures_of(kind: Kind) -> Sequence[str]:
    """Return the names of the measures of a kind of column."""
    return tuple(MEASURES[kind])
