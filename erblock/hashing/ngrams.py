"""The features of a text: character 3-grams of its words, whole words, and codes; and their TF-IDF.

No feature ever becomes a Python object. Texts are code points in one array, a feature is a 32-bit
hash of a window or a word, and a record's set of features is a run in one sorted array.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

FEATURE_BITS = 20
_CHUNK_ROWS = 50_000
_SPACE = np.uint32(ord(" "))
_PRIME = np.uint32(0x01000193)

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureSets:
    """The distinct features of each record: those of row i are `hashes[starts[i]:starts[i + 1]]`."""

    starts: npt.NDArray[np.int64]
    hashes: UInt32s
    counts: UInt32s

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def features(self) -> npt.NDArray[np.int32]:
        """The hashes cut to `FEATURE_BITS` bits: columns of the TF-IDF matrix."""
        return (self.hashes >> np.uint32(32 - FEATURE_BITS)).astype(np.int32)


def feature_sets(texts: pl.Series) -> FeatureSets:
    """Return the distinct features of every text and how often each occurs; a null text has none."""
    parts = [_chunk_sets(texts.slice(at, _CHUNK_ROWS)) for at in range(0, len(texts), _CHUNK_ROWS)]
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.starts) for part in parts)])
    hashes = np.concatenate([np.zeros(0, np.uint32), *(part.hashes for part in parts)])
    counts = np.concatenate([np.zeros(0, np.uint32), *(part.counts for part in parts)])
    return FeatureSets(np.cumsum(sizes), hashes, counts)


def _chunk_sets(texts: pl.Series) -> FeatureSets:
    words, codes = _fold(texts)
    nothing = np.zeros(0, np.uint64)
    found = [*_word_features(words, grams=True), *_word_features(codes, grams=False)]
    tagged = np.sort(np.concatenate([nothing, *found]))
    new = np.ones(len(tagged), bool)
    new[1:] = tagged[1:] != tagged[:-1]
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(tagged))).astype(np.uint32)
    owners = (tagged[first] >> np.uint64(32)).astype(np.int64)
    starts = np.searchsorted(owners, np.arange(len(texts) + 1)).astype(np.int64)
    return FeatureSets(starts, tagged[first].astype(np.uint32), counts)


def _fold(texts: pl.Series) -> Sequence[pl.Series]:
    """Return the words of each text, and its codes with their separators taken out: `ab-12/x` is `ab12x`.

    Both in lower case and without accents, one space before, between and after.
    """
    plain = (
        pl.col("text").fill_null("").str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    )
    words = plain.str.replace_all(r"[^\p{L}\p{N}]+", " ")
    codes = (
        plain.str.extract_all(r"[\p{L}\p{N}]+(?:[-/._]+[\p{L}\p{N}]+)+")
        .list.eval(pl.element().filter(pl.element().str.contains(r"\p{N}")).str.replace_all(r"[-/._]", ""))
        .list.join(" ")
    )
    frame = texts.alias("text").to_frame()
    padded = (pl.concat_str(pl.lit(" "), part.str.strip_chars(), pl.lit(" ")) for part in (words, codes))
    return frame.select(*(column.alias(f"part{i}") for i, column in enumerate(padded))).get_columns()


def _word_features(padded: pl.Series, *, grams: bool) -> Iterator[UInt64s]:
    """Yield the hashes of all words (and 3-grams within words), each with its row in the upper half."""
    points = np.frombuffer("".join(padded.to_list()).encode("utf-32-le"), dtype=np.uint32)
    rows = np.repeat(np.arange(len(padded), dtype=np.uint64), padded.str.len_chars().to_numpy())
    space = points == _SPACE
    if grams and len(points) >= 3:
        inside = ~space[1:-1] & (rows[:-2] == rows[2:])
        hashes = _finish(((points[:-2] * _PRIME) ^ points[1:-1]) * _PRIME ^ points[2:])
        yield _tag(rows[1:-1][inside], hashes[inside])
    begins = np.flatnonzero(space[:-1] & ~space[1:]) + 1
    if len(begins):
        inner = np.flatnonzero(~space)
        position = np.arange(len(inner), dtype=np.int64)
        runs = np.searchsorted(inner, begins)
        offset = position - np.repeat(runs, np.diff(np.append(runs, len(inner))))
        mixed = _finish(points[inner] + _finish(offset.astype(np.uint32)))
        yield _tag(rows[begins], _finish(np.add.reduceat(mixed, runs, dtype=np.uint32)))


def _tag(rows: UInt64s, hashes: UInt32s) -> UInt64s:
    return (rows << np.uint64(32)) | hashes.astype(np.uint64)


def _finish(state: UInt32s) -> UInt32s:
    """Return a 32-bit mix of every value (the finaliser of MurmurHash3)."""
    state = (state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return state ^ (state >> np.uint32(16))


def idf(*tables: FeatureSets) -> Floats:
    """Return the inverse document frequency of each of the 2**20 features, ln((1 + N) / (1 + df)) + 1."""
    size = 1 << FEATURE_BITS
    frequency = sum(
        (np.bincount(sets.features, minlength=size) for sets in tables), start=np.zeros(size, int)
    )
    records = sum(len(sets) for sets in tables)
    return (np.log((1 + records) / (1 + frequency)) + 1).astype(np.float32)


def tfidf(sets: FeatureSets, weights: Floats) -> sparse.csr_array:
    """Return one unit-length row per record, (1 + ln tf) * weight, over the 2**20 features."""
    features = sets.features
    values = (1 + np.log(sets.counts.astype(np.float32))) * weights[features]
    matrix = sparse.csr_array((values, features, sets.starts), shape=(len(sets), 1 << FEATURE_BITS))
    matrix.sum_duplicates()
    return unit_rows(matrix)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return `matrix` with every row that is not empty scaled to length 1."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    norms = np.sqrt(np.bincount(rows, weights=matrix.data**2, minlength=matrix.shape[0]))
    data = (matrix.data / norms[rows]).astype(np.float32)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
