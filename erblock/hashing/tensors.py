"""Saves and loads arrays as safetensors; checks their names, and raises errors of one line."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from erblock.errors import ModelError

Arrays = Mapping[str, npt.NDArray[Any]]


def save_tensors(arrays: Arrays, path: Path) -> None:
    """Write arrays to `path`.

    Raises:
        OSError: if the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    # safetensors makes files private to the owner; they get the permissions of other new files.
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def load_tensors(path: Path, names: Sequence[str], remedy: str) -> Arrays:
    """Return the arrays in the file, which must have exactly these names.

    Raises:
        ModelError: if the file cannot be read or has other arrays.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise ModelError(f"{path}: cannot be read (no such file); {remedy}")
    try:
        arrays: Arrays = load_file(path)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, OverflowError) as cause:
        raise ModelError(f"{path}: cannot be read ({str(cause).strip() or 'damaged'}); {remedy}") from cause
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ModelError(f"{path}: expected the arrays {', '.join(names)}; missing {missing[0]}; {remedy}")
    more = [name for name in arrays if name not in names]
    if more:
        raise ModelError(f"{path}: expected the arrays {', '.join(names)}; found also {more[0]}; {remedy}")
    return arrays
