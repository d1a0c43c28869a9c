"""Seconds and memory of MinHash blocking against rows, and against other libraries: `make bench-speed`.

On generated tables (`generate.py`): the path from texts to candidate pairs (shingles, sketches, join of the
bands) beside datasketch and rensa, with the same permutations and bands, after a few records that load all
code (`peers`); all of `erblock block`, from 10 thousand records to a million in either table (`block`); and
from vectors to pairs beside FAISS (`neural`). Every measurement is a process of its own, whose peak memory
is taken. Prints tables; adds to the JSON file of earlier runs; writes Markdown and a chart beside it.

usage: speed.py [--only PART,PART,...] [--rows N,N,...] [--peer-rows N] [--vector-rows N,N,...]
                [--memory 4GB]
                [--out runs/speed] [--markdown docs/speed.md]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import vectors
from chart import Chart, Line
from common import ROOT, machine, written_by
from generate import tables
from peers import BANDS, PEERS, PERMUTATIONS, measured, versions
from vectors import WAYS

WARM_UP = 1_000

Row = dict[str, Any]


def main() -> None:
    """Run the benchmark, or, as a process of its own, one measurement against other libraries."""
    options = arguments()
    if options.measure == "drawn":
        vectors.write(*options.vector_rows, options.folder)
        return
    if options.measure:
        measure = measured if options.measure in PEERS else vectors.measured
        print(json.dumps(measure(options.measure, options.folder)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "speed.json"
    facts: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for part in options.only:
        rows = [printed(row) for row in PARTS[part](options)]
        if part != "peers":  # sizes that were not measured now stay as they were
            now = {row["rows"] for row in rows}
            rows += [row for row in facts.get(part, []) if row["rows"] not in now]
            rows.sort(key=lambda row: row["rows"])
        facts |= {"machine": machine(), "versions": versions(), part: rows}
        path.write_text(json.dumps(facts, indent=1))
    if options.markdown:
        picture = options.markdown.with_suffix(".svg")
        if facts.get("block"):
            picture.write_text(as_chart(facts["block"]).svg())
        options.markdown.write_text("\n".join(as_markdown(facts, picture.name)) + "\n")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Seconds and memory of MinHash blocking.")
    parser.add_argument("--rows", type=sizes, default=[10_000, 100_000, 1_000_000], metavar="N,N,...")
    parser.add_argument("--peer-rows", type=int, default=20_000, metavar="N")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "speed")
    parser.add_argument("--markdown", type=Path, help="write a page, and a chart of the same name")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS), metavar="PART,...")
    parser.add_argument("--vector-rows", type=sizes, default=[20_000, 200_000], metavar="N,N,...")
    parser.add_argument("--memory", help="the bound of `erblock block`")
    parser.add_argument("--measure", choices=[*PEERS, *WAYS, "drawn"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def sizes(text: str) -> list[int]:
    """Return numbers parted by commas."""
    return [int(part) for part in text.split(",")]


def printed(row: Row) -> Row:
    """Print a row and return it."""
    print(
        "  ".join(
            f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in row.items()
        ),
        flush=True,
    )
    return row


def generated(rows: int, out: Path) -> Path:
    """Return the folder of tables of `rows` records each; they are made once."""
    folder = out / f"tables-{rows}"
    if not (folder / "gold.parquet").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in zip(("left", "right", "gold"), tables(rows), strict=True):
            frame.write_parquet(folder / f"{name}.parquet")
    return folder


def against_peers(options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for each way from texts to pairs."""
    folder = generated(options.peer_rows, options.out)
    for name in PEERS:
        told, peak, _ = run([sys.executable, __file__, "--measure", name, "--folder", str(folder)])
        yield json.loads(told) | {"peak_gibibytes": peak}


def blocked(options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row of `erblock block` for each size."""
    for rows in (WARM_UP, *options.rows):
        folder = generated(rows, options.out)
        sides = [str(folder / f"{side}.parquet") for side in ("left", "right")]
        pairs = folder / "pairs.parquet"
        command = [sys.executable, "-m", "erblock", "block", *sides, "-o", str(pairs), "--method", "minhash"]
        command += ["--memory", options.memory] if options.memory else []
        _, peak, seconds = run(command)
        if rows != WARM_UP:
            took = {"seconds": seconds, "minutes": seconds / 60, "peak_gibibytes": peak}
            yield {"rows": rows} | took | quality(folder, pairs)


def from_vectors(options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for each way from vectors to pairs."""
    for rows in options.vector_rows:
        folder = options.out / f"vectors-{rows}"
        command = [sys.executable, __file__, "--folder", str(folder), "--vector-rows", str(rows)]
        if not (folder / "matched.npy").is_file():
            run([*command, "--measure", "drawn"])
        for name in WAYS:
            told, peak, _ = run([*command, "--measure", name])
            for row in json.loads(told):
                yield {"rows": rows} | row | {"peak_gibibytes": peak}


def quality(folder: Path, pairs: Path) -> Row:
    """Return how many pairs there are, and which share of the matches is among them."""
    gold, found = pl.read_parquet(folder / "gold.parquet"), pl.read_parquet(pairs)
    hits = gold.join(found, on=["left_id", "right_id"], how="semi").height
    return {"pairs": found.height, "completeness": hits / gold.height}


def run(command: Sequence[str]) -> tuple[str, float, float]:
    """Return what a process printed, its peak memory in GiB, and its seconds."""
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}")
    return told, usage.ru_maxrss / 2**20, time.monotonic() - started


# The peak of a new process is never below this one's, so what reads large tables here comes last.
PARTS = {"peers": against_peers, "neural": from_vectors, "block": blocked}


def exponent(blocks: Sequence[Row]) -> float:
    """Return e of seconds = c * (rows + pairs)**e, fitted over the sizes."""
    work = np.log([row["rows"] + row["pairs"] for row in blocks])
    return float(np.polyfit(work, np.log([row["seconds"] for row in blocks]), 1)[0])


def as_chart(blocks: Sequence[Row]) -> Chart:
    """Return seconds and memory against rows."""

    def line(name: str, key: str, unit: str) -> Line:
        return Line(name, [(row["rows"], row[key], f"{row[key]:.3g} {unit}") for row in blocks])

    lines = [line("minutes", "minutes", "min"), line("peak memory, GiB", "peak_gibibytes", "GiB")]
    return Chart("records in either table", "minutes; GiB", lines)


def as_markdown(facts: dict[str, Any], picture: str) -> Iterator[str]:
    """Yield the lines of the page for docs/."""
    yield from ("# Speed", "", written_by("bench-speed"), f"Beside: {versions()}.")
    if facts.get("peers"):
        yield from peer_lines(facts["peers"])
    if facts.get("block"):
        yield from block_lines(facts["block"], picture)
    if facts.get("neural"):
        yield from vector_lines(facts["neural"])


def peer_lines(peers: Sequence[Row]) -> Iterator[str]:
    """Yield the section on the ways from texts to pairs."""
    yield from (
        "",
        f"## From texts to candidate pairs, {PERMUTATIONS} permutations in {BANDS} bands",
        "",
        "Shingles, sketches and the join of the bands; each in a process of its own. *erblock* weighs",
        "features by idf, *erblock, plain* weighs them alike, as the others do. *times*: seconds relative to",
        "erblock's; *of the processor*: those of all cores together.",
        "",
        "| | µs a record | times | of the processor | pairs | completeness | peak GiB |",
        "|---|---|---|---|---|---|---|",
    )
    for row in peers:
        times, busy = (row[key] / peers[0][key] for key in ("seconds", "processor_seconds"))
        cells = [
            row["name"],
            f"{row['microseconds_a_record']:.1f}",
            f"{times:.1f}",
            f"{busy:.1f}",
            f"{row['pairs']:,}",
        ]
        yield f"| {' | '.join(cells)} | {100 * row['completeness']:.2f} % | {row['peak_gibibytes']:.2f} |"


def block_lines(blocks: Sequence[Row], picture: str) -> Iterator[str]:
    """Yield the section on whole runs."""
    yield from ("", "## `erblock block --method minhash`, from files to a file", "", f"![]({picture})", "")
    yield from (
        "| records in either table | seconds | peak GiB | pairs | completeness |",
        "|---|---|---|---|---|",
    )
    for row in blocks:
        cells = [
            f"{row['rows']:,}",
            f"{row['seconds']:.0f}",
            f"{row['peak_gibibytes']:.2f}",
            f"{row['pairs']:,}",
        ]
        yield f"| {' | '.join(cells)} | {100 * row['completeness']:.2f} % |"
    if len(blocks) > 1:
        yield from ("", f"Seconds grow with rows plus pairs to the power of {exponent(blocks):.2f}.")


def vector_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the section on the ways from vectors to pairs."""
    yield from (
        "",
        "## From vectors to ten pairs a record",
        "",
        "Generated vectors of 384 numbers in families (`benchmarks/vectors.py`), in files. *keys*: of the",
        "seconds those for the buckets, or for building the index; completeness is the share of the matches.",
        "",
        "| vectors in either table | | seconds | keys | completeness | peak GiB |",
        "|---|---|---|---|---|---|",
    )
    for row in rows:
        seconds = f"{row['seconds']:.1f}", f"{row['of them keys']:.1f}"
        cells = [f"{row['rows']:,}", row["name"], *seconds]
        yield f"| {' | '.join(cells)} | {100 * row['completeness']:.2f} % | {row['peak_gibibytes']:.2f} |"


if __name__ == "__main__":
    main()
