"""Model folders: `manifest.json`, arrays as safetensors, and the folder of the encoder, if there is one.

Nothing in a model folder is run or unpickled. A folder is written under another name, then renamed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.errors import ModelError
from erblock.hashing.bands import BandPlan
from erblock.hashing.base import Hasher
from erblock.hashing.kinds import ENCODER, KINDS, Kind, Parts, RunOptions
from erblock.hashing.neural import SKETCH_WIDTH, NeuralHasher
from erblock.hashing.shapes import check_shapes
from erblock.hashing.tensors import load_tensors, save_tensors
from erblock.tables.contents import (
    FILES,
    MANIFEST,
    are_names,
    as_json,
    check_contents,
    digest_of,
    digests_of,
    foreign_file,
    manifest_in,
    own_files,
    read_json,
)
from erblock.tables.writing import whole_folder

FORMAT = 4
_ARRAYS = "arrays.safetensors"
_MAKER = "erblock"
_PLAN = "plan"
_KEYS = {"kind", "columns", "digests", "notes", _PLAN}
_OTHER_KEYS = {"format", _MAKER, FILES}
_REMEDY = "fit again"
_OLD_NAMES = (_ARRAYS, "evidence.json", "labels.parquet", "triplets.parquet", ENCODER)
"""Files of a model folder of format 3 or older, whose manifest does not list them."""


@dataclass(frozen=True)
class Provenance:
    """What a model was made from: the mapped columns, and digests of rules and data."""

    columns: tuple[str, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A hasher and its provenance."""

    hasher: Hasher
    provenance: Provenance


@dataclass(frozen=True)
class Extras:
    """Further files of a model folder, keyed by file name: tables as Parquet, and texts."""

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def save_model(model: Model, folder: Path, extras: Extras, *, overwrite: bool = False) -> None:
    """Write `model` and `extras` to `folder`.

    Raises:
        ModelError: if the folder exists and is not a model, or is a model and `overwrite` is not set.
    """
    with whole_folder(folder) as beside:
        check_target(folder, overwrite=overwrite)
        arrays, settings = KINDS[model.hasher.kind].to_arrays(model.hasher, beside)
        save_tensors(arrays, beside / _ARRAYS)
        for name, frame in extras.tables.items():
            frame.write_parquet(beside / name)
        for name, text in extras.texts.items():
            (beside / name).write_text(text, encoding="utf-8")
        manifest = _manifest(model, settings) | {FILES: digests_of(beside)}
        (beside / MANIFEST).write_text(as_json(manifest), encoding="utf-8")


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Raise ModelError if a model may not be written to `folder`."""
    if not folder.exists():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    known = _own_files(folder)
    if known is None:
        raise ModelError(f"{folder} exists and is not a model folder; choose another with --output")
    foreign = foreign_file(folder, known)
    if foreign is not None:
        raise ModelError(f"{folder}: {foreign} is in it, which erblock did not write; move it away first")
    if not overwrite:
        raise ModelError(f"{folder} holds a model already; use --force to replace it")


def _own_files(folder: Path) -> frozenset[str] | None:
    """Return the names of the files that erblock wrote to `folder`, or None if it is no model folder.

    Other programs also have a manifest.json; their folders must not be replaced.
    """
    manifest = manifest_in(folder)
    if manifest is None or _MAKER not in manifest or manifest.get("kind") not in [*KINDS]:
        return None
    return own_files(folder, manifest, _OLD_NAMES)


def _manifest(model: Model, settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = KINDS[model.hasher.kind]
    return {
        "format": FORMAT,
        "kind": model.hasher.kind,
        _MAKER: version("erblock"),
        "columns": list(model.provenance.columns),
        kind.section: dict(settings),
        _PLAN: asdict(model.hasher.plan),
        "digests": dict(model.provenance.digests),
        "notes": dict(model.provenance.notes),
    }


def load_model(folder: Path, device: str = "auto", precision: str = "auto") -> Model:
    """Return the model in `folder`; `device` and `precision` are for its encoder, if it has one.

    Raises:
        ModelError: if `folder` is no model folder, or has a format that this version does not read.
    """
    manifest = read_manifest(folder)
    check_contents(folder, manifest, _REMEDY)
    kind = KINDS[manifest["kind"]]
    arrays = load_tensors(folder / _ARRAYS, kind.arrays, _REMEDY)
    lengths = check_shapes(folder / _ARRAYS, arrays, _REMEDY)
    parts = Parts(folder, arrays, manifest[kind.section], _plan_of(folder, manifest))
    hasher = kind.from_arrays(parts, RunOptions(device, precision))
    width = hasher.encoder.width if isinstance(hasher, NeuralHasher) else lengths.get("vector", 0)
    if width and lengths["joined vector"] != width + SKETCH_WIDTH:
        raise ModelError(
            f"{folder}: expected vectors of {lengths['joined vector'] - SKETCH_WIDTH} dimensions, found "
            f"{width}: encoder and arrays are of two models; {_REMEDY}"
        )
    return Model(hasher, Provenance(tuple(manifest["columns"]), manifest["digests"], manifest["notes"]))


def _plan_of(folder: Path, manifest: Mapping[str, Any]) -> BandPlan:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(BandPlan).validate_python(manifest[_PLAN])
    except ValidationError as cause:
        problem = cause.errors()[0]
        where = ".".join(map(str, (_PLAN, *problem["loc"])))
        raise ModelError(f"{folder / MANIFEST}: {where}: {problem['msg']}; fit again") from cause


def load_weights(folder: Path) -> npt.NDArray[np.float32]:
    """Return the weight of each of the 2**20 features of the model in `folder`, without loading it.

    Raises:
        ModelError: if the weights cannot be read.
    """
    names = KINDS[read_manifest(folder)["kind"]].arrays
    return load_tensors(folder / _ARRAYS, names, _REMEDY)["weights"]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of the model in `folder`, without loading it.

    Raises:
        ModelError: if the folder has no manifest, or one that is not readable or of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(f"{folder}: expected a model folder written by 'erblock fit', found no {MANIFEST}")
    try:
        manifest = read_json(path)
    except (OSError, ValueError) as cause:
        raise ModelError(f"{path}: expected JSON, found something else ({cause}); fit again") from cause
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise ModelError(
            f"{path}: expected model format {FORMAT}, found {found}; fit again with this version"
        )
    _check_keys(path, manifest)
    return dict(manifest)


def _check_keys(path: Path, manifest: Mapping[str, Any]) -> None:
    kind = manifest.get("kind")
    if kind is not None and kind not in [*KINDS]:
        raise ModelError(f"{path}: expected one of the kinds {', '.join(KINDS)}; found {kind}")
    keys = _KEYS if kind is None else _KEYS | {KINDS[kind].section}
    missing, more = sorted(keys - manifest.keys()), sorted(manifest.keys() - keys - _OTHER_KEYS)
    if missing:
        raise ModelError(f"{path}: expected the keys {', '.join(sorted(keys))}; missing {missing[0]}")
    if more:
        raise ModelError(f"{path}: expected the keys {', '.join(sorted(keys))}; found also {more[0]}")
    _check_contents_of(path, manifest)
    _check_settings(path, KINDS[manifest["kind"]], manifest)


def _check_contents_of(path: Path, manifest: Mapping[str, Any]) -> None:
    columns = manifest["columns"]
    if not are_names(columns):
        raise ModelError(f"{path}: expected columns to be a list of names; {_REMEDY}")
    for key in ("digests", "notes"):
        if not isinstance(manifest[key], dict):
            raise ModelError(f"{path}: expected {key} to be an object; {_REMEDY}")


def _check_settings(path: Path, kind: Kind, manifest: Mapping[str, Any]) -> None:
    found = manifest[kind.section]
    for name in kind.settings:
        value = found.get(name) if isinstance(found, dict) else None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{path}: expected a whole number as {kind.section}.{name}; {_REMEDY}")
    if not isinstance(found, dict) or set(found) != set(kind.settings):
        known = ", ".join(kind.settings) or "nothing"
        raise ModelError(f"{path}: expected {known} below {kind.section}, found {found}; {_REMEDY}")


def model_digest(folder: Path) -> str:
    """Return the SHA-256 of all that keys depend on: columns, settings, arrays and encoder of the model.

    Raises:
        ModelError: if `folder` is no model folder.
    """
    manifest = read_manifest(folder)
    named = ("format", "kind", "columns", _PLAN, KINDS[manifest["kind"]].section)
    stated = [manifest[key] for key in named]
    digest = sha256(json.dumps(stated, sort_keys=True).encode())
    for path in _hashed_files(folder):
        digest.update(f"\n{path.relative_to(folder).as_posix()} {digest_of(path)}".encode())
    return digest.hexdigest()


def _hashed_files(folder: Path) -> Iterator[Path]:
    yield folder / _ARRAYS
    yield from sorted(path for path in (folder / ENCODER).rglob("*") if path.is_file())
