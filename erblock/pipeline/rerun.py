"""Runs blocking again and keeps all intermediate results, to explain why a pair is kept or dropped.

Each pair has one outcome (`Fate`). It is kept, or it is dropped for one reason: its records share no bucket;
they share only buckets that are too full to be joined; the pair is not among the most similar of either
record; or a limit of the budget cuts it off.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.blocking.budget import DEFAULT_PER_RECORD, Budget, Cut, cut
from erblock.blocking.copies import COPIES_MET, WrittenPairs, compared_rows
from erblock.blocking.score import are_apart, kept_per_record
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.engines.local import LocalEngine
from erblock.hashing.arrays import SketchArrays, sketch_arrays
from erblock.hashing.base import Progress, Rows, Scores, Sketch, silent
from erblock.pipeline.block import budget_of
from erblock.pipeline.inputs import texts_of
from erblock.pipeline.ranked import RankedCandidates, rank
from erblock.scoring.pairs import ScoredPairs, pair_keys, places
from erblock.scoring.ranks import rank_within

ALL = np.iinfo(np.int64).max


class Fate(StrEnum):
    """The outcome of blocking for a pair: kept, or the reason for which the pair is dropped."""

    KEPT = "kept"
    NEVER = "never written: --must-not-pairs names it"
    SOURCE = "never written: both records are of one source"
    NO_KEY = "shares no bucket: a record has no key, as it has no text, or no rare text"
    NEVER_MET = "shares no bucket"
    TOO_FULL = "shares only buckets that are too full to be joined"
    NOT_BEST = "shares a bucket, but is not among the most similar candidates of either record"
    COPIES = f"cut off: a record is paired with at most {COPIES_MET} of several equal records"
    PER_RECORD = "cut off by --max-per-record"
    TARGET = "cut off by --target-recall"
    MAX_PAIRS = "cut off by --max-pairs"
    DEFAULT = (
        f"cut off by the default budget, {DEFAULT_PER_RECORD} pairs for each record of the smaller table"
    )


@dataclass(frozen=True)
class Pairs:
    """Pairs of records by row number; in one table, the lower row is left.

    `compared`: the pairs that are compared in place of these, as equal records are compared once.
    """

    left: Rows
    right: Rows
    compared: tuple[Rows, Rows]

    def __len__(self) -> int:
        return len(self.left)

    def at(self, rows: Rows) -> "Pairs":
        """Return the pairs at these positions."""
        one, other = self.compared
        return Pairs(self.left[rows], self.right[rows], (one[rows], other[rows]))


@dataclass(frozen=True)
class Rerun:
    """The results of all stages of blocking. `sketches`: those of the compared records of both sides."""

    engine: LocalEngine
    sketches: tuple[Sketch, Sketch]
    found: Candidates
    ranked: RankedCandidates
    budget: Budget
    kept: Cut

    @property
    def pairs(self) -> ScoredPairs:
        """The ranked candidates."""
        return self.ranked.pairs

    @property
    def one_table(self) -> bool:
        """Whether one table is deduplicated."""
        return self.engine.tables.dedup

    @cached_property
    def texts(self) -> tuple[pl.Series, pl.Series]:
        """The texts of all records of both sides."""
        return texts_of(self.engine.tables).both

    @cached_property
    def arrays(self) -> tuple[SketchArrays, SketchArrays]:
        """The sketches as arrays."""
        left, right = self.sketches
        arrays = sketch_arrays(left)
        return arrays, arrays if right is left else sketch_arrays(right)

    def of(self, left: Rows, right: Rows) -> Pairs:
        """Return pairs of records, with the pairs that are compared in their place."""
        if self.one_table:
            left, right = np.minimum(left, right), np.maximum(left, right)
        return Pairs(left, right, compared_rows(self.found.copies, left, right))

    def in_sketch(self, pairs: Pairs) -> tuple[Rows, Rows]:
        """Return the rows of the compared records in the left and in the right sketch."""
        left, right = self.found.copies
        at, other = (
            np.searchsorted(left.rows, pairs.compared[0]),
            np.searchsorted(right.rows, pairs.compared[1]),
        )
        return at, other

    def buckets(self, pairs: Pairs) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """Return the buckets of the left and the right records, two arrays (pairs, bands); 0 for none."""
        at, other = self.in_sketch(pairs)
        return self.arrays[0].buckets[at], self.arrays[1].buckets[other]

    def ranked_at(self, pairs: Pairs) -> Rows:
        """Return the positions of pairs among the ranked candidates, -1 for other pairs."""
        return places((self.pairs.left, self.pairs.right), pairs.compared)

    def fates(self, pairs: Pairs) -> list[Fate]:
        """Return the outcome of blocking for each pair."""
        fates = np.where(self.ranked_at(pairs) < 0, self._unranked(pairs), Fate.KEPT).astype(object)
        for fate, budget in self._limits().items():
            written = self.written(budget)
            gone = places((written.left, written.right), (pairs.left, pairs.right)) < 0
            fates[gone & (fates == Fate.KEPT)] = fate
        fixed, keys = self.found.fixed, pair_keys(pairs.left, pairs.right)
        if fixed.source is not None:
            same = ~are_apart(fixed.source, pairs.left, pairs.right)
            fates[same & ~np.isin(keys, fixed.must)] = Fate.SOURCE
        fates[np.isin(keys, fixed.never)] = Fate.NEVER
        return [Fate(fate) for fate in fates]

    def _unranked(self, pairs: Pairs) -> npt.NDArray[np.str_]:
        """Return the reason for which each pair is dropped, supposing that it is not a ranked candidate."""
        left, right = self.buckets(pairs)
        met = ((left == right) & (left > 0)).any(axis=1)
        empty = ~(left > 0).any(axis=1) | ~(right > 0).any(axis=1)
        at, other = self.in_sketch(pairs)
        similarity = self.sketches[0].similarity(self.sketches[1], at, other)
        spill = self._has_room(pairs, similarity)
        fates = [Fate.NO_KEY, Fate.NEVER_MET, Fate.TOO_FULL]
        return np.select([empty, ~met, spill], fates, Fate.NOT_BEST)

    def _has_room(self, pairs: Pairs, similarity: Scores) -> npt.NDArray[np.bool_]:
        """Return which pairs are similar enough to be ranked if they shared a bucket."""
        scored = self.found.scored
        records = len(self.sketches[0]) + (0 if self.one_table else len(self.sketches[1]))
        most = kept_per_record(records)

        def lowest(of: Rows, values: Scores, size: int) -> Scores:
            found = np.full(size, -np.inf, dtype=np.float32)
            last = rank_within(of, values) == most - 1
            found[of[last]] = values[last]
            return found

        left, right = scored.by_side(scored.similarity, lowest)
        one, other = pairs.compared
        return np.asarray((similarity > left[one]) | (similarity > right[other]))

    def _limits(self) -> dict[Fate, Budget]:
        """Return cumulative limits, each keyed by the reason (`Fate`) for which it drops a pair.

        The limits are in the order in which they apply; each includes those before it.
        """
        budget = self.budget
        limits = {Fate.COPIES: Budget(max_pairs=ALL)}
        if budget.max_per_record is not None:
            limits[Fate.PER_RECORD] = Budget(max_per_record=budget.max_per_record)
        if budget.target_recall is not None:
            limits[Fate.TARGET] = replace(budget, max_pairs=None)
        limits[Fate.DEFAULT if budget == Budget() else Fate.MAX_PAIRS] = budget
        return limits

    def written(self, budget: Budget) -> WrittenPairs:
        """Return the pairs that another budget writes, best first."""
        return cut(self.pairs, budget, self.ranked.expected, self.found.copies, self.found.fixed).written

    def counted(self, budget: Budget) -> WrittenPairs:
        """Return the pairs that another budget writes, in the order in which they count: must-pairs first."""
        written = self.written(budget)
        must = np.isin(pair_keys(written.left, written.right), self.found.fixed.must)
        return written.take(np.argsort(~must, kind="stable"))

    def places_kept_by(self, budget: Budget, pairs: Pairs) -> Rows:
        """Return the rank of each pair among the pairs that pass `budget` without its limit on all pairs."""
        written = self.counted(replace(budget, max_pairs=ALL))
        return places((written.left, written.right), (pairs.left, pairs.right))


def rerun_on(engine: LocalEngine, config: Config, on_progress: Progress = silent) -> Rerun:
    """Return the results of blocking with these settings on an engine; nothing is written."""
    sketches = engine.sketches(on_progress)
    found = engine.joined(sketches, on_progress)
    ranked = rank(config, found)
    budget = budget_of(config.block)
    kept = cut(ranked.pairs, budget, ranked.expected, found.copies, found.fixed)
    other = sketches[0] if sketches[1] is None else sketches[1]
    return Rerun(engine, (sketches[0], other), found, ranked, budget, kept)
