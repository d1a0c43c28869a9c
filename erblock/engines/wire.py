"""A sketch as Arrow columns, so that records can be sent with all data for their similarities.

order    int64            the number in the neighbour order (`Sketch.neighbour_order`)
buckets  list of int32    the bucket of every band, null where a record has none
indices  list of int32    the features of the record...
values   list of float    ...and their weights
dense    list of int8     the language model's vector, empty for MinHash
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from erblock.hashing.arrays import SketchArrays, sketch_arrays
from erblock.hashing.base import Sketch
from erblock.hashing.ngrams import FEATURE_BITS

VECTORS = ("indices", "values", "dense")

_HALF = np.uint64(32)


def key_columns(sketch: Sketch) -> dict[str, pa.Array]:
    """Return the columns for the join, `order` and `buckets` (the upper 32 bits of each bucket)."""
    buckets = np.zeros((len(sketch), sketch.bands), dtype=np.int32)
    missing = np.ones_like(buckets, dtype=bool)
    for band in range(sketch.bands):
        keys = sketch.keys(band)
        buckets[keys.rows, band] = (keys.buckets >> _HALF).astype(np.uint32).view(np.int32)
        missing[keys.rows, band] = False
    flat = pa.array(buckets.ravel(), mask=missing.ravel())
    return {"order": pa.array(sketch.neighbour_order().astype(np.int64)), "buckets": _evenly(flat, buckets)}


def vector_columns(sketch: Sketch) -> dict[str, pa.Array]:
    """Return the columns for similarities: `indices`, `values`, `dense`."""
    arrays = sketch_arrays(sketch)
    starts = pa.array(arrays.ngrams.indptr.astype(np.int32))
    return {
        "indices": pa.ListArray.from_arrays(starts, pa.array(arrays.ngrams.indices.astype(np.int32))),
        "values": pa.ListArray.from_arrays(starts, pa.array(arrays.ngrams.data)),
        "dense": _evenly(pa.array(arrays.dense.ravel()), arrays.dense),
    }


def sketch_from(columns: pa.Table) -> Sketch:
    """Return a sketch for the similarities of these records; it has no keys."""
    records = len(columns)
    indices, values, dense = (columns.column(name).combine_chunks() for name in VECTORS)
    shape = (records, 1 << FEATURE_BITS)
    ngrams = sparse.csr_array((_flat(values), _flat(indices), _starts(indices)), shape=shape)
    none, places = np.zeros((records, 0), dtype=np.uint32), np.zeros(records, dtype=np.uint32)
    return SketchArrays(none, places, ngrams, _flat(dense).reshape(records, -1)).sketch()


def _evenly(flat: pa.Array, matrix: npt.NDArray[Any]) -> pa.Array:
    """Return the values of a matrix, given row by row, as one list per row."""
    rows, width = matrix.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), flat)


def _flat(lists: pa.Array) -> npt.NDArray[Any]:
    return np.asarray(lists.flatten().to_numpy(zero_copy_only=False))


def _starts(lists: pa.Array) -> npt.NDArray[np.int32]:
    starts = lists.offsets.to_numpy()
    return np.asarray(starts - starts[0])
