"""Similarities of two texts, computed with RapidFuzz on all cores."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import JaroWinkler, LCSseq, Levenshtein

from erblock.similarity.values import folded, sounds, worded

Rows: TypeAlias = NDArray[np.int64]
Scores: TypeAlias = NDArray[np.floating[Any]]
Compare: TypeAlias = Callable[[Rows, Rows], Scores]
"""A function from row numbers of both tables to one score per pair, NaN where a value is missing."""


class Texts:
    """A column of texts, for RapidFuzz: Python strings, empty where `missing`."""

    def __init__(self, values: pl.Series) -> None:
        self.values = values

    @cached_property
    def strings(self) -> NDArray[np.object_]:
        """The texts as Python strings, empty where missing."""
        return self.values.fill_null("").to_numpy(allow_copy=True).astype(object)

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Whether each value is missing."""
        return self.values.is_null().to_numpy()


def ratio(scorer: Any, left: Texts, right: Texts) -> Compare:
    """Return the comparison of two columns by `scorer`, a function of RapidFuzz."""

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        queries, choices = left.strings[left_rows].tolist(), right.strings[right_rows].tolist()
        scores = process.cpdist(queries, choices, scorer=scorer, workers=-1, dtype=np.float32)
        scores[left.missing[left_rows] | right.missing[right_rows]] = np.nan
        return scores

    return compare


def _ratio(scorer: Any, left: pl.Series, right: pl.Series) -> Compare:
    return ratio(scorer, Texts(left), Texts(right))


def jaro_winkler(left: pl.Series, right: pl.Series) -> Compare:
    """Jaro-Winkler similarity, 0 to 1; good for names and short texts with typing errors."""
    return _ratio(JaroWinkler.normalized_similarity, folded(left), folded(right))


def levenshtein(left: pl.Series, right: pl.Series) -> Compare:
    """Levenshtein similarity, 0 to 1: 1 - edits / length of the longer text."""
    return _ratio(Levenshtein.normalized_similarity, folded(left), folded(right))


def edit_distance(left: pl.Series, right: pl.Series) -> Compare:
    """Number of characters to insert, delete or change to turn one text into the other."""
    return _ratio(Levenshtein.distance, folded(left), folded(right))


def token_set_ratio(left: pl.Series, right: pl.Series) -> Compare:
    """0 to 100; 100 when one text's words are all in the other; ignores order, repetition, punctuation."""
    return _ratio(fuzz.token_set_ratio, worded(left), worded(right))


def token_sort_ratio(left: pl.Series, right: pl.Series) -> Compare:
    """0 to 100; the texts are compared with their words sorted; ignores order and punctuation."""
    return _ratio(fuzz.token_sort_ratio, worded(left), worded(right))


def partial_ratio(left: pl.Series, right: pl.Series) -> Compare:
    """0 to 100; the shorter text against the best place in the longer one."""
    return _ratio(fuzz.partial_ratio, worded(left), worded(right))


def subsequence(left: Texts, right: Texts) -> Compare:
    """Return the comparison by the longest common subsequence's share of the shorter text, 0 to 1."""
    common = ratio(LCSseq.similarity, left, right)
    lengths, other_lengths = (side.values.str.len_chars().fill_null(1).to_numpy() for side in (left, right))

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        shorter = np.minimum(lengths[left_rows], other_lengths[right_rows])
        return np.asarray(common(left_rows, right_rows) / shorter)

    return compare


def equal(left: pl.Series, right: pl.Series) -> Compare:
    """Return a function that computes whether two values are the same."""
    both = pl.concat([left, right]).rank("dense").cast(pl.Float64).fill_null(np.nan).to_numpy()
    left_keys, right_keys = both[: len(left)], both[len(left) :]

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        difference = left_keys[left_rows] - right_keys[right_rows]
        return np.where(np.isnan(difference), np.nan, difference == 0)

    return compare


def exact(left: pl.Series, right: pl.Series) -> Compare:
    """The two texts are equal."""
    return equal(folded(left), folded(right))


def prefix(left: pl.Series, right: pl.Series, length: float) -> Compare:
    """The first characters are equal, as many as the second argument says (4 if there is none)."""
    return equal(*(folded(side).str.slice(0, int(length)) for side in (left, right)))


def soundex_equal(left: pl.Series, right: pl.Series) -> Compare:
    """The texts sound alike in English: equal Soundex codes, word by word."""
    return equal(sounds(left), sounds(right))


def is_null(left: pl.Series, right: pl.Series) -> Compare:
    """The value is missing in at least one of the two records; left.column asks one table only."""
    left_missing, right_missing = (side.is_null().to_numpy() for side in (left, right))
    return lambda left_rows, right_rows: (left_missing[left_rows] | right_missing[right_rows]).astype(
        np.float64
    )
