"""Near copies: records of one table that describe the same thing, where a record has at most one match.

Two candidates of a record exclude each other, unless they are copies: the same hotel listed twice in its
table, with a letter changed. Similarity alone does not separate copies from look-alikes. But some look-alikes
are known, because they have matches of their own. Let x be the match of record a, and y another candidate of
a. If y has no match and a is its best candidate, y may be a copy of x (a target). If y has a match of its
own, it is not a copy of x (a decoy). Above a threshold of the log odds that x and y match, the decoys give an
estimate of the share of false copies (Elias and Gygi 2007, with the 1 of Barber and Candes 2015):

    (decoys + 1) / targets * (records without a match / records with one).

The threshold is the lowest one above 0 with 20 targets or more and a share of at most 2 %. If there is none,
no copies are found.

Decision: docs/decisions/048-near-copies.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from erblock.hashing.base import Rows, Scores
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import rank_within
from erblock.scoring.weak_labels import LEAST_EXAMPLES

Within = Callable[[Rows, Rows], Scores]
"""A function that returns the log odds that records match, given two arrays of row numbers of one table."""

_COMPARED = 5
"""Best candidates of a record that are compared with its match; hardly any further candidate is a copy."""


@dataclass(frozen=True)
class NearCopies:
    """The records of both tables that are near copies of another record of their table.

    `first_left[i]`: the row that left record i is a copy of, or i itself. `first_right`: the same for right
    records. `false_left`, `false_right`: the estimated share of false copies among the copies.
    """

    first_left: Rows
    first_right: Rows
    false_left: float = 0.0
    false_right: float = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        """How many left records, and right ones, are copies of another."""
        return _count(self.first_left), _count(self.first_right)

    @property
    def firsts(self) -> tuple[Rows, Rows] | None:
        """The rows that left and right records are copies of; None if there are no copies."""
        return (self.first_left, self.first_right) if any(self.counts) else None

    def shared(self, pairs: ScoredPairs, probability: Scores) -> Scores:
        """Return the probabilities, with those of copies of a match raised to nearly that of the match."""
        if self.firsts is None:
            return probability
        shared = _shared(pairs.left, self.first_right[pairs.right], probability, self.false_right)
        return _shared(pairs.right, self.first_left[pairs.left], shared, self.false_left)


def no_copies(pairs: ScoredPairs) -> NearCopies:
    """Return a `NearCopies` in which no record is a copy."""
    return NearCopies(np.arange(len(pairs.best_left)), np.arange(len(pairs.best_right)))


def near_copies(
    pairs: ScoredPairs,
    log_odds: Scores,
    matched: Rows,
    once: tuple[bool, bool],
    within: tuple[Within, Within],
) -> NearCopies:
    """Return the copies in both tables.

    `log_odds`: those of each pair by itself. `matched`: positions of the likely matches, at most one for each
    record. `once`: whether a left record, and a right one, has one match at most; the table on the other side
    of such records may hold copies. `within`: functions that compare records of the left table with each
    other, and those of the right table.
    """
    none = no_copies(pairs)
    left, right = (none.first_left, 0.0), (none.first_right, 0.0)
    if once[1]:
        left = _copies(_Side(pairs.right, pairs.left, log_odds, matched), none.first_left, within[0])
    if once[0]:
        right = _copies(_Side(pairs.left, pairs.right, log_odds, matched), none.first_right, within[1])
    return NearCopies(left[0], right[0], left[1], right[1])


@dataclass(frozen=True)
class _Side:
    """Pairs of records `a` with records `y` of the table that may hold copies."""

    a: Rows
    y: Rows
    log_odds: Scores
    matched: Rows

    @property
    def match_of(self) -> Rows:
        """The match of each record a, -1 where it has none."""
        match_of = np.full(int(self.a.max(initial=-1)) + 1, -1)
        match_of[self.a[self.matched]] = self.y[self.matched]
        return match_of

    def best_of_y(self) -> npt.NDArray[np.bool_]:
        """Mark the best pair of each record y."""
        order = np.argsort(-self.log_odds, kind="stable")
        marked = np.zeros(len(self.y), dtype=bool)
        marked[order[np.unique(self.y[order], return_index=True)[1]]] = True
        return marked


def _copies(side: _Side, records: Rows, within: Within) -> tuple[Rows, float]:
    """Return a pair (the record that each of `records` is a copy of, or itself; share of false copies)."""
    match_of, has_match = side.match_of, np.zeros(len(records), dtype=bool)
    has_match[side.y[side.matched]] = True
    match = match_of[side.a]
    near = (match >= 0) & (match != side.y) & (rank_within(side.a, side.log_odds) <= _COMPARED)
    asked = np.flatnonzero(near & (has_match[side.y] | side.best_of_y()))
    alike = within(match[asked], side.y[asked]) if len(asked) else np.zeros(0, dtype=np.float32)
    asked, alike = asked[alike > 0], alike[alike > 0]
    by_odds = np.argsort(-alike, kind="stable")
    is_target = ~has_match[side.y[asked[by_odds]]]
    targets, decoys = np.cumsum(is_target), np.cumsum(~is_target)
    others, own = int((~has_match).sum()), int(has_match.sum())
    false = (decoys + 1) / np.maximum(targets, 1) * others / max(own, 1)
    good = np.flatnonzero(is_target & (false <= TUNED.false_copies) & (targets >= LEAST_EXAMPLES))
    if not len(good):
        return records, 0.0
    chosen = asked[by_odds[: good[-1] + 1]]
    chosen = chosen[~has_match[side.y[chosen]]]
    first = records.copy()
    first[side.y[chosen]] = match[chosen]
    return first, float(false[good[-1]])


def _shared(records: Rows, firsts: Rows, probability: Scores, false: float) -> Scores:
    """Return the probabilities of pairs; copies share the probability that one of them is the match."""
    _, group, sizes = np.unique(records << 32 | firsts, return_inverse=True, return_counts=True)
    together = np.minimum(np.bincount(group, weights=probability), 1.0)[group]
    raised = np.maximum(probability, (1 - false) * together)
    return np.where(sizes[group] > 1, raised, probability).astype(probability.dtype)


def _count(first: Rows) -> int:
    return int((first != np.arange(len(first))).sum())
