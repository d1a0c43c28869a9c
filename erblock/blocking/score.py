"""Scores candidate pairs by similarity and keeps the best of every record.

Decision: docs/decisions/044-candidates-of-millions.md.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from erblock.blocking.candidates import JoinReport, PairChunk, join_each
from erblock.blocking.spill import SpillBuffer
from erblock.hashing.base import Progress, Rows, Scores, Sketch, silent
from erblock.hashing.parallel import njit
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.ranks import rank_within, write_best

_T = TypeVar("_T")

KEEP_PER_RECORD = 100
"""Best candidates of each record that are ranked; a pair is kept if it is among them for either record."""

_KEPT_PAIRS = 60_000_000
_LEAST_KEPT = 10
"""Pairs kept in all, and least per record: with more than 600,000 records fewer than 100 per record are
kept."""

_TYPES = (np.int64, np.int64, np.uint16, np.float32)
"""Types of left rows, right rows, numbers of bands, and similarities."""


def kept_per_record(records: int) -> int:
    """Return how many candidates of a record are ranked; `records`: those of both tables together."""
    return min(KEEP_PER_RECORD, max(_LEAST_KEPT, _KEPT_PAIRS // max(records, 1)))


def score_candidates(
    left: Sketch,
    right: Sketch | None,
    report: JoinReport,
    on_progress: Progress = silent,
    memory: int | None = None,
    source: Rows | None = None,
) -> ScoredPairs:
    """Return the scored candidates of two tables, or of one (`right` is None): the best of either record.

    `memory`: maximum bytes of keys and pairs in memory; the rest is in files, with the same result. `source`:
    the number of each record's source, 0 where it is unknown; records of one source do not meet.
    """
    other = left if right is None else right
    best = BestPairs(len(left), None if right is None else len(right))

    def scored(chunk: PairChunk) -> tuple[PairChunk, Scores]:
        if source is not None:
            chunk = chunk.at(np.flatnonzero(are_apart(source, chunk.left, chunk.right)))
        similarity = left.similarity(other, chunk.left, chunk.right)
        kept = best.candidates(chunk, similarity)
        return chunk.at(kept), similarity[kept]

    on_progress("join", 0, len(left))
    with SpillBuffer(memory) as spill:
        for chunk, similarity in join_each(left, right, report, scored, spill):
            best.add(chunk, similarity, spill)
            if len(chunk.left):
                on_progress("join", int(chunk.left[-1]), len(left))
        on_progress("join", len(left), len(left))
        return best.pairs(spill)


def are_apart(source: Rows, left: Rows, right: Rows) -> npt.NDArray[np.bool_]:
    """Return which pairs have records of two sources; an unknown source differs from all others."""
    return np.asarray((source[left] != source[right]) | (source[left] == 0))


class BestPairs:
    """Collects pairs in order, chunk by chunk, and keeps those that are among the best of either record.

    Ties go to the lower row of the other side, so that swapping the tables changes no pair.
    """

    def __init__(self, left: int, right: int | None) -> None:
        self._most = kept_per_record(left + (right or 0))
        self._left = np.full((left, self._most), -np.inf, dtype=np.float32)
        self._right = self._left if right is None else np.full((right, self._most), -np.inf, dtype=np.float32)
        self._columns: list[list[npt.NDArray[Any]]] = [[] for _ in _TYPES]
        self._held, self._allowed = 0, 2 * self._most * (left + (right or 0))

    def candidates(self, chunk: PairChunk, similarity: Scores) -> Rows:
        """Return the positions of the pairs that may still be among the best.

        This may be called while another thread adds pairs; pairs added last may then not count yet.
        """
        near = rank_within(chunk.left - chunk.left.min(initial=0), similarity) < self._most
        return np.flatnonzero(near | (similarity >= self._right[chunk.right, -1]))

    def add(self, chunk: PairChunk, similarity: Scores, spill: SpillBuffer) -> None:
        """Add the pairs of a chunk."""
        for rows, best in ((chunk.left, self._left), (chunk.right, self._right)):
            write_best(rows, similarity, 0, best)
        kept = np.flatnonzero(self._may_stay(chunk.left, chunk.right, similarity))
        stay: tuple[npt.NDArray[Any], ...] = (*chunk.at(kept).columns, similarity[kept])
        for values, column in zip(stay, self._columns, strict=True):
            column.append(spill.keep(values))
        self._held += len(kept)
        if self._held > self._allowed and spill.limit is None:
            self._thin_out()

    def _may_stay(self, left: Rows, right: Rows, similarity: Scores) -> npt.NDArray[np.bool_]:
        return np.asarray((similarity >= self._left[left, -1]) | (similarity >= self._right[right, -1]))

    def _thin_out(self) -> None:
        """Drop pairs that better ones have replaced, and set the size at which to do so again."""
        for number, part in enumerate(zip(*self._columns, strict=True)):
            kept = np.flatnonzero(self._may_stay(part[0], part[1], part[3]))
            for values, column in zip(part, self._columns, strict=True):
                column[number] = values[kept]
        self._held = sum(map(len, self._columns[0]))
        self._allowed = max(self._allowed, 2 * self._held)

    def pairs(self, spill: SpillBuffer) -> ScoredPairs:
        """Return the best pairs of all chunks."""
        ties = _Ties(*(_open_ties(best) for best in (self._left, self._right)))
        if self._right is self._left:
            ties = ties._replace(right=ties.left)
        lowest = self._left[:, -1].copy(), self._right[:, -1].copy()
        for number, (left, right, bands, similarity) in enumerate(zip(*self._columns, strict=True)):
            kept = np.zeros(len(left), dtype=bool)
            _write_kept((left, right, similarity), lowest, ties, kept)
            part = left[kept], right[kept], bands[kept], similarity[kept]
            for values, column in zip(part, self._columns, strict=True):
                column[number] = values
        best_left = np.maximum(self._left[:, 0], 0)
        best_right = best_left if self._right is self._left else np.maximum(self._right[:, 0], 0)
        del self._left, self._right
        # One column after the other, so that only one column at a time is in memory twice.
        rows, others, bands, similarity = (spill.joined(self._columns.pop(0), dtype) for dtype in _TYPES)
        return ScoredPairs(rows, others, similarity, bands, best_left, best_right)


class _Ties(NamedTuple):
    """How many pairs each record still takes that are only as similar as the last of its best pairs."""

    left: Rows
    right: Rows


def _open_ties(best: Scores) -> Rows:
    return np.asarray(best.shape[1] - (best > best[:, -1:]).sum(axis=1))


@njit
def _write_kept(
    pairs: tuple[Rows, Rows, Scores], lowest: tuple[Scores, Scores], ties: _Ties, kept: npt.NDArray[np.bool_]
) -> None:
    """Write which pairs are among the best of either record; ties go to the first."""
    left, right, similarity = pairs
    for i in range(len(left)):
        is_best = False
        if similarity[i] >= lowest[0][left[i]]:
            is_best = similarity[i] > lowest[0][left[i]] or ties.left[left[i]] > 0
            ties.left[left[i]] -= similarity[i] == lowest[0][left[i]]
        if similarity[i] >= lowest[1][right[i]]:
            is_best |= similarity[i] > lowest[1][right[i]] or ties.right[right[i]] > 0
            ties.right[right[i]] -= similarity[i] == lowest[1][right[i]]
        kept[i] = is_best
