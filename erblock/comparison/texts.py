"""The similarity of whole records: the TF-IDF cosine of all compared columns as one text."""

import polars as pl

from erblock.comparison.measures import Floats
from erblock.hashing import ngrams
from erblock.hashing.pairwise import row_dots
from erblock.similarity import Rows


def ngram_similarity(
    texts: tuple[pl.Series, pl.Series], weights: Floats, left_rows: Rows, right_rows: Rows
) -> Floats:
    """Return the cosine of each pair of row numbers; for one table, `texts` is the same series twice."""
    left, right = texts
    vectors = ngrams.tfidf(ngrams.feature_sets(left), weights)
    others = vectors if right is left else ngrams.tfidf(ngrams.feature_sets(right), weights)
    return row_dots(vectors, others, left_rows, right_rows)
