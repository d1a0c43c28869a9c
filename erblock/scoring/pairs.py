"""Scored candidate pairs: the one table that ranking, estimate, budget and matching work on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import njit
from erblock.scoring.ranks import rank_within

_T = TypeVar("_T")


@dataclass(frozen=True)
class ScoredPairs:
    """Distinct candidate pairs of row numbers, with their similarities.

    `bands`: the number of bands in which each pair met. `best_left[i]`: the highest similarity of left record
    i. `competition`: the extent, 0 to 1, to which candidates of a left and of a right record compete, if
    known.
    """

    left: Rows
    right: Rows
    similarity: Scores
    bands: npt.NDArray[np.uint16]
    best_left: Scores
    best_right: Scores
    competition: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.left)

    def with_similarity(self, similarity: Scores) -> "ScoredPairs":
        """Return the pairs with their similarity replaced by this one."""
        best_left = np.zeros_like(self.best_left)
        best_right = best_left if self.one_table else np.zeros_like(self.best_right)
        np.maximum.at(best_left, self.left, similarity)
        np.maximum.at(best_right, self.right, similarity)
        return replace(self, similarity=similarity, best_left=best_left, best_right=best_right)

    def at(self, kept: Rows) -> "ScoredPairs":
        """Return the pairs at these positions; the highest similarity of each record is kept as it was."""
        return replace(
            self,
            left=self.left[kept],
            right=self.right[kept],
            similarity=self.similarity[kept],
            bands=self.bands[kept],
        )

    def of_rows(self, left: Rows, right: Rows, sizes: tuple[int, int]) -> "ScoredPairs":
        """Return the pairs with row numbers of larger tables: record i is row `left[i]` or `right[i]` there.

        `sizes`: number of records of the larger tables.
        """
        best_left = np.zeros(sizes[0], dtype=np.float32)
        best_left[left] = self.best_left
        best_right = best_left
        if not self.one_table:
            best_right = np.zeros(sizes[1], dtype=np.float32)
            best_right[right] = self.best_right
        return replace(
            self, left=left[self.left], right=right[self.right], best_left=best_left, best_right=best_right
        )

    def and_others(
        self, others: tuple[Rows, Rows], similarity: Scores, bands: npt.NDArray[np.uint16]
    ) -> "ScoredPairs":
        """Return these pairs and further distinct ones, together in order."""
        left, right = (np.concatenate(ends) for ends in zip((self.left, self.right), others, strict=True))
        order = np.argsort(pair_keys(left, right), kind="stable")
        similarity = np.concatenate([self.similarity, similarity])[order]
        bands = np.concatenate([self.bands, bands])[order]
        return replace(self, left=left[order], right=right[order], bands=bands).with_similarity(similarity)

    @property
    def one_table(self) -> bool:
        """Whether both sides are the same table."""
        return self.best_left is self.best_right

    def by_side(self, values: npt.NDArray[Any], figure: Callable[[Rows, Any, int], _T]) -> tuple[_T, _T]:
        """Return `figure(records, values, number of records)` of the left side and of the right side.

        In one table a record has pairs on both sides, and both results are the same.
        """
        if self.one_table:
            ends = np.concatenate([self.left, self.right])
            both = figure(ends, np.concatenate([values, values]), len(self.best_left))
            return both, both
        return (
            figure(self.left, values, len(self.best_left)),
            figure(self.right, values, len(self.best_right)),
        )


def pair_keys(left: Rows, right: Rows) -> Rows:
    """Return one number for each pair of row numbers, ordered by left row, then by right row."""
    return np.asarray((left << 32) | right)


def places(known: tuple[Rows, Rows], asked: tuple[Rows, Rows]) -> Rows:
    """Return the position of each asked pair of row numbers among the known pairs, -1 where it is missing."""
    if not len(known[0]) or not len(asked[0]):
        return np.full(len(asked[0]), -1, dtype=np.int64)
    keys, wanted = pair_keys(*known), pair_keys(*asked)
    order = np.argsort(keys, kind="stable")
    at = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[at] == wanted, at, -1)


def best_of_either(pairs: ScoredPairs, most: int) -> Rows:
    """Return the positions of the pairs that are among the best `most` of either of their records."""
    if pairs.one_table:
        both = np.concatenate([pairs.similarity, pairs.similarity])
        ranks = rank_within(np.concatenate([pairs.left, pairs.right]), both).reshape(2, -1)
        return np.flatnonzero((ranks < most).any(axis=0))
    near = rank_within(pairs.left, pairs.similarity) < most
    near |= rank_within(pairs.right, pairs.similarity) < most
    return np.flatnonzero(near)


def best_first(pairs: ScoredPairs, scores: Scores) -> Rows:
    """Return the positions of the pairs, highest score first; ties by left row, then right row."""
    if not _is_in_order(pairs.left, pairs.right):
        return np.lexsort((pairs.right, pairs.left, -scores))
    # The bits of positive floats are in their order, those of negative floats in reverse; minus zero is zero.
    bits = (scores + np.float32(0)).view(np.uint32)
    packed = np.where(bits >> np.uint32(31), bits, ~(bits | np.uint32(1 << 31))).astype(np.uint64)
    packed <<= np.uint64(32)
    packed |= np.arange(len(scores), dtype=np.uint32)
    packed.sort()
    packed &= np.uint64(0xFFFFFFFF)
    return packed.view(np.int64)


@njit
def _is_in_order(left: Rows, right: Rows) -> bool:
    for i in range(1, len(left)):
        if left[i] < left[i - 1] or (left[i] == left[i - 1] and right[i] < right[i - 1]):
            return False
    return True
