"""Similarities of two texts, by RapidFuzz on all cores."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel, JaroWinkler, LCSseq, Levenshtein

from erblock.similarity.values import folded, run_together, sounds, worded

Rows: TypeAlias = NDArray[np.int64]
Scores: TypeAlias = NDArray[np.floating[Any]]
Compare: TypeAlias = Callable[[Rows, Rows], Scores]
"""From row numbers of the left and of the right table to one score a pair, NaN where a value is missing."""


def _ratio(scorer: Any, left: pl.Series, right: pl.Series) -> Compare:
    left_texts, right_texts = (
        side.fill_null("").to_numpy(allow_copy=True).astype(object) for side in (left, right)
    )
    left_missing, right_missing = (side.is_null().to_numpy() for side in (left, right))

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        queries, choices = left_texts[left_rows].tolist(), right_texts[right_rows].tolist()
        scores = process.cpdist(queries, choices, scorer=scorer, workers=-1, dtype=np.float32)
        scores[left_missing[left_rows] | right_missing[right_rows]] = np.nan
        return scores

    return compare


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


def indel(left: pl.Series, right: pl.Series) -> Compare:
    """Share of the letters and digits, 0 to 1, that both texts have in the same order; ignores all else."""
    return _ratio(Indel.normalized_similarity, run_together(left), run_together(right))


def subsequence(left: pl.Series, right: pl.Series) -> Compare:
    """Share of the shorter text's letters and digits, 0 to 1, that the other has in the same order."""
    texts = run_together(left), run_together(right)
    common = _ratio(LCSseq.similarity, *texts)
    lengths, other_lengths = (side.str.len_chars().fill_null(1).to_numpy() for side in texts)

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        shorter = np.minimum(lengths[left_rows], other_lengths[right_rows])
        return np.asarray(common(left_rows, right_rows) / shorter)

    return compare


def _equal(left: pl.Series, right: pl.Series) -> Compare:
    both = pl.concat([left, right]).rank("dense").cast(pl.Float64).fill_null(np.nan).to_numpy()
    left_keys, right_keys = both[: len(left)], both[len(left) :]

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        difference = left_keys[left_rows] - right_keys[right_rows]
        return np.where(np.isnan(difference), np.nan, difference == 0)

    return compare


def exact(left: pl.Series, right: pl.Series) -> Compare:
    """The two texts are equal."""
    return _equal(folded(left), folded(right))


def prefix(left: pl.Series, right: pl.Series, length: float) -> Compare:
    """The first characters are equal, as many as the second argument says (4 if there is none)."""
    return _equal(*(folded(side).str.slice(0, int(length)) for side in (left, right)))


def soundex_equal(left: pl.Series, right: pl.Series) -> Compare:
    """The texts sound alike in English: equal Soundex codes, word by word."""
    return _equal(sounds(left), sounds(right))


def is_null(left: pl.Series, right: pl.Series) -> Compare:
    """The value is missing in at least one of the two records; left.column asks one table only."""
    left_missing, right_missing = (side.is_null().to_numpy() for side in (left, right))
    return lambda left_rows, right_rows: (left_missing[left_rows] | right_missing[right_rows]).astype(
        np.float64
    )
