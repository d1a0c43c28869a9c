"""Weighted MinHash over the features of a text: needs no model, and is the baseline.

Plain MinHash gives every feature the same say, so common 3-grams fill the buckets. Here a permuted hash
u in (0, 1] becomes -ln(u) / w, an exponential draw of rate w, so two records agree in one value with
probability sum of w over the shared features / sum over all of them: the weighted Jaccard similarity
(Ioffe 2010, ICDM, for weights that depend on the feature alone). With w = idf, a tenth of the
collisions of unrelated records remain at equal recall (docs/method.md).

The permutations are datasketch's (scheme affine32, whose first step, MurmurHash3's finaliser, is the last of
`ngrams`): with equal weights a record's minimum is taken at the same feature as in datasketch.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from datasketch import MinHash
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, band_bucket, joined_rows
from erblock.hashing.base import BandKeys, Progress, Rows, Scores, silent
from erblock.hashing.pairwise import row_dots

PERMUTATIONS = 256
HARD_MATCH = 0.3
"""Weighted Jaccard similarity of a match that is hard to find; band plans are judged by it."""

_CHUNK = 512
"""Records hashed at a time, so that their features stay in the processor's cache."""

_CHEAP_JOIN = 300_000
"""Joined rows that any table may have: a small one is nearly compared in full."""

_SIZED_BANDS = 8
"""Bands whose join is counted exactly when a plan is sized; the others are taken to be like them."""


@dataclass(frozen=True)
class MinHashSketch:
    """Signatures, (permutations, records), and TF-IDF rows of one table."""

    signatures: npt.NDArray[np.uint32]
    vectors: sparse.csr_array
    plan: BandPlan

    def __len__(self) -> int:
        return int(self.signatures.shape[1])

    @property
    def bands(self) -> int:
        """The number of bands."""
        return self.plan.bands

    def keys(self, band: int) -> BandKeys:
        """Return one key for every record that has text."""
        rows = np.flatnonzero(np.diff(self.vectors.indptr) > 0).astype(np.uint32)
        return BandKeys(rows, band_bucket(self.signatures[:, rows], self.plan, band))

    def neighbour_order(self) -> npt.NDArray[np.uint32]:
        """Return the first hash value of every record."""
        return np.asarray(self.signatures[0])

    def similarity(self, other: Self, left: Rows, right: Rows) -> Scores:
        """Return the TF-IDF cosine of each pair of rows."""
        return row_dots(self.vectors, other.vectors, left, right)

    def views(self, other: Self, left: Rows, right: Rows) -> tuple[Scores, Scores]:
        """Return the cosine over either half of the features, halved by their hash."""
        halves = [_half(self.vectors, part) for part in (0, 1)]
        others = halves if other is self else [_half(other.vectors, part) for part in (0, 1)]
        first, second = (row_dots(a, b, left, right) for a, b in zip(halves, others, strict=True))
        return first, second


@dataclass(frozen=True)
class MinHashHasher:
    """A weighted MinHash: its band plan and the weight of every feature."""

    plan: BandPlan
    weights: npt.NDArray[np.float32]
    permutations: int = PERMUTATIONS
    seed: int = 0

    @property
    def kind(self) -> str:
        """`minhash`."""
        return "minhash"

    def sketch(self, texts: pl.Series, on_progress: Progress = silent) -> MinHashSketch:
        """Return signatures and TF-IDF rows of `texts`."""
        on_progress("hash", 0, len(texts))
        sets = ngrams.feature_sets(texts)
        minima = signatures(sets, self.weights, self.permutations, self.seed)
        on_progress("hash", len(texts), len(texts))
        return MinHashSketch(minima, ngrams.tfidf(sets, self.weights), self.plan)


def fit_minhash(
    left: pl.Series, right: pl.Series | None, pairs_per_record: int, seed: int = 0
) -> MinHashHasher:
    """Return a hasher whose weights and bands suit these texts (`right` None: one table).

    Of all band plans whose join stays within `pairs_per_record` rows for each record of the larger
    table, it takes the one most likely to find a pair of similarity `HARD_MATCH`.
    """
    tables = [ngrams.feature_sets(texts) for texts in (left, right) if texts is not None]
    weights = ngrams.idf(*tables)
    minima = [_filled(sets, signatures(sets, weights, PERMUTATIONS, seed)) for sets in tables]
    limit = max(_CHEAP_JOIN, pairs_per_record * max(len(sets) for sets in tables))
    plans = [_widest_plan(minima[0], minima[-1], rows, limit) for rows in range(1, 9)]
    best = max(plans, key=lambda plan: (plan.found(HARD_MATCH), -plan.rows))
    return MinHashHasher(best, weights, PERMUTATIONS, seed)


def _filled(sets: ngrams.FeatureSets, minima: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the signatures of the records that have keys; all others would seem to share a bucket."""
    return minima[:, np.diff(sets.starts) > 0]


def _widest_plan(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], rows: int, limit: int
) -> BandPlan:
    """Return the plan of `rows` values a band with as many bands as `limit` joined rows allow."""
    probe = BandPlan(_SIZED_BANDS, rows)
    joined = sum(
        joined_rows(band_bucket(left, probe, band), band_bucket(right, probe, band))
        for band in range(probe.bands)
    )
    if left is right:
        joined = (joined - probe.bands * left.shape[1]) // 2
    affordable = int(limit * probe.bands / max(joined, 1))
    return BandPlan(max(1, min(affordable, PERMUTATIONS // rows)), rows)


def _half(vectors: sparse.csr_array, part: int) -> sparse.csr_array:
    """Return the unit rows over the features whose number is even (`part` 0) or odd (1)."""
    chosen = vectors.indices % 2 == part
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(chosen)])[vectors.indptr]
    half = sparse.csr_array((vectors.data[chosen], vectors.indices[chosen], starts), shape=vectors.shape)
    return ngrams.unit_rows(half)


def signatures(
    sets: ngrams.FeatureSets, weights: npt.NDArray[np.float32], permutations: int, seed: int
) -> npt.NDArray[np.uint32]:
    """Return the (permutations, records) signatures; a record without features gets the largest value."""
    factors, offsets = MinHash(num_perm=permutations, seed=seed, scheme="affine32").permutations
    # A permuted hash is turned round, 2**32 - 1 - (a h + b): datasketch looks for the smallest, and the
    # smallest draw is that of the largest u.
    factors, offsets = -factors, ~offsets
    scale = np.asarray(-1 / weights[sets.features], dtype=np.float32)
    filled = np.flatnonzero(np.diff(sets.starts) > 0)
    minima = np.full((permutations, len(sets)), np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(filled), _CHUNK):
        records = filled[start : start + _CHUNK]
        span = slice(sets.starts[records[0]], sets.starts[records[-1] + 1])
        runs = sets.starts[records] - span.start
        for k in range(permutations):
            draws = _exponential(sets.hashes[span] * factors[k] + offsets[k], scale[span])
            minima[k, records] = np.minimum.reduceat(draws, runs).view(np.uint32)
    return minima


def _exponential(hashes: npt.NDArray[np.uint32], scale: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ln(u) * scale for u = (hash + 1/2) / 2**32, in place where it can be."""
    draws = hashes.astype(np.float32)
    draws += np.float32(0.5)
    draws *= np.float32(2.0**-32)
    np.log(draws, out=draws)
    draws *= scale
    return draws
