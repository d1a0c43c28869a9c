"""`erblock check`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.evaluation.gates import Check
    from erblock.pipeline.check import CheckReport

_SHOWN = 10


@options.reads(*options.IDS, *options.TABLES, *options.GOLD, *options.CONFIG)
def check(
    file: Annotated[
        str, typer.Argument(help="A file of pairs, matches or keys; or the JSON that `block --json` printed.")
    ],
    min_recall: Annotated[
        float | None, typer.Option(help="The least recall: of the matches in --gold, or estimated.")
    ] = None,
    max_pairs: Annotated[int | None, typer.Option(help="The largest number of pairs.")] = None,
    max_bucket: Annotated[
        int | None, typer.Option(help="The largest number of records in one bucket.")
    ] = None,
    max_uncovered: Annotated[
        float | None, typer.Option(help="The largest share of the smaller table's records without a pair.")
    ] = None,
    min_quality: Annotated[
        float | None,
        typer.Option(help="The least share of pairs that are matches: those in --gold, or expected."),
    ] = None,
    max_duplicates: Annotated[
        float | None,
        typer.Option(help="The largest share of one table's records that repeat another record."),
    ] = None,
    gold: options.KnownMatches = None,
    baseline: Annotated[
        str | None, typer.Option(help="An earlier file of the same kind, to compare with.")
    ] = None,
    max_drift: Annotated[
        float | None,
        typer.Option(
            help="The largest change of volume, coverage, scores or skew from the baseline, such as 0.1."
        ),
    ] = None,
    warn: Annotated[
        list[str] | None, typer.Option(help="A check that only warns, such as drift; repeatable.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            help="error or warning: the least severe result that gives exit code 1.", show_default="error"
        ),
    ] = None,
    failing: Annotated[
        Path | None, typer.Option(help="Write the rows that break a limit: .csv, .parquet or .jsonl.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write a JUnit report; a warning counts as a skipped test.")
    ] = None,
    left: options.LeftOption = None,
    right: options.RightOption = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Check candidate pairs or matches against limits. Exit code 0: passed, 1: a check failed, 2: bad input.

    Limits can also be set in the section [check] of erblock.toml. On GitHub Actions, failures become
    annotations.
    Example: erblock check pairs.parquet --gold known.csv --min-recall 0.95 --max-pairs 500000
    """
    from erblock.pipeline.check import CheckOutputs
    from erblock.pipeline.check import check as run

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "check": {
                "gold": gold,
                "min_recall": min_recall,
                "max_pairs": max_pairs,
                "max_bucket": max_bucket,
                "max_uncovered": max_uncovered,
                "min_quality": min_quality,
                "max_duplicates": max_duplicates,
                "baseline": baseline,
                "max_drift": max_drift,
                "warn": warn or None,
                "fail_on": fail_on,
            },
        },
    )
    console.leave_stdout_to(failing, junit)
    report = run(settings, file, CheckOutputs(failing, junit))
    if as_json:
        console.write_json(_record(report))
    else:
        _show(report)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _tell_github(report)
    if not report.passed:
        raise typer.Exit(console.EXIT_FAILED)


def _record(report: "CheckReport") -> dict[str, object]:
    checks: list[dict[str, Any]] = [
        {key: getattr(check, key) for key in ("name", "status", "value", "limit", "baseline", "said")}
        | {"broken_by": check.rows.height, "rows": _first(check).to_dicts()}
        for check in report.checks
    ]
    return {"file": report.path, "passed": report.passed, "checks": checks}


def _show(report: "CheckReport") -> None:
    rows = [
        [check.name, check.status, *map(check.shown, (check.value, check.limit, check.baseline)), check.said]
        for check in report.checks
    ]
    console.table(["check", "", "value", "limit", "baseline", ""], rows, report.path)
    for check in report.checks:
        if check.rows.height:
            first = _first(check)
            # The name comes first: a line that begins with a value of a table could be a command to the CI
            # system.
            lines = [[check.name, *map(_text, row)] for row in first.rows()]
            console.write("")
            title = f"{check.name}: {first.height:,} of {check.rows.height:,} rows break the limit"
            console.table(["check", *first.columns], lines, title)


def _first(check: "Check") -> "Any":
    return check.rows.head(_SHOWN)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def _tell_github(report: "CheckReport") -> None:
    from erblock.evaluation.ci import annotations, summary

    for line in annotations(report.path, report.checks):
        console.note(line)
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        try:
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(summary(report.path, report.checks))
        except OSError as refused:  # the result of the checks matters more than the summary
            console.note(f"GITHUB_STEP_SUMMARY {place} cannot be written: {refused.strerror}")
