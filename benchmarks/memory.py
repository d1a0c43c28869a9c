"""Peak memory of `erblock block --memory`: `make bench-memory`.

Generated tables of three sizes, MinHash and a neural model of the tiny encoder of the tests. Each is blocked
without a bound, with a bound just above what that took, and with half of it: the run then keeps within the
bound and 400 MB, or says before the join how much it needs. Every run is a process of its own, whose peak
resident memory the system tells. Prints a line for each; writes a page; exits with 1 if a run took too much.

usage: memory.py [--rows N,N,N] [--out runs/memory] [--markdown docs/memory.md]
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common import ROOT, written_by
from generate import tables

OWN = 400
TINY = ROOT / "tests" / "data" / "tiny-encoder"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Row:
    """One run: records a side, hasher, bound and peak in MB, seconds, and the error line if it stopped."""

    records: int
    hasher: str
    bound: int | None
    peak: int
    seconds: float
    stopped: str

    @property
    def is_kept(self) -> bool:
        """Whether the run took no more than its bound, or refused to start."""
        return bool(self.stopped) or self.bound is None or self.peak <= self.bound + OWN


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    rows = []
    for row in measured(options.rows, options.out):
        print(as_line(row), flush=True)
        rows.append(row)
    if options.markdown:
        options.markdown.write_text("\n".join(as_page(rows)) + "\n")
    sys.exit(0 if all(row.is_kept for row in rows) else 1)


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Peak memory with a bound on it.")
    sizes = [10_000, 30_000, 100_000]
    parser.add_argument(
        "--rows", type=lambda text: [*map(int, text.split(","))], default=sizes, metavar="N,N,N"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "memory")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def measured(sizes: list[int], out: Path) -> Iterator[Row]:
    """Yield all runs, smallest tables first."""
    for records in sizes:
        folder = out / str(records)
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in zip(("left", "right"), tables(records), strict=False):
            frame.write_parquet(folder / f"{name}.parquet")
        for hasher, model in (("MinHash", ()), ("neural", ("--model", "model"))):
            if model and not (folder / "model").is_dir():
                run(["fit", "--encoder", str(TINY), "--max-steps", "0", "-o", "model"], folder)
            free = blocked(records, hasher, model, None, folder)
            yield free
            for bound in (max(1, int(1.2 * free.peak) - OWN), max(1, free.peak // 2 - OWN)):
                yield blocked(records, hasher, model, bound, folder)


def blocked(records: int, hasher: str, model: tuple[str, ...], bound: int | None, folder: Path) -> Row:
    """Return what one run of `erblock block` took."""
    memory = () if bound is None else ("--memory", f"{bound}MB")
    peak, seconds, error = run(["block", *model, *memory, "-o", "pairs.parquet"], folder)
    return Row(records, hasher, bound, peak, seconds, error)


def run(command: list[str], folder: Path) -> tuple[int, float, str]:
    """Return peak memory in MB, seconds, and the error line of a run; "" if all went well."""
    started = time.monotonic()
    whole = [sys.executable, "-P", "-m", "erblock", command[0], "left.parquet", "right.parquet", *command[1:]]
    with (folder / "said.txt").open("w") as said:
        child = subprocess.Popen(whole, cwd=folder, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    text = (folder / "said.txt").read_text()
    if child.returncode not in (0, 2):
        sys.exit(f"{' '.join(whole)} in {folder}: exit code {child.returncode}: {text[-2000:]}")
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) // MEGABYTE
    return peak, time.monotonic() - started, text.strip().splitlines()[-1] if child.returncode else ""


def as_line(row: Row) -> str:
    """Return one row for the terminal."""
    bound = "no bound" if row.bound is None else f"--memory {row.bound}MB"
    verdict = row.stopped or ("" if row.is_kept else "TOO MUCH")
    peak = f"peak {row.peak:>6,} MB in {row.seconds:5.0f} s"
    return f"{row.records:>9,} {row.hasher:8} {bound:18} {peak}  {verdict}"


def as_page(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Memory with a bound on it", "", written_by("bench-memory"), "")
    yield from (
        "`erblock block --memory` takes at most the figure and 400 MB of its own, or says before the join",
        "how much it needs. Generated tables; the neural model is that of the tests, so torch is most of it.",
        "",
        "| records a side | hasher | --memory | peak MB | seconds | outcome |",
        f"{6 * '|---'}|",
    )
    for row in rows:
        outcome = f"stopped: `{row.stopped}`" if row.stopped else "kept" if row.is_kept else "**too much**"
        bound = "none" if row.bound is None else f"{row.bound} MB"
        yield (
            f"| {row.records:,} | {row.hasher} | {bound} | {row.peak:,} | {row.seconds:.0f} | "
            f"{'-' if row.bound is None else outcome} |"
        )


if __name__ == "__main__":
    main()
