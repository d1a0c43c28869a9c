"""`erblock match`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.entities import EntityChanges
    from erblock.pipeline.match import MatchReport

_LISTED = 5
"""How many merges, and how many splits, are printed; --json and --changes have all of them."""


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.LABELS, *options.CONFIG)
def match(
    left: options.Left = None,
    right: options.Right = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs", "-p", help="Candidate pairs that `erblock block` wrote.", show_default="pairs.parquet"
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the matches go: .parquet, .csv, .csv.gz, .jsonl, or - for stdout.",
            show_default="matches.parquet",
        ),
    ] = None,
    all_pairs: Annotated[
        bool | None, typer.Option("--all", help="Write every candidate, not only the matches.")
    ] = None,
    with_columns: options.WithColumns = None,
    clusters: Annotated[
        str | None, typer.Option(help="Also write each record with its cluster, to this file.")
    ] = None,
    entities: Annotated[
        str | None,
        typer.Option(help="Clusters of an earlier run, which keep their ids; new records join them."),
    ] = None,
    changes: Annotated[
        str | None,
        typer.Option(help="Also write which entities of --entities were merged, were split, or are gone."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Labelled pairs: left_id, right_id, label (1, 0, a probability, or empty); or also weight."
        ),
    ] = None,
    label: Annotated[
        bool,
        typer.Option(
            "--label",
            help="First ask about the most informative pairs; answers go to --labels, or labels.csv.",
        ),
    ] = False,
    label_only: Annotated[
        bool, typer.Option("--label-only", help="Like --label, but write no matches.")
    ] = False,
    assign: Annotated[
        str | None,
        typer.Option(
            help="auto, one-to-one, many-to-one, one-to-many, many-to-many or clusters.", show_default="auto"
        ),
    ] = None,
    min_probability: Annotated[
        float | None, typer.Option(help="The least probability of a match.", show_default="0.5")
    ] = None,
    target_precision: Annotated[
        float | None,
        typer.Option(help="The least expected precision of the matches, from their probabilities."),
    ] = None,
    matcher: Annotated[
        str | None,
        typer.Option(
            help="evidence, or plm: also a language model that reads each pair.", show_default="evidence"
        ),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="For plm: a model that `erblock fit` wrote.")] = None,
    fine_tune: Annotated[
        bool | None, typer.Option(help="For plm: also train the encoder.", show_default="on a GPU")
    ] = None,
    use: Annotated[
        Path | None, typer.Option(help="Use the matcher in this folder, which --save wrote.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the learned matcher to this folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and input give the same matches.")] = None,
    engine: options.Engine = None,
    master: options.Master = None,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Decide which candidate pairs are matches, with probabilities. Labels are optional; a few help.

    Example: erblock match a.csv b.csv --pairs pairs.parquet -o matches.csv
    """
    from erblock.pipeline.match import match as run
    from erblock.tables.writing import together

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "match": {
                "pairs": pairs,
                "output": output,
                "all": all_pairs,
                "with_columns": with_columns,
                "clusters": clusters,
                "entities": entities,
                "changes": changes,
                "labels": labels,
                "assign": assign,
                "min_probability": min_probability,
                "target_precision": target_precision,
                "matcher": matcher,
                "model": model and str(model),
                "fine_tune": fine_tune,
                "device": device,
                "precision": precision,
                "use": use and str(use),
                "save": save and str(save),
                "seed": seed,
                "engine": engine or (master and "spark"),
                "master": master,
            },
        },
        columns=lambda config: config.match.use is None,
    )
    if label or label_only:
        from erblock.cli.label import ask_about_pairs
        from erblock.pipeline.label import labelled

        summary = ask_about_pairs(settings)
        if label_only:
            if as_json:
                console.write_json(asdict(summary))
            return
        settings = labelled(settings, summary)
    written = settings.match
    console.leave_stdout_to(written.output, written.clusters, written.changes)
    with together(), console.progress() as on_progress:
        report = run(settings, on_progress)
    if as_json:
        console.write_json(asdict(report))
    else:
        _show(report)


def _show(report: "MatchReport") -> None:
    console.records_read(report.records)
    console.write(
        f"{report.output}: {report.matches:,} matches among {report.pairs:,} candidate pairs, "
        f"{report.assign}, probability {report.threshold:.2f} or more; "
        f"{100 * report.expected_precision:.1f} % of them are expected to be true"
    )
    if report.assign_reason is not None:
        console.note(f"{report.assign}: {report.assign_reason}; --assign sets another")
    for copies, side in zip(report.copies, ("left", "right"), strict=True):
        if copies:
            console.note(f"{copies:,} {side} records are copies of one that has a match, and match with it")
    for doubt in report.doubts:
        console.note(f"note: {doubt}")
    if report.labels:
        console.write(f"labels among the candidates: {report.labels:,}")
    if report.clusters is not None:
        largest = max(report.sizes, default=0)
        entities = sum(report.sizes.values())
        console.write(f"{report.clusters}: {entities:,} entities, the largest of {largest:,} records")
    if report.entities is not None:
        _show_changes(report.entities)


def _show_changes(entities: "EntityChanges") -> None:
    said = ", ".join(f"{entities.count(change):,} {change}" for change in ("merged", "split", "gone"))
    console.write(
        f"{entities.file}: {entities.stayed:,} entities stay, {entities.new:,} are new; {said}; "
        f"{entities.joined:,} new records joined known entities, {entities.records_gone:,} records are gone"
    )
    for change in ("merged", "split"):
        rows = [row for row in entities.changes if row["change"] == change]
        for row in rows[:_LISTED]:
            console.write(f"  {row['entity_id']} {change} into {row['into_id']}: {row['records']:,} records")
        if len(rows) > _LISTED:
            console.write(f"  and {len(rows) - _LISTED:,} more {change}; --changes and --json list all")
