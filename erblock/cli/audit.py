"""`erblock audit`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console

if TYPE_CHECKING:
    from erblock.evaluation.audit import AuditedRecall, AuditReport, StratumCounts


def audit(
    sheet: Annotated[
        Path, typer.Argument(help="The sheet that `erblock block --audit` wrote, with your answers.")
    ],
    delimiter: Annotated[str | None, typer.Option(help="The CSV delimiter; detected by default.")] = None,
    encoding: Annotated[str, typer.Option(help="The CSV encoding, such as cp1252.")] = "utf-8",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Bound the recall of candidate pairs from a sample of pairs judged by hand.

    Write y or n into the sheet's column `match` first. An empty cell counts against the candidates.

    Example: erblock audit pairs.audit.csv
    """
    from erblock.evaluation.audit import read_audit
    from erblock.tables.csv_text import CsvOptions

    report = read_audit(sheet, CsvOptions(delimiter, encoding))
    if as_json:
        console.write_json(_record(report))
    else:
        _show(report)


def _record(report: "AuditReport") -> dict[str, object]:
    strata = [
        tally.stratum.model_dump()
        | {"judged": tally.judged, "matches": tally.matches, "estimate": tally.value}
        | {"at_least": low, "at_most": high}
        for tally, (low, high) in zip(report.tallies, report.bounds, strict=True)
    ]
    facts = report.key.model_dump(include={"pairs_file", "pruned", "unseen"})
    return {**facts, "strata": strata, "near": asdict(report.near), "whole": asdict(report.whole)}


def _show(report: "AuditReport") -> None:
    drawn, judged = len(report.key.rows), sum(tally.judged for tally in report.tallies)
    if judged < drawn:
        console.note(f"{drawn - judged} of {drawn} pairs are not judged; they count against the candidates")
    header = ["", "pairs", "judged", "matches", "estimate", "at least", "at most"]
    rows = [_row(tally, bounds) for tally, bounds in zip(report.tallies, report.bounds, strict=True)]
    console.table(header, rows, f"Examined pairs of {report.key.pairs_file}: matches among them")
    console.write("")
    near = sum(tally.stratum.pairs for tally in report.tallies if not tally.stratum.far)
    whole = sum(tally.stratum.pairs for tally in report.tallies)
    if near < whole:
        console.write(
            _line(f"recall among the kept pairs and those just below the cut ({near:,})", report.near)
        )
    console.write(_line(f"recall among all examined pairs ({whole:,})", report.whole))
    console.write("Each bound holds with 95 % confidence, however good the ranking is.")
    console.write(
        f"Not examined: {report.key.unseen:,} pairs that share no bucket, {report.key.pruned:,} pruned; "
        "matches among them would lower the recall."
    )


def _row(tally: "StratumCounts", bounds: tuple[float, float]) -> list[str]:
    counts = [tally.stratum.pairs, tally.judged, tally.matches]
    value = "-" if tally.value is None else f"{tally.value:,.0f}"
    return [
        tally.stratum.name,
        *(f"{count:,}" for count in counts),
        value,
        *(f"{end:,.0f}" for end in bounds),
    ]


def _line(what: str, recall: "AuditedRecall") -> str:
    value = "" if recall.value is None else f", estimated {100 * recall.value:.1f} %"
    return f"{what}: at least {100 * recall.low:.1f} %{value}, at most {100 * recall.high:.1f} %"
