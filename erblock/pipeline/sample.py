"""Draws samples of tables that keep matches together, and computes sampling probabilities of pairs.

A random hundredth of two tables keeps only a ten-thousandth of the matches, too few to measure. So records
are sampled by their tokens. The tokens of each record are sorted by a weighted hash, as in MinHash, mostly
rare ones first. Tokens are drawn at random, and a record is in the sample if one of its first four tokens is
drawn. Most records with similar text are then in the sample, too. Pairs are counted for the left records
whose first token is drawn, a share `share` of the records. Such a pair is in the sample with probability

    share                                   if that token is among the first four of the right record,
    share * (1 - (1 - share)**tokens)       if not, by chance.

Weighted by 1 / probability (Horvitz and Thompson 1952), these pairs estimate totals of the tables.

Decision: docs/decisions/045-trial-runs.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from erblock.hashing import ngrams
from erblock.hashing.base import Rows
from erblock.pipeline.inputs import Texts

UInt32s = npt.NDArray[np.uint32]
Doubles = npt.NDArray[np.float64]

FIRST_TOKENS = 4
_LONE = 1e-9
"""The weight of a token that no other record has, which leads to no pair."""

_COMMON = 1_000
"""A token in more records than this is too common. A record with only such tokens is drawn by itself."""

_SLICE = 100_000
_HALF = np.uint64(32)
_MULTIPLIER = 0x9E3779B97F4A7C15
_STEPS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))


@dataclass(frozen=True)
class SamplingTokens:
    """The first tokens of each record of a table, (records, 4). A record with fewer repeats its last one."""

    first: UInt32s

    def __getitem__(self, rows: Rows) -> Self:
        return type(self)(self.first[rows])

    def drawn(self, share: float) -> npt.NDArray[np.bool_]:
        """Return which of the tokens are drawn, (records, 4)."""
        return np.asarray(_uniform(self.first, 2) < share)

    def chance(self, other: Self, left: Rows, right: Rows, share: float) -> Doubles:
        """Return the probability that a pair is sampled: record `left[i]` here and `right[i]` of `other`."""
        words = 1 + (np.diff(np.sort(other.first, axis=1), axis=1) != 0).sum(axis=1)
        alone = share * (1 - (1 - share) ** words)
        chances = alone[right]
        for start in range(0, len(left), _SLICE):  # in slices, to limit memory
            part = slice(start, start + _SLICE)
            together = (other.first[right[part]] == self.first[left[part], :1]).any(axis=1)
            chances[part][together] = share
        return np.asarray(chances)

    def save(self, path: Path) -> None:
        """Write the tokens to `path`, for `read_tokens`."""
        np.save(path, self.first, allow_pickle=False)


def read_tokens(path: Path) -> SamplingTokens:
    """Return the tokens stored at `path`."""
    return SamplingTokens(np.load(path, allow_pickle=False))


def tokens_of(texts: Texts) -> tuple[SamplingTokens, ...]:
    """Return the sampling tokens of the records of each distinct table."""
    sets = [ngrams.word_sets(side) for side in texts.sides]
    frequency = np.zeros(1 << ngrams.FEATURE_BITS, dtype=np.int64)
    for each in sets:
        frequency += np.bincount(each.features, minlength=len(frequency))
    return tuple(SamplingTokens(_first_tokens(each, frequency)) for each in sets)


def _first_tokens(sets: ngrams.FeatureSets, frequency: npt.NDArray[np.int64]) -> UInt32s:
    """Return the tokens of each record with the smallest hash values, (records, 4).

    The row number of the record replaces a token that is too common, or is missing as the record has none.
    """
    weights = (1 / np.maximum(frequency, 1)).astype(np.float32)
    weights[frequency < 2] = _LONE
    draws = -np.log1p(-_uniform(sets.hashes, 1)) / weights[sets.features]
    sizes = np.diff(sets.starts)
    owners = np.repeat(np.arange(len(sets), dtype=np.uint64), sizes)
    # The bits of positive floats have the same order as the floats.
    order = np.argsort((owners << _HALF) | draws.astype(np.float32).view(np.uint32))
    ordered = np.append(sets.hashes[order], np.uint32(0))
    common = np.append(frequency[sets.features[order]] > _COMMON, True)
    places = np.minimum(np.arange(FIRST_TOKENS), np.maximum(sizes - 1, 0)[:, None])
    at = np.where(sizes[:, None] > 0, sets.starts[:-1, None] + places, len(ordered) - 1)
    rows = np.arange(len(sets), dtype=np.uint32)[:, None]
    return np.asarray(np.where(common[at], rows, ordered[at]), dtype=np.uint32)


def _uniform(words: UInt32s, number: int) -> Doubles:
    """Hash each word to a number in [0, 1) by the finaliser of splitmix64; `number` selects the hash."""
    state = words.astype(np.uint64) + np.uint64(number * _MULTIPLIER % 2**64)
    for shift, factor in _STEPS:
        state = (state ^ (state >> shift)) * factor
    return np.asarray((state ^ (state >> np.uint64(31))) / 2.0**64)
