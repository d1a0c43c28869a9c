"""The features of a text: character 3-grams of its words, whole words, and codes; and their TF-IDF.

A feature is a 32-bit hash of a window or a word (`shingles`), and a record's set of features is a run in one
sorted array. No feature becomes a Python object.

Decision: docs/decisions/003-features-in-whole-columns.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from erblock.hashing.base import Rows
from erblock.hashing.parallel import in_parallel
from erblock.hashing.shingles import HASH_BITS, ROW_BITS, WORD_BITS, tagged_features
from erblock.similarity.folding import case_folded, without_accents

FEATURE_BITS = 20
_CHUNK_ROWS = 1 << ROW_BITS
_LAST_COLUMN = 63

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureSets:
    """The distinct features of each record: those of row i are `hashes[starts[i]:starts[i + 1]]`.

    `counts`: how often the feature occurs in the record. `words`: the index, in the record, of the first word
    or code with the feature. `columns`: a bit for each column with the feature; columns from the 64th on
    share the last bit.
    """

    starts: npt.NDArray[np.int64]
    hashes: UInt32s
    counts: UInt32s
    words: UInt32s
    columns: UInt64s

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: Rows) -> "FeatureSets":
        """Return the sets of these records, in this order."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        at = np.repeat(self.starts[rows] - starts[:-1], sizes) + np.arange(starts[-1])
        return FeatureSets(starts, self.hashes[at], self.counts[at], self.words[at], self.columns[at])

    @property
    def features(self) -> npt.NDArray[np.int32]:
        """The hashes cut to `FEATURE_BITS` bits: columns of the TF-IDF matrix."""
        return (self.hashes >> np.uint32(32 - FEATURE_BITS)).astype(np.int32)


def feature_sets(texts: pl.Series) -> FeatureSets:
    """Return the distinct features of every text and their counts; a null text has none."""
    return joined_sets(list(in_parallel(chunk_sets, chunks_of(texts))))


def chunks_of(texts: pl.Series) -> Iterator[pl.Series]:
    """Yield the texts in order, in chunks whose features fit in the processor's cache; at least one chunk."""
    yield from (texts.slice(at, _CHUNK_ROWS) for at in range(0, max(len(texts), 1), _CHUNK_ROWS))


def joined_sets(parts: Sequence[FeatureSets]) -> FeatureSets:
    """Return the sets of all parts as one."""
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.starts) for part in parts)])
    hashes, counts, words = (
        np.concatenate([np.zeros(0, np.uint32), *(getattr(part, name) for part in parts)])
        for name in ("hashes", "counts", "words")
    )
    columns = np.concatenate([np.zeros(0, np.uint64), *(part.columns for part in parts)])
    return FeatureSets(np.cumsum(sizes), hashes, counts, words, columns)


def word_sets(texts: pl.Series) -> FeatureSets:
    """Return the distinct words and codes of every text, numbered as in `feature_sets`, without 3-grams."""
    return joined_sets([chunk_sets(chunk, grams=False) for chunk in chunks_of(texts)])


def chunk_sets(texts: pl.Series, *, grams: bool = True) -> FeatureSets:
    """Return the feature sets of at most one chunk of texts, on one core."""
    found = tagged_features(folded_texts(texts), grams=grams)
    tagged = np.sort(found.tagged)
    owned = tagged >> np.uint64(WORD_BITS)
    new = np.ones(len(tagged), bool)
    new[1:] = owned[1:] != owned[:-1]
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(tagged))).astype(np.uint32)
    rows = (owned >> np.uint64(HASH_BITS)).astype(np.int64)
    words = (tagged & np.uint64((1 << WORD_BITS) - 1)).astype(np.int64)
    bits = np.minimum(found.columns[found.word_starts[rows] + words], _LAST_COLUMN).astype(np.uint64)
    columns = np.bitwise_or.reduceat(np.uint64(1) << bits, first) if len(first) else bits
    starts = np.searchsorted(rows[first], np.arange(len(texts) + 1)).astype(np.int64)
    return FeatureSets(
        starts, owned[first].astype(np.uint32), counts, words[first].astype(np.uint32), columns
    )


def folded_texts(texts: pl.Series) -> pl.Series:
    """Return the texts without case and accents."""
    return case_folded(without_accents(texts.fill_null("")))


def frequencies(tables: Sequence[pl.Series]) -> npt.NDArray[np.int64]:
    """Return the number of texts in which each of the 2**20 features occurs; the sets are not kept."""
    chunks = chain.from_iterable(map(chunks_of, tables))
    return sum(in_parallel(_chunk_frequencies, chunks), start=np.zeros(1 << FEATURE_BITS, np.int64))


def _chunk_frequencies(texts: pl.Series) -> npt.NDArray[np.int64]:
    return np.bincount(chunk_sets(texts).features, minlength=1 << FEATURE_BITS)


def idf(*tables: FeatureSets) -> Floats:
    """Return the inverse document frequency of each of the 2**20 features in these feature sets."""
    size = 1 << FEATURE_BITS
    frequency = sum(
        (np.bincount(sets.features, minlength=size) for sets in tables), start=np.zeros(size, int)
    )
    return idf_of(frequency, sum(len(sets) for sets in tables))


def idf_of(frequency: npt.NDArray[np.int64], records: int) -> Floats:
    """Return the inverse document frequencies of features, ln((1 + N) / (1 + df)) + 1."""
    return (np.log((1 + records) / (1 + frequency)) + 1).astype(np.float32)


def tfidf(sets: FeatureSets, weights: Floats) -> sparse.csr_array:
    """Return one unit-length row per record, (1 + ln tf) * weight, over the 2**20 features."""
    features = sets.features
    values = (1 + np.log(sets.counts.astype(np.float32))) * weights[features]
    # A copy, because the next step works in place.
    parts = values, features, sets.starts.copy()
    matrix = sparse.csr_array(parts, shape=(len(sets), 1 << FEATURE_BITS))
    matrix.sum_duplicates()
    return unit_rows(matrix)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return `matrix` with every non-empty row scaled to length 1."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    norms = np.sqrt(np.bincount(rows, weights=matrix.data**2, minlength=matrix.shape[0]))
    data = (matrix.data / norms[rows]).astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
