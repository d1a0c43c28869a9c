"""Hashers as folders: `manifest.json`, arrays as safetensors, and the encoder's own folder, if it has one.

Nothing in a model folder is ever run or unpickled. A folder is written beside its place and then renamed.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from erblock.errors import ModelError
from erblock.hashing.bands import BandPlan
from erblock.hashing.base import Hasher
from erblock.hashing.kinds import ENCODER, KINDS, Arrays, Kind, Parts, RunOptions

FORMAT = 3
MANIFEST = "manifest.json"
_ARRAYS = "arrays.safetensors"
_MAKER = "erblock"
_PLAN = "plan"
_KEYS = {"kind", "columns", "digests", "notes", _PLAN}


@dataclass(frozen=True)
class Provenance:
    """What a model was made from: the mapped columns and digests of rules and data."""

    columns: tuple[str, ...]
    digests: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A hasher and what it was made from."""

    hasher: Hasher
    provenance: Provenance


@dataclass(frozen=True)
class Extras:
    """What else a model folder holds, by file name: tables as Parquet, and texts."""

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def save_model(model: Model, folder: Path, extras: Extras, *, overwrite: bool = False) -> None:
    """Write `model` and `extras` to `folder`.

    Raises:
        ModelError: if the folder exists and is not a model, or is one and `overwrite` is not set.
    """
    check_target(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")
    beside.mkdir()
    try:
        _write(model, beside)
        for name, frame in extras.tables.items():
            frame.write_parquet(beside / name)
        for name, text in extras.texts.items():
            (beside / name).write_text(text, encoding="utf-8")
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
    return isinstance(manifest, dict) and _MAKER in manifest and manifest.get("kind") in KINDS


def _write(model: Model, folder: Path) -> None:
    from safetensors.numpy import save_file

    kind = KINDS[model.hasher.kind]
    arrays, settings = kind.take_apart(model.hasher, folder)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / _ARRAYS)
    manifest = {
        "format": FORMAT,
        "kind": model.hasher.kind,
        _MAKER: version("erblock"),
        "columns": list(model.provenance.columns),
        kind.section: dict(settings),
        _PLAN: asdict(model.hasher.plan),
        "digests": dict(model.provenance.digests),
        "notes": dict(model.provenance.notes),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    # safetensors writes for the owner alone; whoever may read the manifest may read the arrays.
    shutil.copymode(folder / MANIFEST, folder / _ARRAYS)


def load_model(folder: Path, device: str = "auto", precision: str = "auto") -> Model:
    """Return the model in `folder`; `device` and `precision` are those of its encoder, if it has one.

    Raises:
        ModelError: if it is no model folder, or of a format this version does not read.
    """
    manifest = read_manifest(folder)
    kind = KINDS[manifest["kind"]]
    arrays = _load_arrays(folder / _ARRAYS, kind.arrays)
    parts = Parts(folder, arrays, manifest[kind.section], _plan_of(folder, manifest))
    hasher = kind.put_together(parts, RunOptions(device, precision))
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
    """Return the weight of each of the 2**20 features in the model in `folder`; does not load the model.

    Raises:
        ModelError: if they cannot be read.
    """
    return _load_arrays(folder / _ARRAYS, ("weights",))["weights"]


def _load_arrays(path: Path, names: tuple[str, ...]) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays: Arrays = load_file(path)
    except (OSError, SafetensorError) as cause:
        raise ModelError(f"{path}: cannot be read ({cause}); fit again") from cause
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ModelError(f"{path}: expected the arrays {', '.join(names)}; missing {missing[0]}")
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
    _check_keys(path, manifest)
    return dict(manifest)


def _check_keys(path: Path, manifest: Mapping[str, Any]) -> None:
    kind = manifest.get("kind")
    if kind is not None and kind not in KINDS:
        raise ModelError(f"{path}: expected one of the kinds {', '.join(KINDS)}; found {kind}")
    keys = _KEYS if kind is None else _KEYS | {KINDS[kind].section}
    missing = sorted(keys - manifest.keys())
    if missing:
        raise ModelError(f"{path}: expected the keys {', '.join(sorted(keys))}; missing {missing[0]}")
    _check_settings(path, KINDS[manifest["kind"]], manifest)


def _check_settings(path: Path, kind: Kind, manifest: Mapping[str, Any]) -> None:
    found = manifest[kind.section]
    for name in kind.settings:
        if not isinstance(found, dict) or not isinstance(found.get(name), int):
            raise ModelError(f"{path}: expected a whole number as {kind.section}.{name}; fit again")


def model_digest(folder: Path) -> str:
    """Return a SHA-256 over all that keys depend on: columns, settings, arrays and encoder of the model.

    Raises:
        ModelError: if `folder` is no model folder.
    """
    manifest = read_manifest(folder)
    named = ("format", "kind", "columns", _PLAN, KINDS[manifest["kind"]].section)
    stated = [manifest[key] for key in named]
    digest = sha256(json.dumps(stated, sort_keys=True).encode())
    for path in _hashed_files(folder):
        with path.open("rb") as file:
            content = file_digest(file, "sha256").hexdigest()
        digest.update(f"\n{path.relative_to(folder).as_posix()} {content}".encode())
    return digest.hexdigest()


def _hashed_files(folder: Path) -> Iterator[Path]:
    yield folder / _ARRAYS
    yield from sorted(path for path in (folder / ENCODER).rglob("*") if path.is_file())
