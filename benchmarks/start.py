"""What a run costs before it has done anything: `make bench-start`.

usage: start.py [--rows 1000] [--markdown docs/start.md]

Each command runs in a process of its own, on two made tables; the fresh one with an empty cache of kernels,
the others with a full one. CPU seconds are those of the process and its children, user and system, which
other work on the machine changes less than wall seconds; of warm runs the least of three.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from common import give, written_by
from generate import tables

Seconds = tuple[float, float]
_RUNS = 3
AIMS = {"`block`, fresh": 5.0, "`block`, warm": 1.5, "`erblock --help`": 0.15}


def main() -> None:
    """Measure, and print or write the page."""
    options = arguments()
    load = os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), options.rows)
    give(page_of(found, options.rows, load), options.markdown)


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description="What a run costs before it has done anything.")
    parser.add_argument("--rows", type=int, default=1000, help="records of either table")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    return parser.parse_args()


def measured(folder: Path, rows: int) -> dict[str, Seconds]:
    """Return CPU and wall seconds of each command."""
    paths = [str(folder / f"{name}.csv") for name in ("left", "right")]
    for path, table in zip(paths, tables(rows, 0), strict=False):
        table.write_csv(path)
    block = ["-m", "erblock", "block", *paths, "-o", str(folder / "pairs.parquet")]
    fresh = seconds(block, folder / "cache")
    warm = {
        "`block`, warm": block,
        "`import erblock`": ["-c", "import erblock"],
        "`erblock --help`": ["-m", "erblock", "--help"],
        "Python alone": ["-c", "pass"],
    }
    return {"`block`, fresh": fresh} | {name: least(command, folder) for name, command in warm.items()}


def least(command: list[str], folder: Path) -> Seconds:
    """Return the least CPU and wall seconds of some runs."""
    cpu, wall = zip(*(seconds(command, folder / "cache") for _ in range(_RUNS)), strict=True)
    return min(cpu), min(wall)


def seconds(command: list[str], cache: Path) -> Seconds:
    """Run Python; return its CPU and wall seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    subprocess.run([sys.executable, *command], env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - started


def page_of(found: Mapping[str, Seconds], rows: int, load: float) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# What a start costs", "", written_by("bench-start"), "")
    yield from (
        f"Seconds of runs on two tables of {rows:,} records; *fresh* is with an empty cache of kernels.",
        f"Of the others the least of {_RUNS} is given. The load average was {load:.1f} at the start: where",
        "it is not near 0, CPU seconds, too, are higher than on a quiet machine.",
        "",
        "| run | CPU s | wall s | aim, CPU s |",
        "|---|---|---|---|",
    )
    for name, (cpu, wall) in found.items():
        yield f"| {name} | {cpu:.2f} | {wall:.2f} | {AIMS.get(name, '')} |"


if __name__ == "__main__":
    main()
