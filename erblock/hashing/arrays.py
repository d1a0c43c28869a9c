"""A sketch as arrays that can be stored, in one layout for every kind of hasher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from erblock.errors import ModelError
from erblock.hashing.base import Rows, Sketch
from erblock.hashing.codes import Codes, QuantizedVectors
from erblock.hashing.minhash import MinHashSketch
from erblock.hashing.neural import HybridVectors, NeuralSketch
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.hashing.tensors import Arrays, load_tensors, save_tensors

UInt32s = npt.NDArray[np.uint32]

_NAMES = ("buckets", "places", "values", "features", "starts", "dense")
_WHOLE = ("int32", "int64")
_TYPES: Mapping[str, tuple[tuple[str, ...], int]] = {
    "buckets": (("uint32",), 2),
    "places": (("uint32",), 1),
    "values": (("float32",), 1),
    "features": (_WHOLE, 1),
    "starts": (_WHOLE, 1),
    "dense": (("int8",), 2),
}
_REMEDY = "write the keys again"


@dataclass(frozen=True)
class SketchArrays:
    """The stored arrays of a sketch, one row for each record.

    `buckets`: (records, bands). `places`: the number of each record in the neighbour order (`base.Sketch`),
    (records,). `ngrams`: TF-IDF rows. `dense`: the language model's vectors in 8 bits, (records, width); the
    width is 0 for MinHash.
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
        """Return the sketch that these arrays describe."""
        buckets = np.ascontiguousarray(self.buckets.T)
        if self.dense.shape[1] == 0:
            return MinHashSketch(buckets, self.places, self.ngrams)
        return NeuralSketch(HybridVectors(QuantizedVectors(self.dense), self.ngrams), buckets, self.places)


def sketch_arrays(sketch: Sketch) -> SketchArrays:
    """Return the arrays of a sketch."""
    if isinstance(sketch, NeuralSketch):
        hybrid = sketch.hybrid
        return SketchArrays(sketch.buckets.T, sketch.places, hybrid.sparse, hybrid.dense.codes)
    if isinstance(sketch, MinHashSketch):
        none = np.zeros((len(sketch), 0), dtype=np.int8)
        return SketchArrays(sketch.buckets.T, sketch.order, sketch.vectors, none)
    raise TypeError(f"expected a sketch of this package, found {type(sketch).__name__}")


def check_alike(left: Sketch, right: Sketch) -> None:
    """Raise ModelError unless two sketches have the same number of bands and the same width of vectors."""
    forms = [(each.buckets.shape[1], each.dense.shape[1]) for each in map(sketch_arrays, (left, right))]
    if forms[0] != forms[1]:
        shapes = " and ".join(f"{bands} bands with vectors of {width}" for bands, width in forms)
        raise ModelError(f"expected keys of one model on both sides, found {shapes} dimensions; {_REMEDY}")


def with_buckets(sketch: Sketch, buckets: UInt32s) -> Sketch:
    """Return the sketch with further bands; `buckets`: (bands, records), 0 where a record has no key."""
    if not len(buckets):
        return sketch
    arrays = sketch_arrays(sketch)
    return replace(arrays, buckets=np.concatenate([arrays.buckets, buckets.T], axis=1)).sketch()


def stacked(parts: Sequence[SketchArrays]) -> SketchArrays:
    """Return the arrays of all parts as one, in order; there must be at least one part."""
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
    ngrams = arrays.ngrams
    parts = (arrays.buckets, arrays.places, ngrams.data, ngrams.indices, ngrams.indptr, arrays.dense)
    save_tensors(dict(zip(_NAMES, parts, strict=True)), path)


def load_arrays(path: Path) -> SketchArrays:
    """Return the arrays in the file.

    Raises:
        ModelError: if the file does not exist, cannot be read, or holds arrays that do not fit together.
    """
    found = load_tensors(path, _NAMES, _REMEDY)
    misfit = _misfit(found)
    if misfit is not None:
        raise ModelError(f"{path}: {misfit}; {_REMEDY}")
    shape = (len(found["places"]), 1 << FEATURE_BITS)
    ngrams = sparse.csr_array((found["values"], found["features"], found["starts"]), shape=shape)
    return SketchArrays(found["buckets"], found["places"], ngrams, found["dense"])


def _misfit(found: Arrays) -> str | None:
    """Return what is wrong with the arrays, or None. Compiled code would read past their ends."""
    for name, (kinds, dimensions) in _TYPES.items():
        if found[name].dtype.name not in kinds or found[name].ndim != dimensions:
            return f"expected {name} as {kinds[0]} of {dimensions} dimensions"
    records = len(found["places"])
    lengths = (len(found["buckets"]), len(found["dense"]), len(found["starts"]) - 1)
    if lengths != (records,) * 3 or found["buckets"].shape[1] == 0:
        return f"expected {records} records in every array, found {lengths}"
    return _misfit_of_rows(found["starts"], found["features"], found["values"])


def _misfit_of_rows(
    starts: npt.NDArray[Any], features: npt.NDArray[Any], values: npt.NDArray[Any]
) -> str | None:
    if starts[0] != 0 or not len(features) == len(values) == starts[-1] or (np.diff(starts) < 0).any():
        return "expected starts that rise from 0 to the number of features"
    if len(features) and not 0 <= features.min() <= features.max() < 1 << FEATURE_BITS:
        return f"expected features from 0 to {(1 << FEATURE_BITS) - 1}"
    rises = np.diff(features) > 0
    begins = starts[1:-1]
    rises[begins[(begins > 0) & (begins < len(features))] - 1] = True
    if not rises.all():  # the kernel of dot products has one slot for each distinct column of a row
        return "expected the features of a record to rise"
    return None if np.isfinite(values).all() else "expected finite values"
