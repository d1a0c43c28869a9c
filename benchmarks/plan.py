"""What `erblock plan` says beside what `erblock block` then does: `make bench-plan`.

Three sets at three sizes: a quarter, a half and the whole of dblp-scholar and musicbrainz-20k, and generated
tables. Both commands run in processes of their own; seconds and peak memory are those of the process of
`erblock block`. Prints a line for each; writes a page.

What was measured before is kept in --out, and stands on the page with the rest.

usage: plan.py [--rows N,N,N] [--sets SET ...] [--out runs/plan] [--markdown docs/plan.md]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from common import ROOT, data_sets, written_by
from generate import tables

SETS = ("dblp-scholar", "musicbrainz-20k", "generated")
SHARES = (0.25, 0.5, 1.0)
FIGURES = ("pairs", "examined", "recall", "memory", "disk", "seconds")
WITHIN = 0.25

Row = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """Tables to plan for: what they are called, how many records they have, what the command line says."""

    name: str
    records: tuple[int, ...]
    arguments: tuple[str, ...]


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    path = options.out / "plan.json"
    known: dict[str, Row] = json.loads(path.read_text()) if path.is_file() else {}
    for subject in subjects(options):
        row = compared(subject, options)
        print(as_line(row), flush=True)
        known[f"{subject.name} {sum(subject.records):09}"] = row
        path.write_text(json.dumps(known, indent=1))
    if options.markdown:
        rows = [known[key] for key in sorted(known)]
        options.markdown.write_text("\n".join(as_markdown(rows)) + "\n")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="What is planned beside what happens.")
    parser.add_argument("--rows", type=sizes, default=[30_000, 100_000, 300_000], metavar="N,N,N")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=SETS)
    parser.add_argument("--model", help="a model of `erblock fit`, instead of MinHash")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "plan")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def sizes(text: str) -> list[int]:
    """Return numbers parted by commas."""
    return [int(part) for part in text.split(",")]


def subjects(options: argparse.Namespace) -> Iterator[Subject]:
    """Yield what is planned, smallest first within a set."""
    for name in options.sets:
        if name == "generated":
            yield from (generated(rows, options.out) for rows in options.rows)
        else:
            yield from (part_of(name, share, options.out) for share in SHARES)


def generated(rows: int, out: Path) -> Subject:
    """Return generated tables of so many records each; they are made once."""
    folder = out / f"generated-{rows}"
    paths = [folder / f"{side}.parquet" for side in ("left", "right")]
    if not all(path.is_file() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        for path, frame in zip(paths, tables(rows), strict=False):
            frame.write_parquet(path)
    return Subject("generated", (rows, rows), tuple(map(str, paths)))


def part_of(name: str, share: float, out: Path) -> Subject:
    """Return a random share of the records of a data set, by the columns that its rules compare."""
    [data] = data_sets([name])
    sides = ("table",) if data.one_table else ("left", "right")
    frames = [pl.read_csv(data.folder / f"{side}.csv", infer_schema=False) for side in sides]
    drawn = [frame.sample(fraction=share, seed=0) for frame in frames]
    folder = out / f"{name}-{share}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{side}.csv" for side in sides]
    for path, frame in zip(paths, drawn, strict=True):
        frame.write_csv(path)
    columns = data.config(out / "pairs.parquet").tables.columns
    named = [part for column in columns for part in ("--columns", column)]
    return Subject(name, tuple(frame.height for frame in drawn), (*map(str, paths), *named))


def compared(subject: Subject, options: argparse.Namespace) -> Row:
    """Return what was planned and what then happened."""
    method = ("--model", options.model) if options.model else ("--method", "minhash")
    told, planning, _ = run(["plan", *subject.arguments, *method])
    output = options.out / "pairs.parquet"
    done, seconds, peak = run(["block", *subject.arguments, *method, "-o", str(output)])
    planned = told | {"seconds": sum(told["seconds"].values())}
    real = {
        "pairs": done["pairs"],
        "examined": done["join"]["distinct"],
        "recall": (done["recall"] or {}).get("value"),
        "memory": peak,
        "disk": output.stat().st_size,
        "seconds": seconds,
    }
    return {
        "set": subject.name,
        "records": subject.records,
        "sampled": told["sampled"],
        "stages": told["seconds"],
        "planning": planning,
        "planned": {figure: planned[figure] for figure in FIGURES},
        "real": real,
    }


def run(command: Sequence[str]) -> tuple[Row, float, int]:
    """Return what an erblock command printed as JSON, its seconds, and its peak memory in bytes."""
    started = time.monotonic()
    whole = [sys.executable, __file__, "--watched", *command, "--json"]
    done = subprocess.run(whole, check=True, stdout=subprocess.PIPE, text=True)
    took = time.monotonic() - started
    told, peak = done.stdout.rstrip().rsplit("\n", 1)
    return json.loads(told), took, int(peak)


def watched(command: Sequence[str]) -> None:
    """Run an erblock command in this process, then print its peak memory."""
    from erblock.cli.app import run as run_command
    from erblock.pipeline.trial_run import peak_memory

    code = run_command(list(command))
    print(peak_memory())
    sys.exit(code)


def error(row: Row, figure: str) -> float | None:
    """Return by which share of what happened the plan is wrong; None where it cannot be told."""
    planned, real = row["planned"][figure], row["real"][figure]
    return None if planned is None or not real else planned / real - 1


def as_line(row: Row) -> str:
    """Return one row for the terminal."""
    size = " x ".join(f"{records:,}" for records in row["records"])
    errors = [(figure, error(row, figure)) for figure in FIGURES]
    told = "  ".join(f"{figure} {'-' if off is None else f'{100 * off:+.0f} %'}" for figure, off in errors)
    took = f"planned in {row['planning']:.0f} s, done in {row['real']['seconds']:.0f} s"
    return f"{row['set']:16} {size:20} {took}  {told}"


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# What a plan is worth", "", written_by("bench-plan"), "")
    errors = [error(row, figure) for row in rows for figure in FIGURES]
    told = [abs(off) for off in errors if off is not None]
    within = sum(off <= WITHIN for off in told)
    yield from (
        "What `erblock plan` says / what `erblock block` then does, with MinHash and without a limit, on",
        f"{pl.thread_pool_size()} threads.",
        f"{within} of {len(told)} figures are within {100 * WITHIN:.0f} %; the others are bold.",
        "",
        "| set | records | sampled | pairs | examined | recall % | memory GB | disk MB | seconds | took |",
        f"{10 * '|---'}|",
    )
    for row in rows:
        cells = [
            row["set"],
            " x ".join(f"{records:,}" for records in row["records"]),
            f"{row['sampled']:,}",
            *(beside(row, figure) for figure in FIGURES),
            f"{row['planning']:.0f} s",
        ]
        yield f"| {' | '.join(cells)} |"
    yield from ("", *HOW)


SHOWN: Mapping[str, tuple[float, str]] = {
    "pairs": (1, ",.0f"),
    "examined": (1, ",.0f"),
    "recall": (100, ".1f"),
    "memory": (1e-9, ".2f"),
    "disk": (1e-6, ".1f"),
    "seconds": (1, ".0f"),
}


def beside(row: Row, figure: str) -> str:
    """Return planned / real; bold if they are too far apart."""
    factor, form = SHOWN[figure]
    values = [row[side][figure] for side in ("planned", "real")]
    text = " / ".join("-" if value is None else format(value * factor, form) for value in values)
    off = error(row, figure)
    return f"**{text}**" if off is not None and abs(off) > WITHIN else text


HOW = """\
## How the figures are measured

The tables are read in full, and without a model a MinHash is fitted, as in a run. Samples of growing size
are then blocked in a process of its own until about 20 seconds have passed (`--seconds`). Records are
drawn by shared words, so that matches stay together, and each sampled pair is weighted by its
inverse sampling probability. To
measure what pairs cost, the buckets of a sample are merged until a record has as many candidates as it
will have in the whole tables. Seconds and peak memory are extrapolated along lines in records and in pairs.
No constant of a machine is in it.

It assumes that the machine stays as busy as it is, that the samples are like the rest of the tables, and
that costs grow with records and pairs. Recall is what `erblock block` will estimate, of the matches
examined. Where a few records have thousands of candidates, the pairs examined are the least certain
figure.
""".splitlines()

if __name__ == "__main__":
    if sys.argv[1:2] == ["--watched"]:
        watched(sys.argv[2:])
    main()
