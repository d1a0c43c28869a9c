"""Estimates the cost and the result of blocking from samples, without assumptions about the machine.

The tables are read, and without a model a MinHash is fitted, as in a run. Then samples of growing size are
blocked (`trial_run`), until the next would take too long. Costs that grow with the records or the pairs are
extrapolated to the tables.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from erblock.config import Config
from erblock.errors import ConfigError
from erblock.hashing.base import Progress, Rows, silent
from erblock.hashing.store import Extras, Model, Provenance, read_manifest, save_model
from erblock.pipeline.child import run_isolated
from erblock.pipeline.counts import Counts, Kept
from erblock.pipeline.inputs import Texts, minhash_of, open_tables, texts_of
from erblock.pipeline.model import model_folder, with_model_columns
from erblock.pipeline.sample import SamplingTokens, tokens_of
from erblock.pipeline.stored import stored_tables
from erblock.tables.read import TablePair

Doubles = npt.NDArray[np.float64]

SECONDS = 20.0
"""The default time of trial runs, in seconds."""

_SMALLEST, _LARGEST = 500, 1_000_000
"""The number of records of the smallest and of the largest sample."""

_LARGE_ENOUGH, _MOST = 20_000, 0.3
"""The largest useful sample: this number of records, or this share of the tables if that is larger."""

_LEAST_SAMPLES = 4
_LEAST_OF_A_SIDE = 20
_STEPS = 5


@dataclass(frozen=True)
class Plan:
    """The estimate of a run.

    `examined`: the number of pairs that share a bucket. `recall`: the share of the matches among the examined
    pairs that is kept; None if unknown. `memory`: the peak bytes of the process. `disk`: the bytes of the
    output. `seconds`: the run time, keyed by stage. `sampled`: the number of records in the largest sample.
    """

    kind: str
    records: tuple[int, ...]
    pairs: int
    examined: int
    cross_product: int
    recall: float | None
    memory: int
    disk: int
    seconds: dict[str, float]
    sampled: int


@dataclass(frozen=True)
class _Subject:
    """The inputs of a plan.

    `model`: the folder of the model. `to_hash`: whether the left and the right records must be hashed; those
    in folders of keys are already hashed.
    """

    config: Config
    tables: TablePair
    model: Path
    to_hash: tuple[bool, bool]

    @property
    def records(self) -> tuple[int, ...]:
        sides = [self.tables.left] if self.tables.dedup else [self.tables.left, self.tables.other]
        return tuple(side.frame.height for side in sides)

    @property
    def hashed_share(self) -> float:
        """The share of the records that a run hashes."""
        hashed = sum(size for size, wanted in zip(self.records, self.to_hash, strict=False) if wanted)
        return hashed / sum(self.records)


def plan(config: Config, on_progress: Progress = silent, seconds: float = SECONDS) -> Plan:
    """Return an estimate of the cost and the result of `block` with these settings; nothing is written.

    `seconds`: approximate time of trial runs. At least three samples are tried, however long they take.

    Raises:
        ErblockError: if a table, the model or an option cannot be used.
    """
    if config.block.engine != "local":
        raise ConfigError(f"erblock plan is for one machine, found --engine {config.block.engine}")
    if config.tables.source is not None:
        raise ConfigError("erblock plan cannot estimate the pairs within one source; leave out --source")
    if config.block.block_on:
        raise ConfigError("erblock plan cannot estimate the pairs that --block-on adds; leave it out")
    with TemporaryDirectory() as folder:
        return _planned(config, Path(folder), on_progress, seconds)


def _planned(config: Config, folder: Path, on_progress: Progress, seconds: float) -> Plan:
    known: dict[str, float] = {}
    step = _steps(on_progress)
    begun = time.monotonic()
    stored = stored_tables(config.tables)
    config = with_model_columns(config)
    tables = open_tables(config)
    texts = texts_of(tables)
    known["read"] = time.monotonic() - begun
    step()
    options = config.block
    model = model_folder(options) or _fitted_minhash(tables, texts, folder / "model", options.bands)
    known["fit"] = time.monotonic() - begun - known["read"]
    step()
    subject = _Subject(config, tables, model, (stored.left is None, stored.right is None))
    samples = _write_samples(subject, tokens_of(texts), folder)
    step()
    results = _trial_runs(_task(subject, samples, seconds), folder)
    step()
    return _extrapolated(subject, results, known)


def _steps(on_progress: Progress) -> Any:
    done = iter(range(_STEPS))
    on_progress("plan", next(done), _STEPS - 1)
    return lambda: on_progress("plan", next(done), _STEPS - 1)


def _fitted_minhash(tables: TablePair, texts: Texts, folder: Path, bands: int | None) -> Path:
    provenance = Provenance(tuple(pair.entry for pair in tables.columns))
    save_model(Model(minhash_of(texts, bands), provenance), folder, Extras())
    return folder


def _write_samples(
    subject: _Subject, tokens: tuple[SamplingTokens, ...], folder: Path
) -> list[dict[str, Any]]:
    """Write samples of growing size for the trial runs; return the fields of `trial_run.Sample` for each."""
    written: list[dict[str, Any]] = []
    frames = [subject.tables.left.frame, subject.tables.other.frame]
    for share in _shares(subject.records):
        sides = [np.flatnonzero(each.drawn(share).any(axis=1)) for each in tokens]
        size = sum(map(len, sides)) / sum(subject.records)
        if not _is_telling(sides, size):
            continue
        place = folder / f"sample-{len(written)}"
        place.mkdir()
        for name, frame, rows, side in zip(("left", "right"), frames, sides, tokens, strict=False):
            frame[rows].write_parquet(place / f"{name}.parquet")
            side[rows].save(place / f"{name}.npy")
        written.append({"folder": str(place), "share": share, "size": size, "records": subject.records})
    return written


def _shares(records: tuple[int, ...]) -> list[float]:
    """Return the shares of the samples, smallest first; each is half of the next."""
    shares = [1.0]
    while len(shares) < _LEAST_SAMPLES or shares[-1] * sum(records) >= _SMALLEST:
        shares.append(shares[-1] / 2)
    return shares[::-1]


def _is_telling(sides: Sequence[Rows], size: float) -> bool:
    """Return whether a sample of these records, a share `size` of all, is neither too small nor too large."""
    records = sum(map(len, sides))
    if size < 1 and min(map(len, sides)) < _LEAST_OF_A_SIDE:
        return False
    return records <= _LARGE_ENOUGH or (size <= _MOST and records <= _LARGEST)


def _task(subject: _Subject, samples: Sequence[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return the task for the process of the trial runs."""
    columns = tuple(pair.entry for pair in subject.tables.columns)
    block = {"model": str(subject.model), "method": None, "audit": None}
    config = subject.config.model_copy(
        update={
            "tables": subject.config.tables.model_copy(update={"columns": columns}),
            "block": subject.config.block.model_copy(update=block),
        }
    )
    return {
        "config": config.model_dump(mode="json"),
        "model": str(subject.model),
        "samples": list(samples),
        "seconds": seconds,
    }


@dataclass(frozen=True)
class _TrialResults:
    """Results of the trial runs, smallest sample first. `start`: seconds to start the process."""

    start: float
    samples: list[dict[str, Any]]


def _trial_runs(task: dict[str, Any], folder: Path) -> _TrialResults:
    paths = [folder / "task.json", folder / "result.json"]
    paths[0].write_text(json.dumps(task), encoding="utf-8")
    begun = time.monotonic()
    done = run_isolated("erblock.pipeline.trial_run", [str(path) for path in paths])
    took = time.monotonic() - begun
    if done.returncode:
        raise RuntimeError(f"the trial run failed with exit code {done.returncode}: {done.stderr}")
    results = json.loads(paths[1].read_text(encoding="utf-8"))
    # The first sample includes loading and compiling, which each run does once.
    first = sum(results["samples"][0]["seconds"].values())
    return _TrialResults(took - results["seconds"] + first, results["samples"])


def _extrapolated(subject: _Subject, results: _TrialResults, known: dict[str, float]) -> Plan:
    last = results.samples[-1]
    counts, kept = Counts(**last["counts"]), Kept(**last["kept"])
    growth = _Growth(results.samples[1:], counts)
    left, right = subject.records[0], subject.records[-1]
    seconds = {"start": results.start, **known, **growth.seconds()}
    seconds["hash"] *= subject.hashed_share
    return Plan(
        read_manifest(subject.model)["kind"],
        subject.records,
        round(kept.pairs),
        round(counts.distinct),
        left * (left - 1) // 2 if subject.tables.dedup else left * right,
        kept.recall,
        round(growth.memory()),
        round(last["written"] * kept.pairs),
        seconds,
        round(last["size"] * sum(subject.records)),
    )


@dataclass(frozen=True)
class _Growth:
    """Extrapolates the cost of samples to the tables, from their shares of the records and of the pairs."""

    samples: Sequence[dict[str, Any]]
    counts: Counts

    def seconds(self) -> dict[str, float]:
        """Return the estimated run time on the full tables in seconds, keyed by stage."""
        found, ranked = (
            self._pairs("distinct", self.counts.distinct),
            self._pairs("scored", self.counts.scored),
        )
        return {
            "hash": self._at_full(self._took("hash"), found[:, :2]),
            "join": self._at_full(self._took("join"), found),
            "rank": self._at_full(self._took("rank"), ranked),
            "write": self._at_full(self._took("write"), ranked),
        }

    def memory(self) -> float:
        """Return the peak memory of the process in bytes, extrapolated to the tables.

        Hashing and join work on chunks of a fixed size, so their working memory does not grow.
        """
        pairs = self._pairs("scored", self.counts.scored)
        last = self.samples[-1]["peaks"]
        held = {stage: self._at_full(self._peak(stage), pairs) for stage in ("hashed", "joined", "rank")}
        while_hashing = held["hashed"] + float(last["hash"] - last["hashed"])
        while_joining = held["joined"] + float(last["join"] - last["joined"])
        return max(while_hashing, while_joining, held["rank"])

    def _peak(self, stage: str) -> Doubles:
        return np.array([float(sample["peaks"][stage]) for sample in self.samples])

    def _took(self, stage: str) -> Doubles:
        return np.array([sample["seconds"][stage] for sample in self.samples])

    def _pairs(self, kind: str, of_tables: float) -> Doubles:
        """Return the variables that explain a cost, as columns: 1, share of records, share of pairs."""
        sizes = [sample["size"] for sample in self.samples]
        pairs = [sample[kind] / max(of_tables, 1.0) for sample in self.samples]
        return np.column_stack([np.ones(len(sizes)), sizes, pairs])

    def _at_full(self, values: Doubles, columns: Doubles) -> float:
        """Fit `values` as a sum of `columns` with non-negative weights; return the value for shares of 1.

        Relative errors are minimised, so that small samples count as much as large ones.
        """
        scale = 1 / np.maximum(values, 1e-3)
        weights, _ = optimize.nnls(columns * scale[:, None], values * scale)
        return float(weights.sum())
