"""Weighted MinHash over the features of a text: needs no model, and is the baseline.

Plain MinHash gives every feature the same say, so common 3-grams fill the buckets. Here a permuted hash
v in [0, 1) becomes -ln(1 - v) / w, an exponential draw of rate w, so two records agree in one value with
probability sum of w over the shared features / sum over all of them: the weighted Jaccard similarity
(Ioffe 2010, ICDM, for weights that depend on the feature alone). With w = idf, a tenth of the
collisions of unrelated records remain at equal recall (docs/method.md). The logarithm is a polynomial, right
where minima lie and the same on every processor.

The permutations are datasketch's (scheme affine32, whose first step, MurmurHash3's finaliser, is the last of
`ngrams`): with equal weights a record's minimum is taken at the same feature as in datasketch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from datasketch import MinHash
from scipy import sparse

from erblock.errors import ModelError
from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, band_bucket, joined_rows
from erblock.hashing.base import BandKeys, Progress, Rows, Scores, silent
from erblock.hashing.native import in_parallel, native
from erblock.hashing.pairwise import row_dots

UInt32s = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]

PERMUTATIONS = 256
HARD_MATCH = 0.3
"""Weighted Jaccard similarity of a match that is hard to find; band plans are judged by it."""

_CHEAP_JOIN = 2_000_000
"""Joined rows that any table may have: a small one is nearly compared in full."""

_SIZED_BANDS = 8
"""Bands whose join is counted when a plan is sized; the others are taken to be like them."""

_SIZED_RECORDS = 100_000
"""Records of either table that are counted; a larger one is taken to be like a sample of so many."""

_SAME_TEXTS = 50
"""Records of one text that are counted."""

_MOST_ROWS = 8
_SCALE, _SQUARE, _CUBE = np.float32(2.0**-31), np.float32(0.5 * 2.0**-62), np.float32(0.8 * 2.0**-93)


@dataclass(frozen=True)
class MinHashSketch:
    """Of one table: buckets, (bands, records); the first hash value of each record; TF-IDF rows."""

    buckets: UInt32s
    order: UInt32s
    vectors: sparse.csr_array

    def __len__(self) -> int:
        return len(self.order)

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.buckets)

    def keys(self, band: int) -> BandKeys:
        """Return one key for every record that has text."""
        rows = np.flatnonzero(np.diff(self.vectors.indptr) > 0).astype(np.uint32)
        # The number of the bucket is in the upper half, as with every hash of 64 bits.
        return BandKeys(rows, self.buckets[band, rows].astype(np.uint64) << np.uint64(32))

    def neighbour_order(self) -> UInt32s:
        """Return the first hash value of every record."""
        return self.order

    def similarity(self, other: Self, left: Rows, right: Rows) -> Scores:
        """Return the TF-IDF cosine of each pair of rows."""
        return row_dots(self.vectors, other.vectors, left, right)


@dataclass(frozen=True)
class MinHashHasher:
    """A weighted MinHash: its band plan and the weight of every feature."""

    plan: BandPlan
    weights: npt.NDArray[np.float32]
    seed: int = 0

    @property
    def kind(self) -> str:
        """`minhash`."""
        return "minhash"

    def sketch(self, texts: pl.Series, on_progress: Progress = silent) -> MinHashSketch:
        """Return buckets and TF-IDF rows of `texts`."""
        parts: list[MinHashSketch] = []
        done = 0
        on_progress("hash", done, len(texts))
        for part in in_parallel(self._sketch_chunk, ngrams.chunks_of(texts)):
            parts.append(part)
            done += len(part)
            on_progress("hash", done, len(texts))
        return _stacked(parts)

    def _sketch_chunk(self, texts: pl.Series) -> MinHashSketch:
        sets = ngrams.chunk_sets(texts)
        return MinHashSketch(*self.buckets_of(sets), ngrams.tfidf(sets, self.weights))

    def buckets_of(self, sets: ngrams.FeatureSets) -> tuple[UInt32s, UInt32s]:
        """Return the (bands, records) buckets of some records and their first hash values, without TF-IDF."""
        values = signatures(sets, self.weights, self.plan.bands * self.plan.rows, self.seed)
        buckets = np.empty((self.plan.bands, len(sets)), dtype=np.uint32)
        for band in range(self.plan.bands):
            buckets[band] = band_bucket(values, self.plan, band) >> np.uint64(32)
        return buckets, values[0].copy()


def _stacked(parts: Sequence[MinHashSketch]) -> MinHashSketch:
    return MinHashSketch(
        np.concatenate([part.buckets for part in parts], axis=1),
        np.concatenate([part.order for part in parts]),
        sparse.csr_array(sparse.vstack([part.vectors for part in parts], format="csr")),
    )


def fit_minhash(
    left: pl.Series, right: pl.Series | None, pairs_per_record: int, seed: int = 0
) -> MinHashHasher:
    """Return a hasher whose weights and bands suit these texts (`right` None: one table).

    Of all band plans whose join stays within `pairs_per_record` rows for each record of the larger
    table, it takes the one most likely to find a pair of similarity `HARD_MATCH`. Joins of large tables are
    estimated from samples.
    """
    tables = [texts for texts in (left, right) if texts is not None]
    weights = ngrams.idf_of(ngrams.frequencies(tables), sum(map(len, tables)))
    samples = [_sample(texts, weights, seed) for texts in tables]
    # A sample of a tenth of either table has a hundredth of the pairs.
    shares = [min(1.0, _SIZED_RECORDS / max(len(side), 1)) for side in (tables[0], tables[-1])]
    limit = shares[0] * shares[1] * max(_CHEAP_JOIN, pairs_per_record * max(map(len, tables)))
    plans = [_widest_plan(samples[0], samples[-1], rows, limit) for rows in range(1, _MOST_ROWS + 1)]
    within = [plan for plan in plans if plan.bands] or [BandPlan(1, _MOST_ROWS)]
    best = max(within, key=lambda plan: (plan.found(HARD_MATCH), -plan.rows))
    return MinHashHasher(best, weights, seed)


def _sample(texts: pl.Series, weights: Floats, seed: int) -> UInt32s:
    """Return the signatures of a sample; records without keys, which would all seem alike, are left out.

    Of a text that very many records have a few are taken: it must not make the bands of all others stricter.
    """
    if len(texts) > _SIZED_RECORDS:
        chosen = np.random.default_rng(seed).permutation(len(texts))[:_SIZED_RECORDS]
        texts = texts.gather(np.sort(chosen))
    some = pl.int_range(pl.len()).over("text") < _SAME_TEXTS
    texts = texts.alias("text").to_frame().filter(some).to_series()
    sets = ngrams.feature_sets(texts)
    return signatures(sets, weights, _SIZED_BANDS * _MOST_ROWS, seed)[:, np.diff(sets.starts) > 0]


def _widest_plan(left: UInt32s, right: UInt32s, rows: int, limit: float) -> BandPlan:
    """Return the plan of `rows` values a band with as many bands as `limit` joined rows allow, or none."""
    probe = BandPlan(_SIZED_BANDS, rows)
    joined = sum(
        joined_rows(band_bucket(left, probe, band), band_bucket(right, probe, band))
        for band in range(probe.bands)
    )
    if left is right:
        joined = (joined - probe.bands * left.shape[1]) // 2
    affordable = int(limit * probe.bands / max(joined, 1))
    return BandPlan(min(affordable, PERMUTATIONS // rows), rows)


def signatures(sets: ngrams.FeatureSets, weights: Floats, permutations: int, seed: int) -> UInt32s:
    """Return the (permutations, records) signatures; a record without features gets the largest value.

    Raises:
        ModelError: if there are more than `PERMUTATIONS`.
    """
    if permutations > PERMUTATIONS:
        raise ModelError(
            f"a MinHash has at most {PERMUTATIONS} hash values, found {permutations} in its bands"
        )
    factors, offsets = MinHash(num_perm=PERMUTATIONS, seed=seed, scheme="affine32").permutations
    scale = np.asarray(1 / weights[sets.features], dtype=np.float32)
    minima = np.empty((permutations, len(sets)), dtype=np.float32)
    lines = (factors[:permutations], offsets[:permutations])
    _write_minima((sets.starts, sets.hashes, scale), lines, minima)
    values = minima.view(np.uint32)
    values[:, np.diff(sets.starts) == 0] = np.iinfo(np.uint32).max
    return values


@native
def _write_minima(
    sets: tuple[npt.NDArray[np.int64], UInt32s, Floats], lines: tuple[UInt32s, UInt32s], minima: Floats
) -> None:
    """Write each record's smallest draw in each permutation: `minima` is (permutations, records)."""
    starts, hashes, scale = sets
    factors, offsets = lines
    least = np.empty(len(factors), dtype=np.float32)
    for record in range(len(starts) - 1):
        least[:] = np.inf
        for at in range(starts[record], starts[record + 1]):
            feature, inverse = hashes[at], scale[at]
            for k in range(len(factors)):
                permuted = np.uint32(feature * factors[k] + offsets[k])
                # Of 31 bits, because every processor turns signed numbers to floats at full speed.
                v = np.float32(np.int32(permuted >> np.uint32(1)))
                draw = v * inverse * (_SCALE + v * (_SQUARE + v * _CUBE))
                least[k] = draw if draw < least[k] else least[k]
        for k in range(len(factors)):
            minima[k, record] = least[k]
