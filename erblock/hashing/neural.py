"""The neural hash: the vectors of a language model and of weighted n-grams, with Voronoi cells as buckets.

A record has two unit vectors: that of the language model, and the TF-IDF of its features. Weighted and
joined, they are one unit vector. The dot product of two such vectors is the similarity

    s(a, b) = (1 - w) * cos(model(a), model(b)) + w * cos(tfidf(a), tfidf(b)).

A word-piece model alone misses model numbers and typos; n-grams alone miss paraphrases.

Decision: docs/decisions/009-cells-beside-ngram-keys.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing import ngrams
from erblock.hashing.bands import BandPlan, RecordKeys, text_keys
from erblock.hashing.base import BandKeys, Progress, Rows, Scores, keys_of_band, silent
from erblock.hashing.cells import CellOptions, Cells, fit_cells, places_of
from erblock.hashing.codes import QuantizedVectors, coded
from erblock.hashing.encoder import Encoder
from erblock.hashing.pairwise import row_dots
from erblock.tables.text import plain_texts

Floats = npt.NDArray[np.float32]
UInt32s = npt.NDArray[np.uint32]
NGRAM_WEIGHT = 0.5
"""Weight of the n-grams' cosine in the similarity (docs/decisions/047-equal-channels.md)."""
SKETCH_WIDTH = 512
_SKETCH_SIGNS = 4
_SAMPLE = 20_000
_MATCHES = 5_000


@dataclass(frozen=True)
class HybridVectors:
    """Both vectors of every record of a table.

    `dense`: those of the language model in 8 bits, (records, width). `sparse`: the TF-IDF rows, (records,
    features).
    """

    dense: QuantizedVectors
    sparse: sparse.csr_array

    def cosines(self, other: Self, left: Rows, right: Rows) -> tuple[Scores, Scores]:
        """Return (model cosines, n-gram cosines) of row `left[i]` here and row `right[i]` of `other`."""
        dense = self.dense.cosines(other.dense, left, right)
        return dense, row_dots(self.sparse, other.sparse, left, right)

    def joined(self) -> Floats:
        """Return one vector for each record, (records, width + 512); n-grams are randomly projected."""
        features = np.asarray((self.sparse @ _random_signs(self.sparse.shape[1])).todense())
        weights = np.sqrt(np.array([1 - NGRAM_WEIGHT, NGRAM_WEIGHT], dtype=np.float32))
        return np.hstack([weights[0] * self.dense.vectors, weights[1] * features]).astype(np.float32)


def _random_signs(features: int) -> sparse.csr_array:
    """Return a sparse (features, 512) random projection (Achlioptas 2003)."""
    random = np.random.default_rng(0)
    columns = random.integers(0, SKETCH_WIDTH, features * _SKETCH_SIGNS, dtype=np.int32)
    values = np.array([-1, 1], dtype=np.float32) / np.sqrt(np.float32(_SKETCH_SIGNS))
    signs = random.choice(values, len(columns))
    starts = np.arange(0, len(columns) + 1, _SKETCH_SIGNS)
    return sparse.csr_array((signs, columns, starts), shape=(features, SKETCH_WIDTH))


@dataclass(frozen=True)
class NeuralSketch:
    """The vectors, the buckets and the neighbour order of the records of one table.

    `buckets`: (bands, records), 0 where a record has no key. The first bands are Voronoi cells, the others
    n-gram keys. `places`: the number of each record in the neighbour order.
    """

    hybrid: HybridVectors
    buckets: UInt32s
    places: UInt32s

    def __len__(self) -> int:
        return len(self.places)

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.buckets)

    def keys(self, band: int) -> BandKeys:
        """Return the keys of one band."""
        return keys_of_band(self.buckets[band])

    def neighbour_order(self) -> UInt32s:
        """Return the position of every record along the first projected direction, the same for any table."""
        return self.places

    def similarity(self, other: Self, left: Rows, right: Rows) -> Scores:
        """Return the similarity s, computed from the vectors, not from their cells."""
        dense, ngram = self.hybrid.cosines(other.hybrid, left, right)
        return np.asarray((1 - NGRAM_WEIGHT) * dense + NGRAM_WEIGHT * ngram, dtype=np.float32)


@dataclass(frozen=True)
class NeuralHasher:
    """A fitted encoder, the weights of the features, the cells, and the band plan of the n-grams."""

    encoder: Encoder
    weights: Floats
    cells: Cells
    plan: BandPlan

    @property
    def kind(self) -> str:
        """`neural`."""
        return "neural"

    def sketch(self, texts: pl.Series, on_progress: Progress = silent) -> NeuralSketch:
        """Return the sketch of `texts`: both vectors, buckets and neighbour order."""
        hybrid = encode_hybrid(self.encoder, self.weights, texts, on_progress)
        return neural_sketch(hybrid, self.cells, text_keys(texts, self.weights, self.plan))


def neural_sketch(hybrid: HybridVectors, cells: Cells, keys: RecordKeys) -> NeuralSketch:
    """Return the sketch of encoded records; `keys`: the keys of their n-grams."""
    projected = cells.project(hybrid.joined())
    numbers = cells.numbers(projected) + np.uint32(1)
    numbers[:, np.diff(hybrid.sparse.indptr) == 0] = 0  # nothing to hash
    return NeuralSketch(hybrid, np.concatenate([numbers, keys.buckets]), places_of(projected))


def encode_hybrid(
    encoder: Encoder, weights: Floats, texts: pl.Series, on_progress: Progress = silent
) -> HybridVectors:
    """Return the language model's vector and the TF-IDF row of every text; `weights`: idf of each feature."""
    vectors = ngrams.tfidf(ngrams.feature_sets(texts), weights)
    filled: Sequence[str] = plain_texts(texts.fill_null("")).to_list()
    return HybridVectors(coded(encoder.encode(filled, on_progress)), vectors)


class NgramKeys(NamedTuple):
    """The weights of the features, and the plan of their keys."""

    weights: Floats
    plan: BandPlan


@dataclass(frozen=True)
class Sample:
    """Sampled texts of one or two tables, the larger of which has `records` records.

    `matches`: the left texts and the right texts of known or supposed matches, in the same order.
    """

    tables: Sequence[pl.Series]
    matches: tuple[pl.Series, pl.Series]
    records: int


def fit_neural(
    encoder: Encoder,
    ngram_keys: NgramKeys,
    sample: Sample,
    options: CellOptions,
    on_progress: Progress = silent,
) -> NeuralHasher:
    """Return a hasher with cells learned from a sample of the records."""
    weights, plan = ngram_keys
    random = np.random.default_rng(options.seed)
    everything = pl.concat(sample.tables)
    drawn = everything.gather(random.permutation(len(everything))[:_SAMPLE])
    some = random.permutation(len(sample.matches[0]))[:_MATCHES]
    texts = pl.concat([drawn, *(side.gather(some) for side in sample.matches)])
    vectors = encode_hybrid(encoder, weights, texts, on_progress).joined()
    left, right = np.split(vectors[len(drawn) :], 2)
    cells = fit_cells(vectors[: len(drawn)], left, right, sample.records, options)
    return NeuralHasher(encoder, weights, cells, plan)
