"""`erblock diff`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options
from erblock.cli.records import show_records

if TYPE_CHECKING:
    import polars as pl

    from erblock.pipeline.diff import Diff

_SHOWN = 10


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.GOLD, *options.CONFIG)
def diff(
    before: Annotated[
        str, typer.Argument(help="The earlier file of pairs, matches or clusters, or the earlier run.")
    ],
    after: Annotated[str, typer.Argument(help="The later file or run, of the same kind.")],
    gold: options.KnownMatches = None,
    fail_on_loss: Annotated[
        bool,
        typer.Option(
            "--fail-on-loss",
            help="Exit code 1 if a known match is lost; without --gold, if anything is lost.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write everything gained and lost: .csv, .parquet or .jsonl."),
    ] = None,
    old_left: Annotated[
        str | None,
        typer.Option(help="The left table at the time of the earlier file, to find changed records."),
    ] = None,
    old_right: Annotated[
        str | None, typer.Option(help="The right table at the time of the earlier file.")
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            help="Keys of the later tables, left then right: do the lost pairs still share a bucket?"
        ),
    ] = None,
    left: options.LeftOption = None,
    right: options.RightOption = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Show which pairs, matches or entities were gained and lost, and why.

    Example: erblock diff yesterday.parquet today.parquet --gold known.csv --fail-on-loss
    """
    from erblock.pipeline.diff import DiffOptions
    from erblock.pipeline.diff import diff as run

    settings = reading.settings(
        {"tables": {"left": left, "right": right}}, columns=lambda _: (old_left or old_right) is not None
    )
    console.leave_stdout_to(output)
    found = run(settings, DiffOptions(before, after, gold, old_left, old_right, tuple(keys or ()), output))
    if as_json:
        console.write_json(_record(found))
    else:
        _show(found)
    if fail_on_loss and found.has_loss:
        raise typer.Exit(console.EXIT_FAILED)


def _causes(frame: "pl.DataFrame") -> list[tuple[str, int]]:
    """Return pairs (cause, number of rows with this cause), the most frequent cause first."""
    counts = frame["cause"].value_counts(sort=True)
    return sorted(counts.rows(), key=lambda row: (-row[1], row[0]))


def _record(found: "Diff") -> dict[str, object]:
    record: dict[str, object] = {"kind": found.kind, "before": found.before, "after": found.after}
    for name, frame in found.sides:
        examples = frame.head(_SHOWN).to_dicts()
        record[name] = {"count": frame.height, "causes": dict(_causes(frame)), "examples": examples}
    if found.known_lost is not None:
        examples = found.known_lost.head(_SHOWN).to_dicts()
        record["known_lost"] = {"count": found.known_lost.height, "examples": examples}
        record["known_gained"] = found.known_gained
    return record


def _show(found: "Diff") -> None:
    same = found.before - found.lost.height
    console.write(
        f"{found.kind}: {found.before:,} before, {found.after:,} after; {same:,} the same, "
        f"{found.lost.height:,} lost, {found.gained.height:,} gained"
    )
    rows = [[name, cause, f"{count:,}"] for name, frame in found.sides for cause, count in _causes(frame)]
    if rows:
        console.write("")
        console.table(["", "cause", found.kind], rows)
    for name, frame in found.sides:
        _show_examples(frame, f"{name} {found.kind}")
    if found.known_lost is not None:
        console.write(f"known matches: {found.known_lost.height:,} lost, {found.known_gained or 0:,} gained")
        _show_examples(found.known_lost, "known matches lost")


def _show_examples(frame: "pl.DataFrame", what: str) -> None:
    if frame.height:
        names = [name for name in frame.columns if not name.startswith(("left.", "right."))]
        first = frame.select(names).head(_SHOWN)
        console.write("")
        show_records(names, first.rows(), f"{what}: {first.height:,} of {frame.height:,}")
