"""`erblock show`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erblock.cli import console, options
from erblock.cli.records import show_pair, show_records, shown
from erblock.errors import ConfigError

if TYPE_CHECKING:
    from erblock.pipeline.show import Shown

_FIRST, _MEMBERS = 10, 10


@options.reads("left_id", "right_id", *options.COLUMNS, *options.TABLES, *options.CONFIG)
def show(
    file: Annotated[str, typer.Argument(help="Pairs, matches, clusters or keys.")],
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=options.MOST,
            help="How many pairs to draw at random; with --around, how many of the nearest.",
        ),
    ] = None,
    around: Annotated[
        float | None,
        typer.Option(
            min=-options.MOST,
            max=options.MOST,
            help="Show the pairs whose probability (else similarity) is nearest to this first.",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="An SQL condition, such as 'probability > 0.4 AND \"left.name\" LIKE \\'%x%\\''."),
    ] = None,
    record: Annotated[
        str | None, typer.Option("--id", help="Show only those with the record of this id.")
    ] = None,
    uncovered: Annotated[
        bool, typer.Option("--uncovered", help="Show the records without a pair, or alone in their cluster.")
    ] = False,
    largest: Annotated[
        bool, typer.Option("--largest", help="Show the largest clusters or buckets first.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, max=options.MOST, help="The largest number to show.", show_default="10, all with --output"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write them to this file: .csv, .parquet or .jsonl.")
    ] = None,
    excel: Annotated[
        bool, typer.Option("--excel", help="Write CSV in which a spreadsheet runs no formula.")
    ] = False,
    left: options.LeftOption = None,
    right: options.RightOption = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            help="The column that identifies a record.", show_default="id", rich_help_panel="Tables"
        ),
    ] = None,
    *,
    reading: options.Reading,
) -> None:
    """Show pairs with both records side by side, or clusters, buckets and records without a pair.

    Example: erblock show matches.parquet --around 0.5 --sample 20
    """
    from erblock.pipeline.show import ShowOptions, ShowOutput
    from erblock.pipeline.show import show as run

    given = {"left": left, "right": right, "id": id_column}
    settings = reading.settings({"tables": given}, columns=lambda _: True)
    console.leave_stdout_to(output)
    if excel and output is None:
        raise ConfigError("--excel writes CSV that is safe in a spreadsheet: give -o a name ending in .csv")
    if limit is None and sample is None and output is None:
        limit = _FIRST
    chosen = ShowOptions(sample, around, where, record, uncovered, largest, limit)
    found = run(settings, file, chosen, None if output is None else ShowOutput(output, excel))
    if output is not None:
        console.write(f"{output}: {found.frame.height:,} rows")
    else:
        _show(found)


def _show(found: "Shown") -> None:
    if found.is_pairs:
        _show_pairs(found)
        count, kind = found.frame.height, "pairs"
    elif found.groups:
        count, kind = _show_groups(found), "groups of records"
    else:
        names = ["table", "record_id", *(f"record.{pair.name}" for pair in found.columns)]
        show_records(_plain(names), found.frame.select(names).rows(), "records without a pair")
        count, kind = found.frame.height, "records"
    console.note(f"{count:,} of {found.total:,} {kind} are shown; --limit shows more, -o writes them")


def _show_pairs(found: "Shown") -> None:
    for row in found.frame.iter_rows(named=True):
        said = [f"{name} {shown(value)}" for name, value in row.items() if _is_said(name)]
        console.write(", ".join(said))
        values = [(p.name, row[f"left.{p.left}"], row[f"right.{p.right}"]) for p in found.columns]
        show_pair((row["left_id"], row["right_id"]), values, is_result=True)
        console.write("")


def _is_said(name: str) -> bool:
    """Return whether a column belongs to the pair, not to one of its records."""
    return name not in ("left_id", "right_id") and not name.startswith(("left.", "right."))


def _show_groups(found: "Shown") -> int:
    names = ["table", "record_id", *(f"record.{pair.name}" for pair in found.columns)]
    parts = found.frame.partition_by(found.groups, maintain_order=True)
    for part in parts:
        group: dict[str, Any] = part.row(0, named=True)
        title = ", ".join(f"{name.removesuffix('_id')} {shown(group[name])}" for name in found.groups)
        first = part.head(_MEMBERS).select(names)
        show_records(_plain(names), first.rows(), f"{title}: {group['records']:,} records")
        console.write("")
    return len(parts)


def _plain(names: list[str]) -> list[str]:
    return [name.removeprefix("record.") for name in names]
