"""Writes the report of a run: reads the folder of the run and makes one HTML page."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import Any

import polars as pl

from erblock.config import Config, load_config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import OutputError, TableError, require_extra
from erblock.evaluation.report.facts import RuleHits, RunFacts, SamplePair, Value
from erblock.evaluation.report.page import page
from erblock.hashing.base import Progress, silent
from erblock.pipeline.asked import SETTINGS_FILE, asked_steps
from erblock.pipeline.coverage import groups_of, sources_that_meet
from erblock.pipeline.found import Found, known_matches, read_found
from erblock.pipeline.judged import numbered
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_report_places
from erblock.pipeline.show import ShowOptions, chosen_rows
from erblock.rules.compile import TRUE, compile_rules
from erblock.tables.differences import differs
from erblock.tables.pairs import PAIR
from erblock.tables.run_figures import BlockFigures, FitFigures, MatchFigures, Measured, read_figures
from erblock.tables.run_folder import RUN_FILE, RunRecord, digests_at, read_finished
from erblock.tables.writing import write_text

PAGE_FILE = "report.html"
_ENDINGS = (".html", ".htm")
_LONGEST = 300
"""The largest number of characters of a value in the sample pairs."""


@dataclass(frozen=True)
class ReportOptions:
    """The options of a report.

    `output`: the path of the page; None for the folder of the run. `samples`: the number of sample pairs of
    each kind; with 0, the page shows no records.
    """

    output: Path | None = None
    samples: int = 5


@dataclass(frozen=True)
class ReportReport:
    """The path of the page, and its data."""

    output: Path
    facts: RunFacts


@dataclass(frozen=True)
class _Run:
    """A run and its files. `matches` and `gold` are None if the run has none."""

    folder: Path
    config: Config
    record: RunRecord
    engine: LocalMatchEngine
    pairs: Found
    matches: Found | None
    gold: pl.DataFrame | None

    def figures(self, step: str, kind: type[Any]) -> Any:
        """Return the statistics of a step; None if the step was not done."""
        return read_figures(self.folder / f"{step}.json", kind) if step in self.record.steps else None


def report(run: Path, options: ReportOptions, on_progress: Progress = silent) -> ReportReport:
    """Write the page about a run, given by its folder or the `run.json` in it.

    Raises:
        ErblockError: if there is no run with a finished step block, or a file of the run has changed since.
    """
    require_extra("jinja2", "report")
    require_extra("vl_convert", "report")
    folder = run.parent if run.name == RUN_FILE else run
    output = options.output or folder / PAGE_FILE
    if output.suffix.lower() not in _ENDINGS:
        raise OutputError(f"--output {output}: expected a name ending in .html")
    record = read_finished(folder, "block", but="report")
    config = load_config(folder / SETTINGS_FILE, {})
    check_report_places(config, folder, output)
    on_progress("report", 0, 2)
    facts = _facts(_opened(folder, config, record), options.samples)
    on_progress("report", 1, 2)
    write_text(output, page(facts))
    on_progress("report", 2, 2)
    return ReportReport(output, facts)


def _opened(folder: Path, config: Config, record: RunRecord) -> _Run:
    _check_same(folder, record, "block", {"left": config.tables.left, "right": config.tables.right})
    engine, gold = open_local(config), None
    if "evaluate" in record.steps and config.check.gold is not None:
        _check_same(folder, record, "evaluate", {"gold": config.check.gold})
        gold = known_matches(config.check.gold, config, engine.ids, one_table=engine.dedup)
    pairs = read_found(str(folder / "block.json"), config, engine)
    matches = read_found(str(folder / "match.json"), config, engine) if "match" in record.steps else None
    return _Run(folder, config, record, engine, pairs, matches, gold)


def _check_same(folder: Path, record: RunRecord, step: str, paths: dict[str, str | None]) -> None:
    """Raise TableError if an input of a step has changed since the run read it."""
    for name, path in paths.items():
        read = record.steps[step].inputs.get(name, {})
        if sorted(digests_at(path, folder).values()) != sorted(read.values()):
            raise TableError(
                f"{path} has changed since the run in {folder} read it: erblock run repeats the changed steps"
            )


def _facts(run: _Run, samples: int) -> RunFacts:
    fitted: FitFigures | None = run.figures("fit", FitFigures)
    steps = run.record.steps
    read = {
        file: digest
        for step in steps.values()
        for part in step.inputs.values()
        for file, digest in part.items()
    }
    return RunFacts(
        name=run.folder.resolve().name,
        lacking=tuple(step for step in asked_steps(run.config) if step not in (*steps, "report")),
        fitted=fitted,
        blocked=run.figures("block", BlockFigures),
        matched=run.figures("match", MatchFigures),
        measured=run.figures("evaluate", tuple[Measured, ...]) or (),
        pairs=_with_hits(run.pairs.frame, run.gold),
        matches=None if run.matches is None else _with_hits(run.matches.frame, run.gold),
        known=None if run.gold is None else run.gold.height,
        groups=tuple(groups_of(run.pairs, run.config)),
        sources=tuple(sources_that_meet(run.pairs, run.matches, run.config)),
        rules=tuple(_rule_hits(run, fitted)),
        samples=dict(_samples(run, samples)),
        settings=(run.folder / SETTINGS_FILE).read_text(encoding="utf-8"),
        commands=tuple(_commands(run)),
        versions=run.record.versions,
        seconds={name: f"{step.seconds:.1f}" for name, step in steps.items()},
        read=read,
    )


def _with_hits(pairs: pl.DataFrame, gold: pl.DataFrame | None) -> pl.DataFrame:
    """Return pairs with a column `hit`, whether they are known matches; unchanged without known matches."""
    if gold is None:
        return pairs
    known = gold.select(PAIR).with_columns(hit=True)
    found = pairs.drop("hit", strict=False).join(known, on=PAIR, how="left", maintain_order="left")
    return found.with_columns(pl.col("hit").fill_null(value=False))


def _rule_hits(run: _Run, fitted: FitFigures | None) -> Iterator[RuleHits]:
    """Yield the number of matches for which each rule holds, including rules that hold for none."""
    rules, found = run.config.rules, run.matches
    if found is None or not (rules.match or rules.conflict):
        return
    compiled = compile_rules(rules.match, rules.conflict, run.engine.tables)
    rows = numbered(run.engine.tables, found.matches, found.path)
    triplets = {} if fitted is None else fitted.triplets
    for rule, truth in zip(compiled.rules, compiled.evaluate(*rows), strict=True):
        name = rule.source.name
        yield RuleHits(name, rule.source.text, int((truth == TRUE).sum()), triplets.get(name, 0))


def _samples(run: _Run, count: int) -> Iterator[tuple[str, tuple[SamplePair, ...]]]:
    """Yield titles with sample pairs: those nearest to the least probability of a match, and random ones."""
    if not count:
        return
    if run.matches is None:
        yield "Candidate pairs at random", _sampled(run, run.pairs, ShowOptions(sample=count))
        return
    if "probability" in run.matches.frame.columns:
        least = run.config.match.min_probability
        doubtful = _sampled(run, run.matches, ShowOptions(sample=count, around=least))
        yield f"Nearest to {least:g}, the least probability of a match", doubtful
    yield "At random", _sampled(run, run.matches, ShowOptions(sample=count))


def _sampled(run: _Run, found: Found, options: ShowOptions) -> tuple[SamplePair, ...]:
    shown = chosen_rows(found, options)
    frame = _with_hits(shown.frame, run.gold)
    return tuple(
        SamplePair(
            (_text(row[PAIR[0]]), _text(row[PAIR[1]])),
            {name: _text(value) for name, value in row.items() if _is_said(name)},
            row.get("hit"),
            tuple(_value(p.name, row[f"left.{p.left}"], row[f"right.{p.right}"]) for p in shown.columns),
        )
        for row in frame.iter_rows(named=True)
    )


def _is_said(name: str) -> bool:
    """Return whether a column belongs to the pair itself, not to a record or the known matches."""
    return name not in (*PAIR, "hit") and not name.startswith(("left.", "right."))


def _value(column: str, left: object, right: object) -> Value:
    one, other = _text(left), _text(right)
    return Value(column, one, other, differs(one, other))


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = "" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _commands(run: _Run) -> Iterator[tuple[str, str]]:
    folder = str(run.folder)
    settings = str(run.folder / SETTINGS_FILE)
    yield "Repeat the run in another folder", join(["erblock", "run", settings, "-o", f"{folder}-again"])
    yield "This page", join(["erblock", "report", folder])
    yield (
        "Check a limit in CI",
        join(["erblock", "check", folder, "--config", settings, "--min-recall", "0.95"]),
    )
    file = (run.matches or run.pairs).path
    yield (
        "Show more pairs side by side",
        join(["erblock", "show", file, "--config", settings, "--sample", "20"]),
    )
