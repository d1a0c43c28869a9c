"""Writes the bucket keys of one table, computed with a model."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.blocking.key_folder import (
    KeyFolder,
    Origin,
    Part,
    append_part,
    find_key_folder,
    write_key_folder,
)
from erblock.blocking.keys import MODEL_KEY, band_keys, write_keys
from erblock.config import Config, TablesConfig
from erblock.errors import ConfigError, TableError
from erblock.hashing.base import Hasher, Progress, Sketch, silent
from erblock.hashing.store import load_model, model_digest, read_manifest
from erblock.pipeline.places import check_keys_places
from erblock.tables.formats import CSV_ENDINGS
from erblock.tables.read import Records, csv_of, read_records
from erblock.tables.schemas import ID
from erblock.tables.streams import STANDARD
from erblock.tables.text import record_texts
from erblock.tables.writing import locked, whole_file

_FILE = ".parquet"
_PATIENCE = 60.0
"""Seconds that an append waits for another append to the same folder."""


@dataclass(frozen=True)
class KeysTarget:
    """The output of keys: a file, or a folder that `block` reads in place of the table.

    `append`: add to an existing folder. `right`: the table is the right one, so its columns have the second
    names in "left_name=right_name".
    """

    output: Path
    append: bool = False
    right: bool = False

    @property
    def is_file(self) -> bool:
        """Whether the output is a file of keys, not a folder."""
        return self.output.suffix.lower() == _FILE or str(self.output) == STANDARD


@dataclass(frozen=True)
class KeysReport:
    """The report on written keys. `empty`: the number of records with no text to hash, and so no key."""

    output: Path
    kind: str
    records: int
    keys: int
    bands: int
    empty: int


def keys(config: Config, target: KeysTarget, on_progress: Progress = silent) -> KeysReport:
    """Write the bucket keys of the left table in `config`, computed with the model in `config`.

    Raises:
        ErblockError: if the table, the model or the target cannot be used; nothing is written then.
    """
    origin = _origin(config, right=target.right)
    check_keys_places(config, target.output)
    folder = _check_target(target)
    with locked(target.output, _PATIENCE if target.append else 0):
        return _written(config, target, origin, folder, on_progress)


def _written(
    config: Config, target: KeysTarget, origin: Origin, folder: KeyFolder | None, on_progress: Progress
) -> KeysReport:
    model = Path(config.block.model or "")
    records = _records(config.tables, origin, right=target.right)
    if folder is not None:
        folder.check_model(origin.model, model)
        folder.check_new(records, origin.columns)
    hasher, sketch = _sketched(config, records, origin, on_progress)
    part = Part(records, sketch)
    if folder is not None:
        rows = append_part(folder, part, on_progress)
    elif target.is_file:
        rows = _write_file(target.output, origin, part, on_progress)
    else:
        rows = write_key_folder(target.output, origin, part, on_progress)
    empty = len(sketch) - rows // sketch.bands
    return KeysReport(target.output, hasher.kind, len(sketch), rows, sketch.bands, empty)


def keys_frame(config: Config, *, right: bool = False) -> pl.DataFrame:
    """Return the table of keys (KEYS) that `keys` writes to a file.

    Raises:
        ErblockError: if the table or the model cannot be used.
    """
    origin = _origin(config, right=right)
    records = _records(config.tables, origin, right=right)
    sketch = _sketched(config, records, origin)[1]
    return pl.concat(band_keys(records[ID], sketch, band) for band in range(sketch.bands))


def _origin(config: Config, *, right: bool) -> Origin:
    if config.block.model is None:
        raise ConfigError("keys need a model: fit one with 'erblock fit', then --model FOLDER")
    model = Path(config.block.model)
    return Origin(model_digest(model), _columns(model, right=right))


def _sketched(
    config: Config, records: pl.DataFrame, origin: Origin, on_progress: Progress = silent
) -> tuple[Hasher, Sketch]:
    options = config.block
    hasher = load_model(Path(options.model or ""), options.device, options.precision).hasher
    return hasher, hasher.sketch(record_texts(records, origin.columns), on_progress)


def _columns(model: Path, *, right: bool) -> tuple[str, ...]:
    """Return the names of the model's columns in the left table or, with `right`, in the right table."""
    pairs = [entry.partition("=") for entry in read_manifest(model)["columns"]]
    return tuple((other or name) if right else name for name, _, other in pairs)


def _check_target(target: KeysTarget) -> KeyFolder | None:
    """Return the folder to append to, or None.

    Raises:
        TableError: if the target may not be written.
    """
    output = target.output
    if output.name.lower().endswith(CSV_ENDINGS):
        raise TableError(f"--output {output}: keys are Parquet; expected FILE.parquet, or a folder's name")
    if target.is_file:
        _check_file(target)
        return None
    if not output.exists():
        return None
    folder = find_key_folder(str(output))
    if folder is None:
        raise TableError(f"--output {output}: exists and has no keys; expected another name")
    if not target.append:
        raise TableError(f"--output {output}: already has keys; --append adds records to them")
    return folder


def _check_file(target: KeysTarget) -> None:
    output = target.output
    if target.append:
        raise TableError(f"--output {output}: --append adds to a folder of keys, found a file's name")
    if output.is_dir():
        raise TableError(f"--output {output}: expected a file, found a folder")


def _records(options: TablesConfig, origin: Origin, *, right: bool) -> pl.DataFrame:
    """Return the ids and compared columns of the table, with rows in the order of ids."""
    id_column = (options.right_id if right else options.left_id) or options.id
    records = read_records(options.left, id_column, csv_of(options, "right" if right else "left"))
    _check_columns(records, origin, right=right)
    return records.frame.select(ID, *origin.columns).sort(ID)


def _check_columns(records: Records, origin: Origin, *, right: bool) -> None:
    missing = [column for column in origin.columns if column not in records.frame.columns]
    if missing:
        side = "left, without --right" if right else "right, with --right"
        raise TableError(
            f"{records.source} has no column '{missing[0]}', which the model reads (it reads "
            f"{', '.join(origin.columns)}); if this is the table on the {side}, say so"
        )


def _write_file(path: Path, origin: Origin, part: Part, on_progress: Progress) -> int:
    with whole_file(path) as beside:
        return write_keys(part.records[ID], part.sketch, beside, {MODEL_KEY: origin.model}, on_progress)
