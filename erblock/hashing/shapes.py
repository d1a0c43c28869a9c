"""Checks that the arrays of a model fit together: their types, shapes and indices.

Compiled code does not check whether it reads past the end of an array.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from erblock.errors import ModelError
from erblock.hashing.ngrams import FEATURE_BITS
from erblock.hashing.tensors import Arrays

_FEATURES = 1 << FEATURE_BITS
# Axes of one name have one length in all arrays.
_FORMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "weights": ("float32", ("all features",)),
    "mean": ("float32", ("joined vector",)),
    "projection": ("float32", ("joined vector", "projected")),
    "points": ("float32", ("points", "projected")),
    "centres": ("int32", ("bands", "cells")),
    "features": ("int32", ("known features",)),
    "codes": ("int8", ("known features", "vector")),
    "scales": ("float32", ("known features",)),
    "constant": ("float32", ("vector",)),
}
_POINTS_AT = {"centres": "points", "features": "all features"}


def check_shapes(path: Path, arrays: Arrays, remedy: str) -> dict[str, int]:
    """Check the arrays and return the length of every named axis.

    Raises:
        ModelError: if an array has the wrong type, or a shape that does not fit the others.
    """
    lengths = {"all features": _FEATURES}
    for name, array in arrays.items():
        kind, axes = _FORMS[name]
        if array.dtype.name != kind or array.ndim != len(axes):
            raise ModelError(
                f"{path}: expected {name} as {kind} of {len(axes)} dimensions, found {array.dtype.name} of "
                f"{array.ndim}; {remedy}"
            )
        for axis, length in zip(axes, array.shape, strict=True):
            if length != lengths.setdefault(axis, length) or not length:
                raise ModelError(
                    f"{path}: expected {name} with {lengths[axis] or 'some'} {axis}, found {length}; {remedy}"
                )
    _check_values(path, arrays, lengths, remedy)
    return lengths


def _check_values(path: Path, arrays: Arrays, lengths: Mapping[str, int], remedy: str) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError(f"{path}: expected {name} to be finite numbers, found others; {remedy}")
        if name == "weights" and not (array >= 1).all():
            raise ModelError(f"{path}: expected weights of 1 or more, as idf is, found others; {remedy}")
        most = lengths[_POINTS_AT[name]] if name in _POINTS_AT else None
        if most is not None and not 0 <= array.min() <= array.max() < most:
            raise ModelError(f"{path}: expected {name} from 0 to {most - 1}, found others; {remedy}")
