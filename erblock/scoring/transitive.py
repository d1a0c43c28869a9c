"""Matches of matches: pairs of one table that share their likely matches.

In one table the records of an entity are a cluster. Two of them may be too different to share a bucket or to
look like a match, and still match the same other records. The support of records a and c is

    S(a, c) = sum over b of p(a, b) p(b, c) / (1 + the smaller of sum over b of p(a, b) and of p(b, c)),

which is the share of likely matches that a and c have in common; it is lower where likely matches are few. A
pair is a match by its own odds or by its support. Pairs that become likely lead to further pairs in the next
round.

Decision: docs/decisions/029-transitive-pairs.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from erblock.hashing.base import Rows, Scores
from erblock.hashing.parallel import in_parallel, njit
from erblock.scoring.estimate import ExpectedMatches
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.ranks import rank_within

_CHUNK_PATHS = 2_000_000
_LEAST_SUPPORT = TUNED.least_support  # read by compiled code

Doubles = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TransitivePairs:
    """Pairs of row numbers, in order, with their support and the similarity of the weaker of their two steps.

    Where several paths lead from one record to the other, the similarity is that of the best path.
    """

    left: Rows
    right: Rows
    support: Doubles
    similarity: Scores


@dataclass(frozen=True)
class _Steps:
    """The likely matches of every record: those of record i are at `starts[i]` to `starts[i + 1] - 1`."""

    starts: Counts
    to: Rows
    probability: Doubles
    similarity: Scores

    @property
    def sums(self) -> Doubles:
        """The sum of each record's probabilities."""
        whole = np.concatenate([[0.0], np.cumsum(self.probability)])
        return np.asarray(whole[self.starts[1:]] - whole[self.starts[:-1]])

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """Yield (first record, end, number of two-step paths) for runs of records; the number is bounded."""
        lengths = np.diff(self.starts)
        ends = np.concatenate([[0], np.cumsum(lengths[self.to])])[self.starts]
        first = 0
        while first < len(lengths):
            last = max(first + 1, int(np.searchsorted(ends, ends[first] + _CHUNK_PATHS, side="right")) - 1)
            yield first, last, int(ends[last] - ends[first])
            first = last


def with_transitive_pairs(
    pairs: ScoredPairs, expected: ExpectedMatches
) -> tuple[ScoredPairs, ExpectedMatches]:
    """Return the pairs of one table and the transitive pairs, in order, with their log odds.

    Raises:
        ValueError: if no match is expected, so that there are no paths.
    """
    log_odds, probability = expected.log_odds, expected.probability
    if log_odds is None or probability is None:
        raise ValueError("there is nothing to go along")
    known = log_odds, probability
    joined = pairs
    for _ in range(TUNED.transitive_rounds):
        joined, log_odds, probability = _joined(pairs, known, transitive_pairs(joined, probability))
    return joined, replace(expected, log_odds=log_odds, decided=probability)


def _joined(
    scored: ScoredPairs, known: tuple[Doubles, Doubles], supported: TransitivePairs
) -> tuple[ScoredPairs, Doubles, Doubles]:
    """Return a triple (scored pairs and pairs that only support makes candidates, log odds, probabilities).

    The pairs are in order. `known`: log odds and probability of each pair of `scored` by itself.
    """
    keys = (scored.left << 32) | scored.right
    others = (supported.left << 32) | supported.right
    # numpy.union1d, which from 2.3 on hashes values, takes 50 times as long.
    every = np.sort(np.concatenate([keys, others]))
    every = every[np.diff(every, prepend=-1) > 0]
    own, theirs = np.searchsorted(every, keys), np.searchsorted(every, others)
    log_odds = np.full(len(every), -np.inf)
    log_odds[own] = known[0]
    support, alone = logit(supported.support) + TUNED.support_bonus, log_odds[theirs]
    # 1 - (1 - p) (1 - S) in odds o and t: o + t + o t.
    log_odds[theirs] = np.logaddexp(np.logaddexp(alone, support), alone + support)
    # Squared, because few pairs with a support below a half are matches, and nearly all above it are.
    decided = np.zeros(len(every))
    decided[own] = known[1]
    decided[theirs] = 1 - (1 - decided[theirs]) * (1 - supported.support**2)
    similarity, bands = np.zeros(len(every), dtype=np.float32), np.zeros(len(every), dtype=np.uint16)
    similarity[theirs] = supported.similarity
    similarity[own], bands[own] = scored.similarity, scored.bands
    left, right = every >> 32, every & 0xFFFFFFFF
    return replace(scored, left=left, right=right, similarity=similarity, bands=bands), log_odds, decided


def transitive_pairs(pairs: ScoredPairs, probability: Doubles) -> TransitivePairs:
    """Return the pairs of one table that share likely matches, whether they are candidates or not."""
    steps = _likely_steps(pairs, probability)
    table = steps.starts, steps.to, steps.probability, steps.similarity
    sums = steps.sums

    def work(span: tuple[int, int, int]) -> tuple[npt.NDArray[np.generic], ...]:
        first, last, paths = span
        rows = np.empty((2, paths), dtype=np.int64)
        support, similarity = np.empty(paths, dtype=np.float64), np.empty(paths, dtype=np.float32)
        found = _write_supported(table, sums, (first, last), (rows, support, similarity))
        order = np.lexsort((rows[1, :found], rows[0, :found]))
        return rows[0, order], rows[1, order], support[order], similarity[order]

    parts = [_nothing(), *in_parallel(work, steps.spans())]
    return TransitivePairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _nothing() -> tuple[npt.NDArray[np.generic], ...]:
    return tuple(np.empty(0, dtype=kind) for kind in (np.int64, np.int64, np.float64, np.float32))


def _likely_steps(pairs: ScoredPairs, probability: Doubles) -> _Steps:
    likely = np.flatnonzero(probability > TUNED.likely_step)
    ends = np.concatenate([pairs.left[likely], pairs.right[likely]])
    others = np.concatenate([pairs.right[likely], pairs.left[likely]])
    at = np.concatenate([likely, likely])
    at_most = rank_within(ends, probability[at]) < TUNED.most_steps
    ends, others, at = ends[at_most], others[at_most], at[at_most]
    order = np.lexsort((others, ends))
    starts = np.searchsorted(ends[order], np.arange(len(pairs.best_left) + 1))
    return _Steps(starts, others[order], probability[at[order]], pairs.similarity[at[order]])


@njit
def _write_supported(
    steps: tuple[Counts, Rows, Doubles, Scores],
    sums: Doubles,
    span: tuple[int, int],
    found: tuple[npt.NDArray[np.int64], Doubles, Scores],
) -> int:
    """Write pairs, support and similarity of two-step paths from some records; return the number of pairs."""
    starts, to, probability, similarity = steps
    rows, support, weaker = found
    both = np.zeros(len(sums), dtype=np.float64)
    best = np.zeros(len(sums), dtype=np.float32)
    written = 0
    for record in range(span[0], span[1]):
        begin = written
        for first in range(starts[record], starts[record + 1]):
            for second in range(starts[to[first]], starts[to[first] + 1]):
                end = to[second]
                if end > record:
                    if both[end] == 0:
                        rows[0, written], rows[1, written] = record, end
                        written += 1
                    both[end] += probability[first] * probability[second]
                    best[end] = max(best[end], min(similarity[first], similarity[second]))
        seen, written = written, begin
        for at in range(begin, seen):
            end = rows[1, at]
            share = both[end] / (1 + min(sums[record], sums[end]))
            if share >= _LEAST_SUPPORT:
                rows[0, written], rows[1, written] = record, end
                support[written], weaker[written] = share, best[end]
                written += 1
            both[end], best[end] = 0, 0
    return written
