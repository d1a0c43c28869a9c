"""`erblock fit`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from erblock.cli import console, options

if TYPE_CHECKING:
    from erblock.pipeline.fit import FitReport


@options.reads(*options.IDS, *options.COLUMNS, *options.TABLES, *options.LABELS, *options.CONFIG)
def fit(
    left: options.Left = None,
    right: options.Right = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The model folder to write.", show_default="model")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="neural; or minhash, which takes seconds and needs neither rules nor torch.",
            show_default="neural",
        ),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Labelled pairs: left_id, right_id, and label, 1 for a match or 0.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="minilm, a folder, or the name of a sentence-transformers model.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="The largest number of passes over all triplets.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="The largest number of training batches; 0 trains nothing.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Triplets per batch.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and input give the same model.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing model.")] = False,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Train a neural hash: triplets from rules and labels fine-tune an encoder, whose vectors give buckets.

    Example: erblock fit a.csv b.csv --labels known.csv -o model
    """
    from erblock.pipeline.fit import fit as run

    settings = reading.settings(
        {
            "tables": {"left": left, "right": right},
            "fit": {
                "output": output and str(output),
                "method": method,
                "labels": labels,
                "encoder": encoder,
                "epochs": epochs,
                "max_steps": max_steps,
                "batch_size": batch_size,
                "device": device,
                "precision": precision,
                "seed": seed,
            },
        },
        columns=lambda _: True,
    )
    with console.progress() as on_progress:
        report = run(settings, force=force, on_progress=on_progress)
    if as_json:
        console.write_json(asdict(report))
    else:
        _show(report)


def _show(report: "FitReport") -> None:
    console.records_read(report.records)
    for doubt in report.doubts:
        console.note(f"note: {doubt}")
    training = report.training
    if training is None:
        console.write(f"{report.output}: MinHash of {report.bands} bands")
        return
    console.table(["triplets", "rule"], [[f"{count:,}", rule] for rule, count in report.triplets.items()])
    resumed = f" ({training.resumed} of them by an earlier run that was killed)" if training.resumed else ""
    console.write(
        f"{report.output}: {training.steps} steps{resumed} in {training.seconds:.0f} s, held-out loss "
        f"{training.held_out_before:.3f} before and {training.held_out_best:.3f} after; {report.bands} bands"
    )
