"""`erblock why`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options
from erblock.cli.explained import cut, remedy_line, show
from erblock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from erblock.pipeline.missed import Cause, Miss, MissedReport

_WIDEST = 120


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.GOLD, *options.CONFIG)
def why(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LEFT_ID RIGHT_ID] [LEFT] [RIGHT]",
            help="The ids of two records, then the tables as in `erblock block`; --missed takes no ids.",
        ),
    ] = None,
    missed: Annotated[
        str | None,
        typer.Option(help="Known matches (left_id, right_id): explain those that were not found."),
    ] = None,
    matches: Annotated[
        str | None,
        typer.Option(help="The file that `erblock match` wrote: also explain whether it is a match."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A model that `erblock fit` wrote.")] = None,
    method: Annotated[
        str | None, typer.Option(help="minhash or neural.", show_default="the model's, or minhash")
    ] = None,
    bands: options.Bands = None,
    block_on: options.BlockOn = None,
    must_pairs: options.MustPairs = None,
    must_not_pairs: options.MustNotPairs = None,
    max_pairs: Annotated[int | None, typer.Option(help="The value given to `erblock block`.")] = None,
    max_per_record: Annotated[int | None, typer.Option(help="The value given to `erblock block`.")] = None,
    target_recall: Annotated[float | None, typer.Option(help="The value given to `erblock block`.")] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="The value given to `erblock match`.", show_default="0.5")
    ] = None,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Explain why two records are, or are not, a candidate pair and a match. Blocks again; writes nothing.

    Example: erblock why 17 L-204 a.csv b.csv
    """
    from erblock.pipeline.model import model_folder

    ids, tables = _parted(words or [], missed is not None)
    settings = reading.settings(
        {
            "tables": {"left": tables[0], "right": tables[1]},
            "block": {
                "model": model and str(model),
                "method": method,
                "bands": bands,
                "block_on": block_on,
                "must_pairs": must_pairs,
                "must_not_pairs": must_not_pairs,
                "max_pairs": max_pairs,
                "max_per_record": max_per_record,
                "target_recall": target_recall,
                "engine": "local",
                "device": device,
                "precision": precision,
            },
            "match": {"min_probability": min_probability},
        },
        columns=lambda config: model_folder(config.block) is None,
    )
    if missed is not None:
        from erblock.pipeline.missed import missed as run_missed

        with console.progress() as on_progress:
            report = run_missed(settings, missed, matches, on_progress)
        console.write_json(asdict(report)) if as_json else _show_missed(report)
        return
    from erblock.pipeline.why import why as run

    with console.progress() as on_progress:
        explanation = run(settings, ids, matches, on_progress)
    console.write_json(asdict(explanation)) if as_json else show(explanation)


def _parted(words: "Sequence[str]", is_missed: bool) -> tuple[tuple[str, str], tuple[str | None, str | None]]:
    """Return the arguments as a pair: two ids and two tables; with --missed, the ids are empty."""
    ids, tables = ([], list(words)) if is_missed else (list(words[:2]), list(words[2:]))
    if len(tables) > 2 or (len(ids) < 2 and not is_missed):
        form = "--missed GOLD [LEFT] [RIGHT]" if is_missed else "LEFT_ID RIGHT_ID [LEFT] [RIGHT]"
        raise ConfigError(f"expected erblock why {form}, found {len(words)} arguments; see --help")
    left, right = (*tables, None, None)[:2]
    return (ids[0], ids[1]) if ids else ("", ""), (left, right)


def _show_missed(report: "MissedReport") -> None:
    what = "candidates" if report.judged is None else f"matches in {report.judged}"
    console.write(
        f"{report.found:,} of {report.gold:,} known matches are {what} ({report.written:,} pairs written); "
        f"{report.missed:,} are missed"
    )
    if report.causes:
        rows = [
            [f"{cause.count:,}", f"{100 * cause.count / report.missed:.1f}", cause.what]
            for cause in report.causes
        ]
        console.table(["missed", "%", "cause"], rows)
    for cause in report.causes:
        _show_cause(cause)


def _show_cause(cause: "Cause") -> None:
    console.write(f"\n{cause.what}: {cause.count:,}")
    for option, count in cause.would_find.items():
        gain = "meet" if option.startswith("--bands") else "are kept"
        console.write(f"  with {option}, {count:,} of them {gain}")
    for miss in cause.examples:
        _show_miss(miss)


def _show_miss(miss: "Miss") -> None:
    remedy = "" if miss.remedy is None else f"; to keep it: {remedy_line(miss.remedy)}"
    console.write(f"  {miss.left_id} and {miss.right_id}: similarity {miss.similarity:.3f}{remedy}")
    for text in (miss.left, miss.right):
        console.write(f"    {cut(text, _WIDEST)}")
