"""A sketch as plain arrays, so that it can be kept: the same ones for every kind of hasher."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.errors import ModelError
from erblock.hashing.base import Rows, Sketch
from erblock.hashing.codes import CodedVectors, Codes
from erblock.hashing.minhash import MinHashSketch
from erblock.hashing.neural import Channels, NeuralSketch
from erblock.hashing.ngrams import FEATURE_BITS

_NAMES = ("buckets", "places", "values", "features", "starts", "dense")


@dataclass(frozen=True)
class SketchArrays:
    """What a sketch keeps of each record.

    `buckets`: (records, bands); `places`: the neighbour order, (records,); `ngrams`: TF-IDF rows; `dense`:
    the language model's vectors in 8 bits, (records, width), of width 0 in a MinHash.
    """

    buckets: npt.NDArray[np.uint32]
    places: npt.NDArray[np.uint32]
    ngrams: sparse.csr_array
    dense: Codes

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: Rows) -> "SketchArrays":
        """Return the arrays of these records, in this order."""
        return SketchArrays(self.buckets[rows], self.places[rows], self.ngrams[rows], self.dense[rows])

    def sketch(self) -> Sketch:
        """Return the sketch that these arrays are of."""
        buckets = np.ascontiguousarray(self.buckets.T)
        if self.dense.shape[1] == 0:
            return MinHashSketch(buckets, self.places, self.ngrams)
        return NeuralSketch(Channels(CodedVectors(self.dense), self.ngrams), buckets, self.places)


def sketch_arrays(sketch: Sketch) -> SketchArrays:
    """Return the arrays of a sketch."""
    if isinstance(sketch, NeuralSketch):
        channels = sketch.channels
        return SketchArrays(sketch.buckets.T, sketch.places, channels.sparse, channels.dense.codes)
    if isinstance(sketch, MinHashSketch):
        none = np.zeros((len(sketch), 0), dtype=np.int8)
        return SketchArrays(sketch.buckets.T, sketch.order, sketch.vectors, none)
    raise TypeError(f"expected a sketch of this package, found {type(sketch).__name__}")


def stacked(parts: Sequence[SketchArrays]) -> SketchArrays:
    """Return the records of all parts, in order; one part at least."""
    if len(parts) == 1:
        return parts[0]
    return SketchArrays(
        np.concatenate([part.buckets for part in parts]),
        np.concatenate([part.places for part in parts]),
        sparse.csr_array(sparse.vstack([part.ngrams for part in parts], format="csr")),
        np.concatenate([part.dense for part in parts]),
    )


def save_arrays(arrays: SketchArrays, path: Path) -> None:
    """Write `arrays` as safetensors."""
    from safetensors.numpy import save_file

    ngrams = arrays.ngrams
    parts = (arrays.buckets, arrays.places, ngrams.data, ngrams.indices, ngrams.indptr, arrays.dense)
    save_file({name: np.ascontiguousarray(part) for name, part in zip(_NAMES, parts, strict=True)}, path)


def load_arrays(path: Path) -> SketchArrays:
    """Return the arrays in the file.

    Raises:
        ModelError: if there is no such file, or it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
        buckets, places, values, features, starts, dense = (found[name] for name in _NAMES)
    except (OSError, SafetensorError, KeyError) as cause:
        raise ModelError(f"{path}: cannot be read ({cause}); write the keys again") from cause
    shape = (len(places), 1 << FEATURE_BITS)
    return SketchArrays(buckets, places, sparse.csr_array((values, features, starts), shape=shape), dense)
