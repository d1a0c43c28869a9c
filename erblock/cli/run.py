"""`erblock run`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.run import StepReport


def run(
    settings: Annotated[
        Path | None, typer.Argument(help="The settings.", show_default="./erblock.toml")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the run.")] = Path("run"),
    gold: options.KnownMatches = None,
    must_pairs: options.MustPairs = None,
    must_not_pairs: options.MustNotPairs = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from", help="Repeat this step and all later ones: fit, block, match, evaluate, report."
        ),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Stop after this step: fit, block, match, evaluate, report.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Repeat every step.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit, block, match, evaluate and report into one folder, as the settings say; skip unchanged steps.

    It fits if there are rules or a section [fit], matches if there is a section [match], evaluates if there
    are known matches, and writes report.html if the extra `report` is installed. A stopped run continues
    where it stopped.

    Example: erblock run shops.toml -o runs/shops --gold known.csv
    """
    from erblock.config import load_config
    from erblock.errors import MissingExtraError
    from erblock.pipeline.run import RunOptions, opened_run

    given: dict[str, Any] = {"block": {"must_pairs": must_pairs, "must_not_pairs": must_not_pairs}}
    config = load_config(settings, given | ({"check": {"gold": gold}} if gold is not None else {}))
    reports = []
    with opened_run(config, RunOptions(output, first, last, force)) as opened:
        for step in opened.steps:
            try:
                with console.progress() as on_progress:
                    report = opened.do(step, on_progress)
            except MissingExtraError as error:
                if step.name != "report" or "report" in (first, last):
                    raise
                console.note(f"no {step.outputs[0]} is written: {error}")
                continue
            reports.append(report)
            if not as_json:
                console.write(_line(report))
    if as_json:
        console.write_json([{"step": r.name, "seconds": r.seconds, "figures": r.figures} for r in reports])


def _line(report: "StepReport") -> str:
    took = "unchanged, skipped" if report.seconds is None else f"{report.seconds:.1f} s"
    return f"{report.name}: {took}; {_SAID[report.name](report.figures)}"


def _fitted(figures: dict[str, Any]) -> str:
    return f"{figures['output']}, {figures['bands']} bands"


def _blocked(figures: dict[str, Any]) -> str:
    recall = figures["recall"]
    estimate = "no estimate" if recall is None else f"{100 * recall['value']:.1f} %"
    return f"{figures['output']}, {figures['pairs']:,} pairs, estimated recall: {estimate}"


def _matched(figures: dict[str, Any]) -> str:
    return f"{figures['output']}, {figures['matches']:,} matches"


def _measured(figures: list[dict[str, Any]]) -> str:
    parts = []
    for each in figures:
        found = {"completeness": each.get("pair_completeness"), "F1": each.get("f1")}
        shares = [f"{name} {100 * share:.1f} %" for name, share in found.items() if share is not None]
        parts.append(f"{each['name']}: {', '.join(shares)}")
    return "; ".join(parts)


_SAID: dict[str, Callable[[Any], str]] = {
    "fit": _fitted,
    "block": _blocked,
    "match": _matched,
    "evaluate": _measured,
    "report": lambda figures: str(figures["output"]),
}
