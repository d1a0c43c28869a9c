"""Matrix products of 8-bit integers, exact on any processor, in any order and shape.

Decision: docs/decisions/008-all-pivots-compared.md.
"""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from erblock.hashing.codes import Codes

Int32s = npt.NDArray[np.int32]
Products = Callable[[Codes, Codes], Int32s]
"""Returns (rows, others) dot products, given (rows, width) and (others, width) codes of -127 to 127."""

_LARGEST = 127
_EXACT_FLOAT32 = 2**24
"""Integers up to this size are exact in a 32-bit float."""
_WORTH_LOADING = 10**9
"""Number of products above which loading PyTorch to compute them is faster than computing them in floats."""


def fastest_products(count: int) -> Products:
    """Return the fastest function for about this many products: PyTorch in 8 bits, or NumPy in floats.

    PyTorch is used where it is loaded or worth loading and the processor has 8-bit instructions.
    """
    if sys.modules.get("torch") is None and (count < _WORTH_LOADING or find_spec("torch") is None):
        return in_floats
    return in_8_bits if has_8_bits() else in_floats


def has_8_bits() -> bool:
    """Return whether PyTorch and this processor have instructions for 8-bit products."""
    import torch

    has_vnni = getattr(torch.cpu, "_is_vnni_supported", lambda: False)
    return bool(has_vnni()) and hasattr(torch, "_int_mm")


def in_8_bits(rows: Codes, others: Codes) -> Int32s:
    """Return the dot products of rows and others, computed by PyTorch in 8-bit integers."""
    import torch

    if rows.shape[1] == 1:  # PyTorch 2.13 misreads the strides of a transposed single column.
        return in_floats(rows, others)
    found: Int32s = torch._int_mm(torch.from_numpy(rows), torch.from_numpy(others).T).numpy()
    return found


def in_floats(rows: Codes, others: Codes) -> Int32s:
    """Return the dot products of rows and others, computed by NumPy in floats wide enough for exact sums."""
    exact: type[np.floating[Any]] = np.float64
    if rows.shape[1] * _LARGEST**2 <= _EXACT_FLOAT32:
        exact = np.float32
    sums: npt.NDArray[Any] = rows.astype(exact) @ others.astype(exact).T
    return sums.astype(np.int32)
