"""The student: a hash whose vectors are sums over features, distilled from a language model.

Every feature of a text (word, code, 3-gram) has an embedding in 8-bit numbers. The vector of a text is the
direction of their sum, weighted by TF-IDF, plus a constant. This vector replaces that of the language model
in `neural`, in the same space, so n-grams and cells stay the same. The student needs no torch.

Decision: docs/decisions/013-student.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, text_keys
from erblock.hashing.base import Progress, silent
from erblock.hashing.cells import Cells
from erblock.hashing.codes import Codes, QuantizedVectors, coded
from erblock.hashing.neural import HybridVectors, NeuralSketch, neural_sketch
from erblock.hashing.parallel import in_parallel, njit

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StaticEmbeddings:
    """Embeddings of known features: that of `features[i]` is `scales[i] * codes[i]`.

    `features`: (known,) numbers below 2**20; `codes`: (known, width); `constant`: (width,).
    """

    features: npt.NDArray[np.int32]
    codes: Codes
    scales: Floats
    constant: Floats

    @property
    def width(self) -> int:
        """The length of a vector."""
        return len(self.constant)

    @cached_property
    def _places(self) -> npt.NDArray[np.int32]:
        """The position of each of the 2**20 features in `features`, -1 for those without an embedding."""
        places = np.full(1 << ngrams.FEATURE_BITS, -1, dtype=np.int32)
        places[self.features] = np.arange(len(self.features), dtype=np.int32)
        return places

    def vectors(self, tfidf: sparse.csr_array) -> Floats:
        """Return the (records, width) unit vectors of TF-IDF rows."""
        found = np.tile(self.constant, (tfidf.shape[0], 1))
        rows = (tfidf.indptr, tfidf.indices, tfidf.data)
        _add_embeddings(rows, self._places, (self.codes, self.scales), found)
        lengths = np.sqrt(np.square(found).sum(axis=1, keepdims=True))
        return np.asarray(found / np.maximum(lengths, 1e-12), dtype=np.float32)


@njit
def _add_embeddings(
    rows: tuple[npt.NDArray[Any], npt.NDArray[Any], Floats],
    places: npt.NDArray[np.int32],
    embeddings: tuple[Codes, Floats],
    sums: Floats,
) -> None:
    """Add to each row of `sums` the weighted embeddings of its features, in order."""
    starts, features, weights = rows
    codes, scales = embeddings
    for record in range(len(starts) - 1):
        total = sums[record]
        for at in range(starts[record], starts[record + 1]):
            place = places[features[at]]
            if place >= 0:
                factor, code = weights[at] * scales[place], codes[place]
                for k in range(len(total)):
                    total[k] += factor * np.float32(code[k])


@dataclass(frozen=True)
class StudentHasher:
    """Static embeddings, with the feature weights, cells and band plan of the teacher."""

    embeddings: StaticEmbeddings
    weights: Floats
    cells: Cells
    plan: BandPlan

    @property
    def kind(self) -> str:
        """`student`."""
        return "student"

    def sketch(self, texts: pl.Series, on_progress: Progress = silent) -> NeuralSketch:
        """Return the sketch of `texts`: both vectors, buckets and neighbour order."""
        keys = text_keys(texts, self.weights, self.plan)
        return neural_sketch(self.hybrid(texts, on_progress), self.cells, keys)

    def hybrid(self, texts: pl.Series, on_progress: Progress = silent) -> HybridVectors:
        """Return the student's vector and the TF-IDF row of every text."""
        parts: list[HybridVectors] = []
        done = 0
        on_progress("hash", done, len(texts))
        for part in in_parallel(self._chunk, ngrams.chunks_of(texts)):
            parts.append(part)
            done += len(part.dense)
            on_progress("hash", done, len(texts))
        return _stacked(parts)

    def _chunk(self, texts: pl.Series) -> HybridVectors:
        tfidf = ngrams.tfidf(ngrams.chunk_sets(texts), self.weights)
        return HybridVectors(coded(self.embeddings.vectors(tfidf)), tfidf)


def _stacked(parts: Sequence[HybridVectors]) -> HybridVectors:
    tfidf = sparse.vstack([part.sparse for part in parts], format="csr")
    dense = QuantizedVectors(np.concatenate([part.dense.codes for part in parts]))
    return HybridVectors(dense, sparse.csr_array(tfidf))
