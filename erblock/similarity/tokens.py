"""Similarities of two sets of tokens: words, character n-grams, codes."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from erblock.similarity.strings import Compare, Rows, Scores
from erblock.similarity.values import codes, grams, words

BLOCK = 100_000
RARE_AT_LEAST = 2
RARE_CODE_AT_LEAST = 10


@dataclass(frozen=True)
class TokenSets:
    """Sparse (records, tokens) matrices of both tables that mark the tokens of each record.

    Column i is the same token in both.
    """

    left: csr_matrix
    right: csr_matrix
    missing_left: NDArray[np.bool_]
    missing_right: NDArray[np.bool_]

    def shared(self, left_rows: Rows, right_rows: Rows) -> NDArray[np.float64]:
        """Return how many tokens each pair shares, NaN where a value is missing."""
        counts = np.empty(len(left_rows))
        for start in range(0, len(left_rows), BLOCK):
            part = slice(start, start + BLOCK)
            both = self.left[left_rows[part]].multiply(self.right[right_rows[part]])
            counts[part] = np.asarray(both.sum(axis=1)).ravel()
        counts[self.missing_left[left_rows] | self.missing_right[right_rows]] = np.nan
        return counts

    def rare(self, share: float, at_least: int) -> "TokenSets":
        """Keep the tokens in at most this share of each table's records, or in at most `at_least` records."""
        keep = np.ones(self.left.shape[1], dtype=bool)
        for table in (self.left, self.right):
            keep &= np.asarray(table.sum(axis=0)).ravel() <= max(share * table.shape[0], at_least)
        return replace(self, left=self.left[:, keep], right=self.right[:, keep])


def token_sets(left: pl.Series, right: pl.Series) -> TokenSets:
    """Return the token sets of two columns of token lists."""
    tokens = pl.concat([left, right]).alias("token").to_frame().with_row_index("row")
    long = tokens.explode("token", empty_as_null=True).drop_nulls().unique().sort("row", "token")
    column = long["token"].rank("dense").to_numpy().astype(np.int64) - 1
    shape = (tokens.height, int(column.max(initial=-1)) + 1)
    ones = np.ones(long.height, dtype=np.float32)
    matrix = csr_matrix((ones, (long["row"].to_numpy(), column)), shape=shape)
    missing = [side.is_null().to_numpy() for side in (left, right)]
    return TokenSets(matrix[: len(left)], matrix[len(left) :], *missing)


def jaccard(left: pl.Series, right: pl.Series, size: float) -> Compare:
    """Shared words / all words, 0 to 1; with a second argument, pieces of so many characters."""
    sets = token_sets(*(words(side) if size == 0 else grams(side, int(size)) for side in (left, right)))
    left_sizes, right_sizes = (np.diff(table.indptr) for table in (sets.left, sets.right))

    def compare(left_rows: Rows, right_rows: Rows) -> Scores:
        shared = sets.shared(left_rows, right_rows)
        union = left_sizes[left_rows] + right_sizes[right_rows] - shared
        np.divide(shared, union, out=shared, where=union > 0)
        return shared

    return compare


def _any_shared(sets: TokenSets) -> Compare:
    return lambda left_rows, right_rows: np.minimum(sets.shared(left_rows, right_rows), 1)


def shares_token(left: pl.Series, right: pl.Series, share: float) -> Compare:
    """Some word is in both texts and in at most this share of each table's records (0.01 if not said)."""
    return _any_shared(token_sets(words(left), words(right)).rare(share, RARE_AT_LEAST))


def shares_code(left: pl.Series, right: pl.Series, share: float) -> Compare:
    """A rare code with digits, such as a model number, is in both texts; unknown where a text has none.

    PSLX-350H equals PSLX350H. A rare code is in at most this share of each table's records (0.002 if not
    said), or in ten. A text without a code counts as missing, so that NOT shares_code(name) means: the codes
    differ.
    """
    sets = token_sets(codes(left), codes(right)).rare(share, RARE_CODE_AT_LEAST)
    none = [np.diff(table.indptr) == 0 for table in (sets.left, sets.right)]
    return _any_shared(replace(sets, missing_left=none[0], missing_right=none[1]))
