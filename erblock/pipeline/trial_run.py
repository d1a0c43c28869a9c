"""Trial runs of blocking on samples of growing size, in a separate process to measure memory.

A sample has fewer pairs per record than the tables. To measure the cost of a full run, the buckets of the
sample are merged until records have as many candidates as in the tables. The number and the quality of the
pairs are estimated from the unmerged buckets.

usage: python -m erblock.pipeline.trial_run TASK RESULT, both JSON files

Decision: docs/decisions/045-trial-runs.md.
"""

import ctypes
import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from erblock.blocking.budget import Budget, cut, scores_of
from erblock.blocking.candidates import JoinReport, join
from erblock.blocking.output import pairs_frame, write_frame
from erblock.blocking.score import score_candidates
from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.hashing.base import BandKeys, Hasher, Rows, Scores, Sketch
from erblock.hashing.store import load_model
from erblock.pipeline.counts import Counts, Kept, RankedPairs, SampledRecords, count
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.pipeline.ranked import rank
from erblock.pipeline.sample import read_tokens
from erblock.scoring.competition import competition_of
from erblock.scoring.pairs import best_first
from erblock.tables.copies import Copies
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID

_HALF = np.uint64(32)
_GROWTH = 2.3
"""An upper bound on the factor by which the time grows if the number of records doubles."""

_FEW = 100.0
"""A number of pairs whose cost is negligible."""

_LEAST_SHARES = 3
"""The least number of samples, however long they take; fewer show no trend."""


@dataclass(frozen=True)
class Sample:
    """A sample: a folder with left.parquet, right.parquet and their tokens.

    `records`: the sizes of the tables. `share`: the share of left records drawn. `size`: the share of all
    records in the sample.
    """

    folder: str
    share: float
    size: float
    records: tuple[int, ...]

    @property
    def left(self) -> Path:
        """The file of the left records."""
        return Path(self.folder) / "left.parquet"

    @property
    def right(self) -> Path | None:
        """The file of the right records; None for one table."""
        return Path(self.folder) / "right.parquet" if len(self.records) > 1 else None

    def drawn(self) -> SampledRecords:
        """Return the sampled records, for counting pairs."""
        names = ("left", "right")[: len(self.records)]
        words = [read_tokens(Path(self.folder) / f"{name}.npy") for name in names]
        return SampledRecords(words[0], words[-1], self.share, self.records)


@dataclass(frozen=True)
class TrialRun:
    """The measurements of one trial run.

    `size`: the share of all records in the sample. `seconds`: the run time, keyed by stage. `peaks`: the peak
    bytes of the process, keyed by stage; "hashed" and "joined" are its bytes after hashing and after the
    join. `distinct`, `scored`: the numbers of pairs in the trial run. `written`: bytes of output per pair.
    `counts`, `kept`: estimates for the tables.
    """

    size: float
    seconds: dict[str, float]
    peaks: dict[str, int]
    distinct: int
    scored: int
    written: float
    counts: Counts
    kept: Kept


@dataclass
class _Clock:
    """A stopwatch for the seconds of each stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def took(self, stage: str | None) -> None:
        """Set the seconds of `stage` to the time since the last call; None drops this time."""
        now = time.monotonic()
        if stage is not None:
            self.seconds[stage] = now - self.last
        self.last = now


@dataclass(frozen=True)
class MergedSketch:
    """A sketch whose buckets are merged at random into `buckets` buckets per band."""

    sketch: Any
    buckets: int

    def __len__(self) -> int:
        return len(self.sketch)

    @property
    def bands(self) -> int:
        """The number of bands."""
        return int(self.sketch.bands)

    def keys(self, band: int) -> BandKeys:
        """Return the keys of one band, with merged buckets."""
        keys = self.sketch.keys(band)
        mixed = ((keys.buckets >> _HALF) * np.uint64(0x9E3779B97F4A7C15)) >> _HALF
        return BandKeys(keys.rows, (mixed % np.uint64(self.buckets)) << _HALF)

    def neighbour_order(self) -> Any:
        """Return the sketch's neighbour order, in which similar records are close."""
        return self.sketch.neighbour_order()

    def similarity(self, other: Any, left: Rows, right: Rows) -> Scores:
        """Return the similarity of the sketches, which does not depend on buckets."""
        return np.asarray(self.sketch.similarity(other.sketch, left, right))


def main(task: str, result: str) -> None:
    """Run the samples in the file `task`; write the measurements to the file `result`."""
    asked = json.loads(Path(task).read_text(encoding="utf-8"))
    config = Config.model_validate(asked["config"])
    samples = [Sample(**each) for each in asked["samples"]]
    hasher = load_model(Path(asked["model"]), config.block.device, config.block.precision).hasher
    begun = time.monotonic()
    rows = [asdict(row) for row in trial_runs(config, hasher, samples, asked["seconds"])]
    facts = {"seconds": time.monotonic() - begun, "samples": rows}
    Path(result).write_text(json.dumps(facts), encoding="utf-8")


def trial_runs(config: Config, hasher: Hasher, samples: list[Sample], seconds: float) -> Iterator[TrialRun]:
    """Yield the measurements of each sample, smallest first, until the next would end after `seconds`."""
    begun = time.monotonic()
    for number, sample in enumerate(samples):
        started = time.monotonic()
        yield try_sample(config, hasher, sample)
        took = time.monotonic() - started
        if number + 1 >= _LEAST_SHARES and time.monotonic() - begun + _GROWTH * took > seconds:
            return


def try_sample(config: Config, hasher: Hasher, sample: Sample) -> TrialRun:
    """Return the measurements of blocking a sample."""
    config = _of_sample(config, sample)
    clock = _Clock()
    tables = open_tables(config)
    texts = texts_of(tables)
    clock.took("read")
    forget_peak()
    left = hasher.sketch(texts.left)
    right = None if texts.dedup else hasher.sketch(texts.right)
    clock.took("hash")
    peaks = {"hash": peak_memory()}
    forget_peak()
    peaks["hashed"] = peak_memory()
    drawn = sample.drawn()
    report = JoinReport()
    counts = count(drawn, join(left, right, report), report)
    found = _candidates(hasher, tables, left, right)
    kept = _ranked(config, found).kept(drawn, _budget(config), counts.scored)
    left, right = _as_dense(left, right, counts.distinct * sample.size - found.join.distinct)
    competition = competition_of(found.scored)  # from unmerged buckets, as merging changes it
    del found
    forget_peak()
    clock.took(None)
    found = _candidates(hasher, tables, left, right)
    clock.took("join")
    peaks["join"] = peak_memory()
    found = _thinned(found, counts.scored * sample.size, competition)
    forget_peak()
    peaks["joined"] = peak_memory()
    clock.took(None)
    ranked = rank(config, found)
    most = max(1, round(kept.pairs * sample.size))
    chosen = cut(ranked.pairs, Budget(max_pairs=most), ranked.expected)
    clock.took("rank")
    output = Path(config.block.output)
    frame = pairs_frame(found.left_ids, found.right_ids, ranked.shown, chosen)
    write_frame(frame, output)
    clock.took("write")
    written = output.stat().st_size / max(frame.height, 1)
    facts = (found.join.distinct, len(found.scored), written)
    peaks["rank"] = peak_memory()
    return TrialRun(sample.size, clock.seconds, peaks, *facts, counts, kept)


def _of_sample(config: Config, sample: Sample) -> Config:
    right = None if sample.right is None else str(sample.right)
    names = {"left": str(sample.left), "right": right, "id": ID, "left_id": None, "right_id": None}
    output = Path(sample.folder) / f"pairs{Path(config.block.output).suffix}"
    return config.model_copy(
        update={
            "tables": config.tables.model_copy(update=names),
            "block": config.block.model_copy(update={"output": str(output)}),
        }
    )


def _candidates(hasher: Hasher, tables: TablePair, left: Sketch, right: Sketch | None) -> Candidates:
    join = JoinReport()
    scored = score_candidates(left, right, join)
    ids = tables.left.frame[ID], tables.other.frame[ID]
    copies = Copies.none(len(ids[0])), Copies.none(len(ids[1]))
    return Candidates(hasher.kind, *ids, scored, join, copies, tables, hasher.weights)


def _ranked(config: Config, found: Candidates) -> RankedPairs:
    ranked = rank(config, found)
    order = best_first(ranked.pairs, scores_of(ranked.pairs, ranked.expected))
    return RankedPairs(ranked.pairs, order, ranked.expected.probability)


def _budget(config: Config) -> Budget:
    options = config.block
    return Budget(options.max_pairs, options.max_per_record, options.target_recall)


def _as_dense(left: Sketch, right: Sketch | None, lacking: float) -> tuple[Sketch, Sketch | None]:
    """Return the sketches with buckets merged so far that about `lacking` more pairs share a bucket."""
    other = left if right is None else right
    cells = len(left) * len(other) * left.bands / (2 if right is None else 1)
    buckets = int(cells / max(lacking, 1e-9))
    if lacking < _FEW or buckets >= 2**31:
        return left, right
    merged = MergedSketch(left, max(buckets, 1))
    return merged, None if right is None else replace(merged, sketch=right)


def _thinned(found: Candidates, most: float, competition: tuple[float, float]) -> Candidates:
    """Return the best `most` pairs, as merged buckets are so even that too few pairs are pruned."""
    scored = replace(found.scored, competition=competition)
    if len(scored) > most:
        best = np.argpartition(-scored.similarity, int(most))[: int(most)]
        scored = scored.at(np.sort(best))
    return replace(found, scored=scored)


def peak_memory() -> int:
    """Return the peak bytes of this process since its start, or since `forget_peak`."""
    status = Path("/proc/self/status")
    if status.is_file():  # On other systems, the peak can be that of the parent process.
        lines = status.read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    import resource  # missing on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def forget_peak() -> None:
    """Reset the peak to the present bytes of the process, on Linux.

    Freed memory is returned to the system first, as it would otherwise count as used.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
