"""What the tuned numbers of scoring change: `make bench-sensitivity`.

The candidates of unfitted MinHash are made once for each data set, and ranked with every number of
`erblock.scoring.parameters` as it is, halved and doubled. For each: the geometric mean, over the sets, of the
pairs needed for 89, 95 and 97 % of the matches, relative to those with the number as it is; and the sets in
which it changes the pairs for 95 % by more than 2 %.

usage: sensitivity.py [SET ...] [--most-records 5000] [--markdown docs/parameters.md]
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
from candidates import matches_of
from common import NO_RULES, DataSet, data_sets, smaller_table, written_by

from erblock.config import Config
from erblock.engines.base import Candidates
from erblock.hashing.base import silent
from erblock.pipeline.engine import open_engine
from erblock.pipeline.ranked import rank
from erblock.scoring.parameters import TUNED, Parameters

TARGETS = (0.89, 0.95, 0.97)
COMPILED = ("similarity_scale", "least_support")
"""Read by compiled code, which keeps what it was compiled with."""
TIMES = (0.5, 2.0)
NOTED = 0.02

Cells = dict[str, list[int | None]]


@dataclass(frozen=True)
class Task:
    """The candidates of a data set, and its known matches."""

    config: Config
    found: Candidates
    known: np.ndarray


def main() -> None:
    """Print a line for every number; write the page."""
    parser = argparse.ArgumentParser(description="What the tuned numbers of scoring change.")
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--most-records", type=int, default=5_000, help="of the smaller table of a set")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    chosen = [data for data in data_sets(options.sets) if smaller_table(data) <= options.most_records]
    tasks = {data.name: task_of(data) for data in chosen}
    usual, rows = cells_of(tasks), []
    for name, value in varied():
        rows.append((name, value, *changes(usual, with_number(tasks, name, value))))
        print(*as_cells(*rows[-1]), sep="  ", flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(as_markdown(rows, list(tasks))) + "\n")


def task_of(data: DataSet) -> Task:
    """Make the candidates of a data set."""
    config = data.config(Path("pairs.parquet"), block={"method": "minhash", "max_pairs": 1}, rules=NO_RULES)
    with open_engine(config) as engine:
        found = engine.candidates(silent)
    return Task(config, found, matches_of(data, found))


def varied() -> Iterator[tuple[str, Any]]:
    """Yield each number with the values that it is given; shares stay below 1."""
    for field in fields(Parameters):
        usual = getattr(TUNED, field.name)
        if field.name in COMPILED or isinstance(usual, tuple):
            continue
        for times in TIMES:
            value = type(usual)(usual * times)
            is_share = isinstance(usual, float) and 0 < usual < 1
            yield field.name, min(value, 0.99) if is_share else value


def with_number(tasks: dict[str, Task], name: str, value: Any) -> Cells:
    """Return the cells with one number changed, in every module that reads it."""
    changed = replace(TUNED, **{name: value})
    modules = [module for module in list(sys.modules.values()) if getattr(module, "TUNED", None) is TUNED]
    others = [module for module in modules if module.__name__ not in {__name__, "erblock.scoring.parameters"}]
    try:
        for module in others:
            vars(module)["TUNED"] = changed
        return cells_of(tasks)
    finally:
        for module in others:
            vars(module)["TUNED"] = TUNED


def cells_of(tasks: dict[str, Task]) -> Cells:
    """Return, for every set, the fewest pairs that reach each completeness; None where none do."""
    return {name: needed(task) for name, task in tasks.items()}


def needed(task: Task) -> list[int | None]:
    """Return the pairs that are needed of one ranking."""
    ranked = rank(task.config, task.found)
    pairs, scores = ranked.pairs, ranked.expected.log_odds
    order = np.argsort(-(pairs.similarity if scores is None else scores), kind="stable")
    hits = np.cumsum(np.isin((pairs.left * len(task.found.right_ids) + pairs.right)[order], task.known))
    at = np.searchsorted(hits, np.ceil(np.array(TARGETS) * len(task.known) - 1e-9))
    return [int(place) + 1 if place < len(hits) else None for place in at]


def changes(usual: Cells, changed: Cells) -> tuple[list[float], dict[str, float]]:
    """Return the geometric means for every completeness, and the sets whose pairs for 95 % change."""
    ratios = {
        name: [new / old if new and old else 1.0 for new, old in zip(changed[name], usual[name], strict=True)]
        for name in usual
    }
    means = [geometric_mean(column) for column in zip(*ratios.values(), strict=True)]
    return means, {name: ratio[1] for name, ratio in ratios.items() if abs(ratio[1] - 1) > NOTED}


def as_cells(name: str, value: Any, means: list[float], noted: dict[str, float]) -> tuple[str, ...]:
    """Return the cells of one line."""
    sets = ", ".join(f"{data} {ratio:.2f}" for data, ratio in sorted(noted.items(), key=lambda s: -s[1]))
    return f"{name} = {value:.4g}", " / ".join(f"{mean:.3f}" for mean in means), sets or "-"


def as_markdown(rows: list[tuple[Any, ...]], names: list[str]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Tuned numbers of scoring", "", written_by("bench-sensitivity"), "")
    yield from (
        "Every number stands in `erblock/scoring/parameters.py`, with its meaning and its usual",
        "value. Each was halved and doubled (shares stay below 1) while all others stayed, and the",
        f"candidates of unfitted MinHash on {len(names)} data sets ({', '.join(names)}) were ranked",
        "again. *All sets*: the geometric mean of the pairs needed for 89, 95 and 97 % of the matches,",
        "relative to those with the usual value. *Sets*: where the pairs for 95 % change by more than",
        "2 %. Where one of the two values does not reach a completeness, it counts as no change.",
        "",
        "| number | all sets: .89 / .95 / .97 | sets, at .95 |",
        "|---|---|---|",
    )
    yield from ("| " + " | ".join(as_cells(*row)) + " |" for row in rows)


if __name__ == "__main__":
    main()
