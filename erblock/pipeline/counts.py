"""Extrapolates the number of pairs, and the number that a budget keeps, from a sample to the tables.

Each sampled pair is weighted by its inverse sampling probability (`sample`), and each sampled record by the
inverse of the share of records drawn.

Decision: docs/decisions/045-trial-runs.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.blocking.bucket_runs import MAX_BUCKET, window
from erblock.blocking.budget import DEFAULT_PER_RECORD, Budget
from erblock.blocking.candidates import JoinReport, PairChunk
from erblock.blocking.score import kept_per_record
from erblock.hashing.base import Rows
from erblock.pipeline.sample import SamplingTokens
from erblock.scoring.pairs import ScoredPairs

Doubles = npt.NDArray[np.float64]

_LEAST_PROBABILITY = 0.1
"""The least probability at which a pair with a large weight counts as a match; lower ones are too noisy."""


@dataclass(frozen=True)
class Counts:
    """Estimated pairs in the tables: `distinct` pairs share a bucket, `scored` pairs are ranked."""

    distinct: float
    scored: float


@dataclass(frozen=True)
class Kept:
    """The estimate for a budget: the number of `pairs` that it keeps, and their `recall`, None if unknown."""

    pairs: float
    recall: float | None


@dataclass(frozen=True)
class SampledRecords:
    """A sample of one or two tables.

    `left`, `right`: the tokens of the records of both sides. `share`: the share of records drawn. `records`:
    the number of records of each table.
    """

    left: SamplingTokens
    right: SamplingTokens
    share: float
    records: tuple[int, ...]

    @property
    def one_table(self) -> bool:
        """Whether both sides are the same table."""
        return len(self.records) == 1

    @property
    def drawn(self) -> npt.NDArray[np.bool_]:
        """Whether each left record was drawn through its own first token."""
        return np.asarray(self.left.drawn(self.share)[:, 0])

    @property
    def of_one(self) -> float:
        """The number of left records per drawn left record."""
        return self.records[0] / max(int(self.drawn.sum()), 1)

    def weighted_records(self, left: Rows, right: Rows) -> Iterator[tuple[Rows, Doubles]]:
        """Yield, for each sampled side, the record of each pair, and the pair's inverse-probability weight.

        In one table, a pair can be sampled through either of its records.
        """
        drawn = self.drawn
        for rows, others in ((left, right), (right, left)) if self.one_table else ((left, right),):
            chance = self.left.chance(self.right, rows, others, self.share)
            yield rows, np.where(drawn[rows], self.share / chance, 0.0)

    def weights(self, left: Rows, right: Rows) -> Doubles:
        """Return the inverse-probability weight of each pair."""
        sides = [counts for _, counts in self.weighted_records(left, right)]
        return np.asarray(sum(sides) * self.of_one / len(sides))


def count(sample: SampledRecords, chunks: Iterable[PairChunk], report: JoinReport) -> Counts:
    """Return the estimated numbers of pairs in the tables, from a sample and the report of its join.

    Counts are capped at the ranking limit and, for overfull buckets, at the join window.
    """
    sums = np.zeros(len(sample.left.first))
    for chunk in chunks:
        for rows, counts in sample.weighted_records(chunk.left, chunk.right):
            sums += np.bincount(rows, weights=counts, minlength=len(sums))
    sums = sums[sample.drawn]
    if not sums.any():
        return Counts(0, 0)
    largest = report.largest_bucket * sample.records[-1] // max(len(sample.right.first), 1)
    if largest > max(
        MAX_BUCKET, report.largest_bucket
    ):  # pairs that the join of the sample left out are missing here
        full = np.flatnonzero(sums > MAX_BUCKET)
        # An overfull bucket is mostly due to one value: a record then has candidates in a window before it
        # and in one after it.
        sums[full] = [min(size, 2 * window(int(size), MAX_BUCKET)) for size in sums[full]]
    distinct = sample.records[0] * float(sums.mean()) / (2 if sample.one_table else 1)
    # Right records are assumed to have as many candidates as left ones.
    of_either = sum(sample.records) * float(np.minimum(sums, kept_per_record(sum(sample.records))).mean())
    return Counts(distinct, min(distinct, of_either))


@dataclass(frozen=True)
class RankedPairs:
    """The pairs of a sample, their `order`, best first, and their probabilities of a match, if known."""

    pairs: ScoredPairs
    order: Rows
    probability: Doubles | None

    def kept(self, sample: SampledRecords, budget: Budget, scored: float) -> Kept:
        """Return the estimate of what `budget` keeps, if the tables have `scored` ranked pairs."""
        order = self.order
        weights = sample.weights(self.pairs.left, self.pairs.right)
        if budget.max_per_record is not None:
            places = self._places(weights[order] / sample.of_one)
            order = order[places < budget.max_per_record]
        held = np.append(0.0, np.cumsum(weights[order]))
        pairs = min(
            [*_limits(budget, min(sample.records)), float(held[-1]) if budget.max_per_record else scored]
        )
        if self.probability is None:
            return Kept(pairs, None)
        expected = np.where(
            (weights > sample.of_one) & (self.probability < _LEAST_PROBABILITY), 0, self.probability * weights
        )
        shares = np.append(0.0, np.cumsum(expected[order])) / max(float(expected.sum()), 1e-9)
        if budget.target_recall is not None:
            reached = min(int(np.searchsorted(shares, budget.target_recall - 1e-9)), len(held) - 1)
            pairs = min(pairs, float(held[reached]))
        return Kept(pairs, float(np.interp(pairs, held, shares)))

    def _places(self, of_record: Doubles) -> Doubles:
        """Return, for the pairs in `order`, their estimated ranks in the tables among a record's pairs."""
        left, right = self.pairs.left[self.order], self.pairs.right[self.order]
        right = right + (0 if self.pairs.one_table else len(self.pairs.best_left))
        before = _sum_before(np.concatenate([left, right]), np.concatenate([of_record, of_record]))
        return np.asarray(before.reshape(2, -1).max(axis=0))


def _limits(budget: Budget, smaller: int) -> list[float]:
    if budget.max_pairs is not None:
        return [float(budget.max_pairs)]
    if budget.max_per_record is None and budget.target_recall is None:
        return [float(DEFAULT_PER_RECORD * smaller)]
    return []


def _sum_before(groups: Rows, values: Doubles) -> Doubles:
    """Return, for each element, the sum of the values before it in its group."""
    order = np.argsort(groups, kind="stable")
    sums = np.cumsum(values[order]) - values[order]
    first = np.flatnonzero(np.diff(groups[order], prepend=-1))
    begins = np.repeat(sums[first], np.diff(np.append(first, len(groups))))
    before = np.empty(len(groups))
    before[order] = sums - begins
    return before
