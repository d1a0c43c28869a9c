"""What a run takes beside other work: `make bench-busy`.

usage: busy.py [--rows 2000] [--runs 3] [--markdown docs/busy.md]

Each command runs alone and beside one process that keeps all cores busy, in turns, so that both meet the same
machine; what counts is their ratio. Where all share the cores fairly it is 2.
"""

import argparse
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from common import give, written_by
from generate import tables
from start import seconds

_AIM = 2.5
SETTINGS = '[rules]\nmatch = ["token_set_ratio(name) >= 80"]\n'


def main() -> None:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description="What a run takes beside other work.")
    parser.add_argument("--rows", type=int, default=2000, help="records of either table")
    parser.add_argument("--runs", type=int, default=3, help="of each command, alone and beside")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), options.rows, options.runs)
    give(page_of(found, options.rows, options.runs), options.markdown)


def measured(folder: Path, rows: int, times: int) -> dict[str, tuple[float, float]]:
    """Return the median wall seconds of each command: alone, beside other work."""
    paths = [str(folder / f"{name}.csv") for name in ("left", "right")]
    for path, table in zip(paths, tables(rows, 0), strict=False):
        table.write_csv(path)
    commands = {name: ["-m", "erblock", *words] for name, words in commands_on(paths, folder).items()}
    found: dict[str, tuple[float, float]] = {}
    for name, command in commands.items():
        seconds(command, folder / "cache")  # The kernels are compiled, and later commands need the model.
        runs = [(timed(command, folder), beside(command, folder)) for _ in range(times)]
        alone, busy = zip(*runs, strict=True)
        found[name] = median(alone), median(busy)
    return found


def commands_on(paths: list[str], folder: Path) -> Mapping[str, list[str]]:
    """Return what is measured, in an order in which each finds what it needs."""
    settings = folder / "erblock.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    model, out = str(folder / "model"), str(folder / "pairs.parquet")
    training = ["fit", *paths, "--config", str(settings), "--max-steps", "20", "--force", "-o", model]
    return {
        "`block`": ["block", *paths, "-o", out],
        "`fit`, 20 steps": training,
        "`block --model`": ["block", *paths, "--model", model, "-o", out],
        "`keys --model`": ["keys", paths[0], "--model", model, "--force", "-o", str(folder / "keys")],
    }


def timed(command: list[str], folder: Path) -> float:
    """Return the wall seconds of one run."""
    return seconds(command, folder / "cache")[1]


def beside(command: list[str], folder: Path) -> float:
    """Return the wall seconds of one run while every core has other work, too."""
    with all_cores_busy():
        return timed(command, folder)


@contextmanager
def all_cores_busy() -> Iterator[None]:
    """Keep each core busy by one process of the priority of this one."""
    others = [multiprocessing.Process(target=_compute, daemon=True) for _ in range(os.cpu_count() or 1)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()
            other.join()


def _compute() -> None:
    number = 1
    while True:
        number = number * 48_271 % 2_147_483_647


def page_of(found: Mapping[str, tuple[float, float]], rows: int, times: int) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Beside other work", "", written_by("bench-busy"), "")
    yield from (
        f"Wall seconds on two tables of {rows:,} records, alone and beside one busy process for each core,",
        f"in turns; the median of {times}. Where all get an equal share the ratio is 2; the aim is at most",
        f"{_AIM}. Threads of PyTorch sleep while they wait for each other: erblock sets",
        "OMP_WAIT_POLICY=passive, unless it is set.",
        "",
        "| run | alone | beside | ratio |",
        "|---|---|---|---|",
    )
    for name, (alone, busy) in found.items():
        yield f"| {name} | {alone:.1f} | {busy:.1f} | {busy / alone:.2f} |"


if __name__ == "__main__":
    main()
