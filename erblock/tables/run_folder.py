"""Reads and writes `run.json` in the folder of a run: the settings, inputs and outputs of each step."""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from erblock.errors import OutputError, TableError
from erblock.tables.contents import as_json, digest_of, digests_of, read_json
from erblock.tables.guard import Read
from erblock.tables.writing import write_text

RUN_FILE = "run.json"
_PACKAGES = ("polars", "pyarrow", "numpy", "scipy", "numba", "rapidfuzz", "torch", "sentence-transformers")

Digests = dict[str, dict[str, str]]
"""SHA-256 digests, keyed by the role of an input or output, then by file."""


class StepRecord(BaseModel):
    """A finished step. The files of `inputs` and `outputs` are paths relative to the folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    erblock: str
    settings: dict[str, Any]
    inputs: Digests
    outputs: Digests
    seconds: float

    def is_like(self, other: "StepRecord") -> bool:
        """Return whether both steps have equal settings, inputs and outputs; seconds may differ."""
        return self.model_copy(update={"seconds": other.seconds}) == other


class RunRecord(BaseModel):
    """All finished steps, keyed by name, and the versions of the packages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    versions: dict[str, str]
    steps: dict[str, StepRecord] = {}


def read_record(folder: Path) -> RunRecord | None:
    """Return the record of the run in `folder`; None if the folder is missing or empty.

    Raises:
        OutputError: if the folder has other content than a run.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    record = _record_in(folder)
    if record is None:
        raise OutputError(
            f"--output {folder}: exists and has no {RUN_FILE} of erblock run; expected another name"
        )
    return record


def read_finished(folder: Path, step: str, *, but: str) -> RunRecord:
    """Return the record of the run in `folder`, which must have finished `step` with unchanged files.

    The step `but` is left out of the record, and its files are not checked.

    Raises:
        TableError: if the folder has no run, `step` is not done, or a file has changed since.
    """
    record = _record_in(folder)
    if record is None:
        raise TableError(f"{folder}: expected the folder of an erblock run, found no {RUN_FILE} of one in it")
    steps = {name: each for name, each in record.steps.items() if name != but}
    if step not in steps:
        done = ", ".join(steps) or "no step"
        raise TableError(f"{folder}: the run is not finished, {done} is done; expected {step}: erblock run")
    for name, each in steps.items():
        for file, digests in each.outputs.items():
            if digests_at(folder / file, folder) != digests:
                raise TableError(
                    f"{folder / file} has changed since the step {name} of the run wrote it; erblock run "
                    f"repeats the step"
                )
    return record.model_copy(update={"steps": steps})


def _record_in(folder: Path) -> RunRecord | None:
    """Return the record of the run in `folder`; None if its `run.json` is missing or cannot be read."""
    try:
        return RunRecord.model_validate(read_json(folder / RUN_FILE))
    except (OSError, ValueError, ValidationError):
        return None


def write_record(folder: Path, steps: Mapping[str, StepRecord]) -> None:
    """Write `run.json`: the finished steps, and the versions of the installed packages.

    Raises:
        OutputError: if the file cannot be written.
    """
    record = RunRecord(versions=_versions(), steps=dict(steps))
    write_text(folder / RUN_FILE, as_json(record.model_dump(mode="json")))


def digests_at(path: str | Path | None, folder: Path) -> dict[str, str]:
    """Return the digest of each file at a path, glob or folder, keyed by its path relative to `folder`."""
    if path is None:
        return {}
    if Path(path).is_dir():
        return digests_of(Path(path))
    files = filter(Path.is_file, sorted(Read("", path).files))  # reading a pipe may never end
    return {_seen(file, folder): digest_of(file) for file in files}


def _seen(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # another drive
        return file.as_posix()


def _versions() -> dict[str, str]:
    found = {"python": python_version(), "erblock": version("erblock")}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
