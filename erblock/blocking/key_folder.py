"""A folder of keys: the keys of a table, and what is needed to score its records without the table.

    manifest.json                 which model, which columns
    00000/keys.parquet            the table of keys (KEYS), for any engine
    00000/records.parquet         ids and compared columns, rows in the order of the ids
    00000/sketch.safetensors      the vectors of the records, in the same order
    00001/...                     records that were appended

A part is written under another name, then renamed, and never changed again.

Decision: docs/decisions/012-key-folder.md.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path

import polars as pl

from erblock.blocking.keys import MODEL_KEY, write_keys
from erblock.errors import ModelError, TableError
from erblock.hashing.arrays import load_arrays, save_arrays, sketch_arrays, stacked
from erblock.hashing.base import Progress, Sketch, silent
from erblock.tables.contents import MANIFEST, are_names, as_json, manifest_in
from erblock.tables.schemas import ID
from erblock.tables.writing import locked, whole_folder

FORMAT = 6
_KIND = "keys"
_PART = re.compile("[0-9]{5,}")
_KEYS, _RECORDS, _SKETCH = "keys.parquet", "records.parquet", "sketch.safetensors"


@dataclass(frozen=True)
class Origin:
    """Provenance of keys: the digest of the model, and the columns of this table that it reads."""

    model: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class KeyFolder:
    """An existing folder of keys."""

    path: Path
    origin: Origin

    @property
    def parts(self) -> list[Path]:
        """The parts, oldest first."""
        parts = (part for part in self.path.iterdir() if _PART.fullmatch(part.name) and part.is_dir())
        return sorted(parts, key=lambda part: int(part.name))

    @property
    def records(self) -> str:
        """The records of all parts, as a pattern that a table can be read from."""
        return str(Path(escape(str(self.path))) / "[0-9]*" / _RECORDS)

    def ids(self) -> pl.Series:
        """Return the ids of all records, part after part.

        Raises:
            ModelError: if a part is damaged, or the folder has no parts.
        """
        if not self.parts:
            raise ModelError(f"{self.path}: expected a folder for each part, found none; write it again")
        with self._reading_records():
            return pl.concat(
                [pl.read_parquet(part / _RECORDS, columns=[ID], glob=False)[ID] for part in self.parts]
            )

    @contextmanager
    def _reading_records(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pl.exceptions.PolarsError) as cause:
            reason = str(cause).strip().splitlines()[0]
            raise ModelError(f"{self.path}: its records cannot be read ({reason}); write it again") from cause

    def sketch(self) -> Sketch:
        """Return the sketch of all records, in the order of their ids.

        Raises:
            ModelError: if a part is damaged.
        """
        ids = self.ids()
        parts = [load_arrays(part / _SKETCH) for part in self.parts]
        if len({(part.buckets.shape[1], part.dense.shape[1]) for part in parts}) > 1:
            raise ModelError(f"{self.path}: expected parts of one model, found several; write it again")
        arrays = stacked(parts)
        if len(ids) != len(arrays):
            raise ModelError(f"{self.path}: expected {len(ids)} vectors, found {len(arrays)}; write it again")
        return (arrays if ids.is_sorted() else arrays.take(ids.arg_sort().to_numpy())).sketch()

    def check_model(self, digest: str, model: Path) -> None:
        """Raise ModelError unless the keys were written with the model that has this `digest`.

        Stored records must also have all columns that the model reads. `model`: its folder, named in the
        message.
        """
        if digest != self.origin.model:
            raise ModelError(
                f"{self.path}: these keys are of another model than {model} (or it was fitted again since); "
                "give that model, or write the keys again"
            )
        kept: set[str] = set()
        with self._reading_records():
            for part in self.parts[:1]:
                kept = set(pl.scan_parquet(part / _RECORDS, glob=False).collect_schema())
        if not set(self.origin.columns) <= kept:
            raise ModelError(
                f"{self.path}: expected records with the columns {', '.join(self.origin.columns)}; "
                "write it again"
            )

    def check_new(self, records: pl.DataFrame, columns: tuple[str, ...]) -> None:
        """Raise TableError if `records`, whose first column is `id`, may not be appended."""
        known = self.ids()
        if columns != self.origin.columns:
            raise TableError(
                f"{self.path} has the columns {', '.join(self.origin.columns)}; found {', '.join(columns)}"
            )
        if records.schema[ID] != known.dtype:
            raise TableError(f"{self.path} has ids of the type {known.dtype}, found {records.schema[ID]}")
        twice = records[ID].filter(records[ID].is_in(known.implode()))
        if len(twice):
            raise TableError(
                f"{self.path} holds the record {twice[0]!r} already ({len(twice):,} such records); append "
                "new ones only, or write the folder again"
            )


def find_key_folder(source: str | None) -> KeyFolder | None:
    """Return the folder of keys that `source` names; None if `source` names something else.

    Raises:
        ModelError: if the folder has another format.
    """
    path = Path(source or "") / MANIFEST
    manifest = (manifest_in(path.parent) if source else None) or {}
    if manifest.get("kind") != _KIND:
        return None
    if manifest.get("format") != FORMAT:
        raise ModelError(f"{path}: expected format {FORMAT}, found {manifest.get('format')}; write it again")
    columns = manifest.get("columns")
    if not are_names(columns):
        raise ModelError(f"{path}: expected columns to be a list of names; write it again")
    return KeyFolder(path.parent, Origin(str(manifest.get("model")), tuple(columns)))


@dataclass(frozen=True)
class Part:
    """One table to store: `records` has `id` first, then the compared columns; rows as in `sketch`."""

    records: pl.DataFrame
    sketch: Sketch


def write_key_folder(path: Path, origin: Origin, part: Part, on_progress: Progress = silent) -> int:
    """Write a new folder of one part; return how many keys it has."""
    with whole_folder(path) as folder:
        manifest = {"format": FORMAT, "kind": _KIND, **asdict(origin)}
        (folder / MANIFEST).write_text(as_json(manifest), encoding="utf-8")
        (folder / "00000").mkdir()
        return _write_part(folder / "00000", origin, part, on_progress)


def append_part(folder: KeyFolder, part: Part, on_progress: Progress = silent) -> int:
    """Add a part to the folder, whose other files stay as they are; return how many keys the part has."""
    with locked(folder.path):
        folder.check_new(part.records, folder.origin.columns)
        number = int(folder.parts[-1].name) + 1
        with whole_folder(folder.path / f"{number:05}") as beside:
            return _write_part(beside, folder.origin, part, on_progress)


def _write_part(folder: Path, origin: Origin, part: Part, on_progress: Progress) -> int:
    save_arrays(sketch_arrays(part.sketch), folder / _SKETCH)
    part.records.write_parquet(folder / _RECORDS)
    return write_keys(part.records[ID], part.sketch, folder / _KEYS, {MODEL_KEY: origin.model}, on_progress)
