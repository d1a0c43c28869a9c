"""What a run takes beside other work: `make bench-busy`.

usage: busy.py [--rows 1000] [--markdown docs/busy.md]

Each command runs alone and beside one process that keeps all cores busy, in turns, so that both meet the same
machine; what counts is their ratio. Where all share the cores fairly it is 2. It ends within minutes: the
encoder is the tiny one of the tests, whose products are so small that threads mostly wait for each other.
"""

import argparse
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from common import give, written_by
from generate import tables
from start import seconds

_AIM = 2.5
_RUNS = 2  # of each command, alone and beside
_ENCODER = Path(__file__).parents[1] / "tests" / "data" / "tiny-encoder"
SETTINGS = '[rules]\nmatch = ["token_set_ratio(name) >= 80"]\n'


def main() -> None:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description="What a run takes beside other work.")
    parser.add_argument("--rows", type=int, default=1000, help="records of either table")
    parser.add_argument("--markdown", type=Path, help="write the page here")
    options, load = parser.parse_args(), os.getloadavg()[0]
    with TemporaryDirectory() as folder:
        found = measured(Path(folder), options.rows)
    give(page_of(found, options.rows, load), options.markdown)


def measured(folder: Path, rows: int) -> dict[str, tuple[float, float]]:
    """Return the least wall seconds of each command: alone, beside other work."""
    paths = [str(folder / f"{name}.csv") for name in ("left", "right")]
    for path, table in zip(paths, tables(rows, 0), strict=False):
        table.write_csv(path)
    _erblock(folder, ["fit", *paths, "--method", "minhash", "-o", str(folder / "minhash")])
    found: dict[str, tuple[float, float]] = {}
    for name, words in commands_on(paths, folder).items():
        _erblock(folder, words)  # Kernels are compiled.
        runs = [(_erblock(folder, words), _beside_work(folder, words)) for _ in range(_RUNS)]
        alone, busy = zip(*runs, strict=True)
        found[name] = min(alone), min(busy)
    return found


def commands_on(paths: list[str], folder: Path) -> Mapping[str, list[str]]:
    """Return the arguments of what is measured, by its name."""
    settings = folder / "erblock.toml"
    settings.write_text(SETTINGS, encoding="utf-8")
    training = ["--encoder", str(_ENCODER), "--max-steps", "10", "--force", "-o", str(folder / "model")]
    return {
        "`block`": ["block", *paths, "-o", str(folder / "pairs.parquet")],
        "`keys`": ["keys", paths[0], "--model", str(folder / "minhash"), "-o", str(folder / "keys.parquet")],
        "`fit`, 10 steps": ["fit", *paths, "--config", str(settings), *training],
    }


def _erblock(folder: Path, words: list[str]) -> float:
    """Run a command; return its wall seconds."""
    return seconds(["-m", "erblock", *words], folder / "cache")[1]


def _beside_work(folder: Path, words: list[str]) -> float:
    """Run a command while every core has other work, too; return its wall seconds."""
    with all_cores_busy():
        return _erblock(folder, words)


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


def page_of(found: Mapping[str, tuple[float, float]], rows: int, load: float) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Beside other work", "", written_by("bench-busy"), "")
    yield from (
        f"Wall seconds on two tables of {rows:,} records, alone and beside one busy process for each core,",
        f"in turns; the least of {_RUNS}. With equal shares the ratio is 2; the aim is at most {_AIM}.",
        f"The load average was {load:.1f} at the start: where it is not near 0, *alone* was not alone.",
        "`fit` trains the tiny encoder of the tests. Threads of PyTorch sleep while they wait for each",
        "other: erblock sets OMP_WAIT_POLICY=passive, unless it is set.",
        "",
        "| run | alone | beside | ratio |",
        "|---|---|---|---|",
    )
    for name, (alone, busy) in found.items():
        yield f"| {name} | {alone:.1f} | {busy:.1f} | {busy / alone:.2f} |"


if __name__ == "__main__":
    main()
