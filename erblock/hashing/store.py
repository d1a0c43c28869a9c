"""Hashers as folders: `manifest.json`, arrays as safetensors, and the encoder's own folder.

Nothing in a model folder is ever run or unpickled. A folder is written beside its place and then renamed.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.errors import ModelError, require_extra
from erblock.hashing.cells import Cells
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.hashing.neural import NeuralHasher

FORMAT = 1
MANIFEST = "manifest.json"
_ARRAYS = "arrays.safetensors"
_ENCODER = "encoder"
_ARRAY_NAMES = ("weights", "mean", "projection", "centres")
_KIND = "neural"
_MAKER = "erblock"
_KEYS = {"kind", "columns", "encoder", "digests", "notes"}


@dataclass(frozen=True)
class Provenance:
    """What a model was made from: the mapped columns and digests of rules and data."""

    columns: tuple[str, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A hasher and what it was made from."""

    hasher: NeuralHasher
    provenance: Provenance


def save_model(
    model: Model, folder: Path, tables: Mapping[str, pl.DataFrame], *, overwrite: bool = False
) -> None:
    """Write `model` to `folder`, and `tables` beside it as Parquet files of these names.

    Raises:
        ModelError: if the folder exists and is not a model, or is one and `overwrite` is not set.
    """
    check_target(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    beside.mkdir()
    try:
        _write(model, beside)
        for name, frame in tables.items():
            frame.write_parquet(beside / name)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Raise ModelError if a model may not be written to `folder`."""
    if not folder.exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not _is_ours(folder):
        raise ModelError(f"{folder} exists and is not a model folder; choose another with --output")
    if not overwrite:
        raise ModelError(f"{folder} holds a model already; use --force to replace it")


def _is_ours(folder: Path) -> bool:
    """Other programs name a file manifest.json too; what they keep beside it must not be replaced."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and _MAKER in manifest


def _write(model: Model, folder: Path) -> None:
    from safetensors.numpy import save_file

    hasher = model.hasher
    hasher.encoder.save(folder / _ENCODER)
    arrays = {
        "weights": hasher.weights,
        "mean": hasher.cells.mean,
        "projection": hasher.cells.projection,
        "centres": hasher.cells.centres,
    }
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / _ARRAYS)
    manifest = {
        "format": FORMAT,
        "kind": hasher.kind,
        _MAKER: version("erblock"),
        "columns": list(model.provenance.columns),
        "encoder": {"max_tokens": hasher.encoder.options.max_tokens},
        "digests": dict(model.provenance.digests),
        "notes": dict(model.provenance.notes),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def load_model(folder: Path, device: str = "auto", precision: str = "auto") -> Model:
    """Return the model in `folder`.

    Raises:
        ModelError: if it is no model folder, or of a format this version does not read.
    """
    manifest = read_manifest(folder)
    require_extra("safetensors", "neural")
    arrays = _load_arrays(folder / _ARRAYS)
    options = EncoderOptions(str(folder / _ENCODER), manifest["encoder"]["max_tokens"], device, precision)
    cells = Cells(arrays["mean"], arrays["projection"], arrays["centres"])
    hasher = NeuralHasher(load_encoder(options), arrays["weights"], cells)
    return Model(hasher, Provenance(tuple(manifest["columns"]), manifest["digests"], manifest["notes"]))


def _load_arrays(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as cause:
        raise ModelError(f"{path}: cannot be read ({cause}); fit again") from cause
    missing = [name for name in _ARRAY_NAMES if name not in arrays]
    if missing:
        raise ModelError(f"{path}: expected the arrays {', '.join(_ARRAY_NAMES)}; missing {missing[0]}")
    return arrays


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the model in `folder`; does not load the model.

    Raises:
        ModelError: if there is none, it is not readable, or its format is another.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(f"{folder}: expected a model folder written by 'erblock fit', found no {MANIFEST}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as cause:
        raise ModelError(f"{path}: expected JSON, found something else ({cause}); fit again") from cause
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise ModelError(
            f"{path}: expected model format {FORMAT}, found {found}; fit again with this version"
        )
    missing = sorted(_KEYS - manifest.keys())
    if missing:
        raise ModelError(f"{path}: expected the keys {', '.join(sorted(_KEYS))}; missing {missing[0]}")
    if manifest["kind"] != _KIND:
        raise ModelError(f"{path}: expected the kind {_KIND}, found {manifest['kind']}")
    return dict(manifest)
