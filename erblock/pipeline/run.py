"""Runs all steps in one folder: fit, block, match, evaluate, report. Unchanged steps are skipped.

    erblock.toml                            the resolved settings, with which `erblock run` repeats the run
    run.json                                the finished steps: versions, settings, digests, seconds
    fit.json, block.json, match.json        the output of the commands with --json; `erblock check` reads it
    evaluate.json                           completeness, quality and F1, if known matches are given
    report.html                             the page of `erblock report`
    model, pairs.*, matches.*, entities.*, changes.*   the outputs of the steps

`run.json` is written after each step, so that a killed run continues at the first unfinished step.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from erblock.blocking.output import ending_of
from erblock.config import PATHS, SECTIONS, Config
from erblock.config.text import toml_of
from erblock.evaluation.compare import EvaluateOptions, evaluate_files
from erblock.evaluation.figures import as_record
from erblock.evaluation.metrics import TARGETS
from erblock.hashing.base import Progress, silent
from erblock.pipeline.asked import SETTINGS_FILE, STEPS, asked_steps, check_steps
from erblock.pipeline.block import block
from erblock.pipeline.engine import Place, check_place
from erblock.pipeline.fit import fit
from erblock.pipeline.match import check_outputs, match
from erblock.pipeline.places import check_run_inputs, check_run_places
from erblock.pipeline.report import PAGE_FILE, ReportOptions, report
from erblock.pipeline.stored import stored_tables
from erblock.tables.contents import as_json, read_json
from erblock.tables.run_folder import Digests, StepRecord, digests_at, read_record, write_record
from erblock.tables.writing import locked, together, write_text


@dataclass(frozen=True)
class RunOptions:
    """Options of a run: its folder, and which steps to do.

    `first`: this step and all later ones are repeated. `last`: the last step to do. `force`: all steps are
    repeated.
    """

    folder: Path
    first: str | None = None
    last: str | None = None
    force: bool = False


@dataclass(frozen=True)
class StepReport:
    """The report of a step. `seconds`: its run time, None if it was skipped. `figures`: its statistics."""

    name: str
    seconds: float | None
    figures: Any


@dataclass(frozen=True)
class Step:
    """One step of a run.

    `sections`: the sections of the settings that the step depends on. `inputs`: its input paths, keyed by
    name. `outputs`: its output paths. `work`: does the step and returns its statistics.
    """

    name: str
    sections: tuple[str, ...]
    inputs: Mapping[str, str | None]
    outputs: tuple[str | None, ...]
    work: Callable[[Progress], Any]

    @property
    def figures(self) -> str:
        """The name of the file in the folder with the statistics of the step."""
        return f"{self.name}.json"


@dataclass(frozen=True)
class Run:
    """A run in its locked folder.

    `steps`: the steps to do or to skip. `done`: the records of finished steps, keyed by name.
    """

    config: Config
    options: RunOptions
    steps: tuple[Step, ...]
    done: dict[str, StepRecord] = field(default_factory=dict)

    def do(self, step: Step, on_progress: Progress = silent) -> StepReport:
        """Do a step, or skip it if its settings, inputs and outputs have not changed since it was done.

        Raises:
            ErblockError: if an input or a setting cannot be used; earlier steps stay done.
        """
        folder = self.options.folder
        report, past, now = folder / step.figures, self.done.get(step.name), self._record(step)
        if past is not None and not self._again(step) and past.is_like(now):
            return StepReport(step.name, None, read_json(report))
        begun = time.monotonic()
        with together():
            figures = step.work(on_progress)
            write_text(report, as_json(figures))
        seconds = round(time.monotonic() - begun, 3)
        made = {"outputs": self._outputs(step), "seconds": seconds}
        self.done[step.name] = now.model_copy(update=made)
        write_record(folder, self.done)
        return StepReport(step.name, seconds, figures)

    def _again(self, step: Step) -> bool:
        first = self.options.first
        return self.options.force or (first is not None and STEPS.index(step.name) >= STEPS.index(first))

    def _record(self, step: Step) -> StepRecord:
        return StepRecord(
            erblock=version("erblock"),
            settings={name: _decisive(self.config, name) for name in step.sections},
            inputs={name: digests_at(path, self.options.folder) for name, path in step.inputs.items()},
            outputs=self._outputs(step),
            seconds=0,
        )

    def _outputs(self, step: Step) -> Digests:
        folder = self.options.folder
        names = [Path(path).name for path in step.outputs if path is not None]
        return {name: digests_at(folder / name, folder) for name in (*names, step.figures)}


@contextmanager
def opened_run(config: Config, options: RunOptions) -> Iterator[Run]:
    """Yield a run with these settings, which is new or continues the run in the folder.

    A new run that finishes no step leaves no files.

    Raises:
        ErblockError: if the folder has other content, an option names a step that the settings do not ask
            for, or the settings cannot be used.
    """
    folder = options.folder
    asked = asked_steps(config)
    check_run_inputs(config)
    check_steps(asked, options.first, options.last)
    check_run_places(config, folder)
    resolved = _in_folder(config, folder, asked)
    check_place(Place("--output", resolved.block.output), resolved.block.engine)
    if "match" in asked:
        check_outputs(resolved)
    last = len(STEPS) if options.last is None else STEPS.index(options.last) + 1
    steps = [
        step for step in _steps(resolved, folder, asked) if step.name in asked and step.name in STEPS[:last]
    ]
    with locked(folder):
        past, was_there = read_record(folder), folder.exists()
        done = {} if past is None else dict(past.steps)
        # Written before the first step, so that the folder of a killed run is recognised as a run.
        write_record(folder, done)
        write_text(folder / SETTINGS_FILE, toml_of(_settings(config, resolved, asked)))
        try:
            yield Run(resolved, options, tuple(steps), done)
        finally:
            if past is None and not done:
                shutil.rmtree(folder, ignore_errors=True)
                if was_there:
                    folder.mkdir()


def _in_folder(config: Config, folder: Path, asked: Sequence[str]) -> Config:
    """Return the settings with the paths of outputs, and of inputs from earlier steps, in the folder."""

    def place(stem: str, named: str | None) -> str | None:
        return None if named is None else str(folder / (stem + ending_of(named)))

    model = str(folder / "model") if "fit" in asked else config.block.model
    pairs = place("pairs", config.block.output)
    match = {
        "pairs": pairs,
        "output": place("matches", config.match.output),
        "clusters": place("entities", config.match.clusters),
        "changes": place("changes", config.match.changes),
        "save": config.match.save and str(folder / "matcher"),
        "model": config.match.model or model,
    }
    changed = {
        "fit": config.fit.model_copy(update={"output": str(folder / "model")}),
        "block": config.block.model_copy(update={"model": model, "output": pairs}),
        "match": config.match.model_copy(update=match),
    }
    return config.model_copy(update=changed)


def _steps(config: Config, folder: Path, asked: Sequence[str]) -> Iterator[Step]:
    """Yield all steps, even those that are not asked for."""
    tables = {"left": config.tables.left, "right": config.tables.right}
    fitting, blocking, matching = config.fit, config.block, config.match
    encoder = fitting.encoder if Path(fitting.encoder).is_dir() else None
    yield Step(
        "fit",
        ("tables", "rules", "fit"),
        {**tables, "labels": fitting.labels, "encoder": encoder},
        (fitting.output,),
        lambda on_progress: asdict(fit(config, force=True, on_progress=on_progress)),
    )
    yield Step(
        "block",
        ("tables", "block"),
        {
            **tables,
            "model": blocking.model,
            "must_pairs": blocking.must_pairs,
            "must_not_pairs": blocking.must_not_pairs,
        },
        (blocking.output,),
        lambda on_progress: asdict(block(config, on_progress)),
    )
    read = {"pairs": matching.pairs, "labels": matching.labels, "use": matching.use}
    read |= {"entities": matching.entities}
    yield Step(
        "match",
        ("tables", "rules", "match"),
        {**tables, **read, "model": matching.model if matching.matcher == "plm" else None},
        (matching.output, matching.clusters, matching.changes, matching.save),
        lambda on_progress: asdict(match(config, on_progress)),
    )
    measured = [blocking.output]
    if "match" in asked:
        measured += [path for path in (matching.output, matching.clusters) if path is not None]
    yield Step(
        "evaluate",
        ("tables",),
        {**tables, "gold": config.check.gold, **{Path(path).stem: path for path in measured}},
        (),
        lambda _: _measured(config, measured),
    )
    shown = [f"{name}.json" for name in asked if name != "report"]
    known = {"gold": config.check.gold, **{Path(path).stem: path for path in measured}}
    yield Step(
        "report",
        tuple(SECTIONS),
        {**tables, **known, **{name: str(folder / name) for name in shown}},
        (PAGE_FILE,),
        lambda on_progress: {"output": str(report(folder, ReportOptions(), on_progress).output)},
    )


def _measured(config: Config, files: Sequence[str]) -> list[dict[str, Any]]:
    tables = stored_tables(config.tables).records(config.tables)
    options = EvaluateOptions(files, config.check.gold or "", tables)
    return [as_record(report, TARGETS) for report in evaluate_files(options)]


def _decisive(config: Config, section: str) -> dict[str, Any]:
    """Return the values of a section without paths, as files are compared by their digests."""
    return dict(getattr(config, section).model_dump(mode="json", exclude=set(PATHS.get(section, ()))))


def _settings(config: Config, resolved: Config, asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the settings with which `erblock run` repeats the run, from any folder."""
    wanted = {"tables", "rules", *asked} | ({"check"} & config.model_fields_set)
    settings = {}
    for name in SECTIONS:
        if name in wanted:
            values = _decisive(resolved, name)
            given, placed = getattr(config, name), getattr(resolved, name)
            for key in PATHS.get(name, ()):
                values[key] = _path_of(getattr(given, key), getattr(placed, key))
            settings[name] = values
    return settings


def _path_of(given: str | None, placed: str | None) -> str | None:
    """Return a path for the settings in the folder: a name for a file in the folder, else an absolute one."""
    if given is None or placed is None:
        return None
    return os.path.abspath(given) if given == placed else Path(placed).name
