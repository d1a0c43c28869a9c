"""Weighted MinHash over the features of a text: the baseline, which needs no language model.

The weight of a feature is its idf. Two records agree in the first feature of a band with a probability equal
to their weighted Jaccard similarity: the weight of the shared features over that of all features of both. The
module `bands` says how many features a key has.

Decision: docs/decisions/005-weighted-minhash.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, UInt32s, record_keys
from erblock.hashing.base import BandKeys, Progress, Rows, Scores, keys_of_band, silent
from erblock.hashing.fit_bands import JoinLimit, fit_bands
from erblock.hashing.pairwise import row_dots
from erblock.hashing.parallel import in_parallel

_DEFAULT = JoinLimit()


@dataclass(frozen=True)
class MinHashSketch:
    """The buckets, the neighbour order and the TF-IDF rows of the records of one table.

    `buckets`: (bands, records), 0 where a record has no key. `order`: the neighbour order, a number for each
    record. In the order of these numbers similar records tend to be close; it decides which records meet in
    an overfull bucket.
    """

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
        """Return the keys of one band."""
        return keys_of_band(self.buckets[band])

    def neighbour_order(self) -> UInt32s:
        """Return the smallest draw of every record in the first band."""
        return self.order

    def similarity(self, other: Self, left: Rows, right: Rows) -> Scores:
        """Return the TF-IDF cosine of each pair of rows."""
        return row_dots(self.vectors, other.vectors, left, right)


@dataclass(frozen=True)
class MinHashHasher:
    """A weighted MinHash: its band plan and the weight of every feature."""

    plan: BandPlan
    weights: npt.NDArray[np.float32]

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
        keys = record_keys(sets, self.weights, self.plan)
        return MinHashSketch(keys.buckets, keys.order, ngrams.tfidf(sets, self.weights))


def _stacked(parts: Sequence[MinHashSketch]) -> MinHashSketch:
    return MinHashSketch(
        np.concatenate([part.buckets for part in parts], axis=1),
        np.concatenate([part.order for part in parts]),
        sparse.csr_array(sparse.vstack([part.vectors for part in parts], format="csr")),
    )


def fit_minhash(left: pl.Series, right: pl.Series | None, limit: JoinLimit = _DEFAULT) -> MinHashHasher:
    """Return a hasher with weights and bands fitted to these texts (`right` is None: one table).

    `limit`: maximum number of joined rows.
    """
    tables = [texts for texts in (left, right) if texts is not None]
    weights = ngrams.idf_of(ngrams.frequencies(tables), sum(map(len, tables)))
    return MinHashHasher(fit_bands(tables, weights, limit), weights)
