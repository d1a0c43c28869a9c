"""Pairs that are always written and pairs that never are, whatever ranking and budget say."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from erblock.blocking.copies import WrittenPairs, compared_rows
from erblock.blocking.score import are_apart
from erblock.hashing.base import Rows
from erblock.scoring.pairs import ScoredPairs, pair_keys, places
from erblock.tables.copies import Copies

_HALF, _LOW = 32, 0xFFFFFFFF


def _no_keys() -> Rows:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class FixedPairs:
    """Distinct pairs of records, packed by `pair_keys`: `must` are written, `never` are not.

    No pair is in both. In one table the lower row comes first. `source`: the source of each record, if the
    table says it; see `are_apart`.
    """

    must: Rows = field(default_factory=_no_keys)
    never: Rows = field(default_factory=_no_keys)
    source: Rows | None = None

    @property
    def any(self) -> bool:
        """Whether any pair is fixed, so that the budget does not decide about it."""
        return bool(len(self.must) or len(self.never)) or self.source is not None

    def compared(self, copies: tuple[Copies, Copies] | None) -> tuple[Rows, Rows]:
        """Return the pairs of compared records that stand for pairs that must be written."""
        left, right = self.must >> _HALF, self.must & _LOW
        return (left, right) if copies is None else compared_rows(copies, left, right)

    def written(self, pairs: ScoredPairs, copies: tuple[Copies, Copies] | None) -> WrittenPairs:
        """Return the pairs that must be written; each is scored, or is a copy of a scored pair."""
        at = places((pairs.left, pairs.right), self.compared(copies))
        return WrittenPairs(at, self.must >> _HALF, self.must & _LOW)

    def put_first(self, must: WrittenPairs, written: WrittenPairs) -> WrittenPairs:
        """Return the pairs that must be written, then those that the budget decides about."""
        if not self.any:
            return written
        return must.and_then(written.take(np.flatnonzero(self._is_free(written.left, written.right))))

    def taken_out(self, order: Rows, pairs: ScoredPairs, copies: tuple[Copies, Copies] | None) -> Rows:
        """Return `order` without fixed pairs, except those that stand for other pairs, too."""
        if not self.any:
            return order
        fixed = ~self._is_free(pairs.left, pairs.right)
        if copies is not None:  # copies are of one source
            left, right = (side.represented.sizes for side in copies)
            fixed &= (left[pairs.left] == 1) & (right[pairs.right] == 1)
        return order[~fixed[order]]

    def _is_free(self, left: Rows, right: Rows) -> npt.NDArray[np.bool_]:
        keys = pair_keys(left, right)
        free = ~(np.isin(keys, self.must) | np.isin(keys, self.never))
        return free if self.source is None else free & are_apart(self.source, left, right)


NONE_FIXED = FixedPairs()
"""The budget decides about every pair."""
