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
        typer.Option(help="neural, or minhash: in seconds, without rules or torch.", show_default="neural"),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Known pairs: left_id, right_id, label 1 or 0.")] = None,
    encoder: Annotated[str | None, typer.Option(help="minilm, a folder, or a model's name.")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How often training sees every triplet, at most.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="Train on so many batches at most; 0: none.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Triplets in one batch.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed and input, same model.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is there.")] = False,
    device: options.Device = None,
    precision: options.Precision = None,
    as_json: options.AsJson = False,
    *,
    reading: options.Reading,
) -> None:
    """Train a neural hash: rules (and labels, if any) to triplets to a fine-tuned encoder and buckets.

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
    resumed = f" ({training.resumed} by a run that was killed)" if training.resumed else ""
    console.write(
        f"{report.output}: {training.steps} steps{resumed} in {training.seconds:.0f} s, held-out loss "
        f"{training.held_out_before:.3f} before and {training.held_out_best:.3f} after; {report.bands} bands"
    )
