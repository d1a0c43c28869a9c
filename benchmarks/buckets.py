"""Buckets against exact nearest neighbours over the same vectors: `make bench-buckets`.

For every data set: fit (untrained by default), sketch both tables once, take every record's nearest 20 by
blocked matrix products, and rank them as candidates are ranked. Then take the candidates of the first 4,
8, ... bands, those of cells, then of all bands with those of n-grams, and compare completeness at equal
numbers of candidates: what is missing is what buckets cost.
Gold is read to measure only. Prints tables; writes JSON, Markdown and a chart beside it.

usage: buckets.py [SET ...] [--trained | --model FOLDER] [--out runs/buckets] [--markdown docs/buckets.md]
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
from chart import Chart, Line
from common import ROOT, TARGETS, DataSet, data_sets, fit_model, machine, written_by
from exact import NEIGHBOURS, exact_pairs

from erblock.blocking.budget import Budget, cut
from erblock.blocking.candidates import JoinReport
from erblock.blocking.output import pairs_frame
from erblock.blocking.recall import ExpectedMatches
from erblock.blocking.score import ScoredPairs, score_candidates
from erblock.evaluation.metrics import Evaluation, evaluate_pairs
from erblock.hashing.neural import NeuralHasher, NeuralSketch
from erblock.hashing.store import load_model
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.tables.pairs import read_pairs
from erblock.tables.read import TablePair
from erblock.tables.schemas import GOLD, ID

DEFAULT_SETS = ("dblp-scholar", "abt-buy")
BANDS = (4, 8, 12, 16, 24)
TIMES_LEFT = (1, 2, 5)
ALLOWED = 0.5
"""Points of completeness that buckets may cost; the chart marks it."""


@dataclass(frozen=True)
class Bench:
    """One data set, sketched: the tables, the vectors of both, and the known matches."""

    name: str
    tables: TablePair
    hasher: NeuralHasher
    left: NeuralSketch
    right: NeuralSketch | None
    gold: pl.DataFrame

    @property
    def cross_product(self) -> int:
        """The number of all possible pairs."""
        left = len(self.left)
        return left * (left - 1) // 2 if self.right is None else left * len(self.right)

    def first_bands(self, bands: int) -> tuple[NeuralSketch, NeuralSketch | None]:
        """Return both sketches with their first `bands` bands only."""
        left = replace(self.left, buckets=self.left.buckets[:bands])
        return left, None if self.right is None else replace(self.right, buckets=self.right.buckets[:bands])

    def evaluate(self, scored: ScoredPairs) -> Evaluation:
        """Return the evaluation of all pairs, ranked as `erblock block` ranks them."""
        kept = cut(scored, Budget(max_pairs=len(scored)), ExpectedMatches(None))
        left, right = self.tables.left.frame[ID], self.tables.other.frame[ID]
        frame = pairs_frame(left, right, scored, kept)
        return evaluate_pairs(frame, self.gold, left, None if self.tables.dedup else right)


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    rows: list[dict[str, Any]] = []
    for data in data_sets(options.sets or DEFAULT_SETS):
        for row in measure(opened(data, options)):
            rows.append(row)
            print(as_line(row), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    facts = {"machine": machine(), "hash": hash_name(options), "rows": rows}
    (options.out / "buckets.json").write_text(json.dumps(facts, indent=1))
    if options.markdown:
        picture = options.markdown.with_suffix(".svg")
        picture.write_text(as_chart(rows).svg())
        options.markdown.write_text(as_markdown(rows, hash_name(options), picture.name))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Buckets against exact nearest neighbours.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default {', '.join(DEFAULT_SETS)}")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--trained", action="store_true", help="fit with the default training")
    which.add_argument("--model", type=Path, help="a model fitted before, for one SET")
    parser.add_argument("--encoder", help="fit this encoder instead of the default one")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "buckets")
    parser.add_argument("--markdown", type=Path, help="write a page, and a chart of the same name")
    options = parser.parse_args()
    if options.model and len(options.sets) != 1:
        sys.exit("--model belongs to one data set; name that SET")
    return options


def hash_name(options: argparse.Namespace) -> str:
    """Return in words which hash is measured."""
    if options.model:
        return f"the model in `{options.model.name}`"
    return "the hash trained by default" if options.trained else "the untrained hash"


def opened(data: DataSet, options: argparse.Namespace) -> Bench:
    """Return the data set sketched by a model, which is fitted unless one is given."""
    model = options.model or options.out / f"{data.name}.model"
    if not options.model:
        section = {"encoder": options.encoder} | ({} if options.trained else {"max_steps": 0})
        fit_model(data, model, section)
    tables = open_tables(data.config(Path("pairs.parquet")))
    texts = texts_of(tables)
    hasher = load_model(model).hasher
    if not isinstance(hasher, NeuralHasher):
        sys.exit(f"{model} is no neural model")
    left, *right = (hasher.sketch(side) for side in texts.sides)
    gold = read_pairs(data.folder / "gold.csv", GOLD, tables.left.frame[ID], tables.other.frame[ID])
    return Bench(data.name, tables, hasher, left, right[0] if right else None, gold)


def measure(bench: Bench) -> Iterator[dict[str, Any]]:
    """Yield the row of exact search, then one for each number of bands."""
    scored, seconds = timed(lambda: exact_pairs(bench.left, bench.right))
    exact = bench.evaluate(scored)
    sizes = sizes_to_compare(exact, len(bench.left))
    facts = {"set": bench.name, "cells": bench.hasher.cells.centres.shape[1]}
    share = {"seconds": seconds, "share": 1.0, "completeness": completeness(exact, sizes)}
    yield {**facts, "bands": None, "pairs": exact.whole.pairs, **share}
    of_cells = [count for count in BANDS if count <= bench.hasher.cells.bands]
    for bands in (*of_cells, bench.left.bands):
        report = JoinReport()
        found, seconds = timed(lambda: score_candidates(*bench.first_bands(bands), report))  # noqa: B023
        reached = completeness(bench.evaluate(found), sizes)
        lost = {name: 100 * (share["completeness"][name] - reached[name]) for name in sizes}
        yield {
            **facts,
            **asdict(report),
            "bands": bands,
            "seconds": seconds,
            "share": report.distinct / bench.cross_product,
            "completeness": reached,
            "lost": lost,
            "worst": max(lost.values()),
        }


def timed(work: Callable[[], ScoredPairs]) -> tuple[ScoredPairs, float]:
    """Return what `work` returns and the seconds it took."""
    started = time.monotonic()
    return work(), time.monotonic() - started


def sizes_to_compare(exact: Evaluation, left_rows: int) -> dict[str, int]:
    """Return numbers of candidates by name: where exact search reaches a completeness, and multiples."""
    cuts = {f"PC {target:g}": exact.cheapest(target) for target in TARGETS}
    sizes = {name: found.pairs for name, found in cuts.items() if found}
    return sizes | {f"{times} x left": times * left_rows for times in TIMES_LEFT}


def completeness(found: Evaluation, sizes: dict[str, int]) -> dict[str, float]:
    """Return the pair completeness of the best candidates at each size."""
    return {name: found.cut(pairs).pair_completeness for name, pairs in sizes.items()}


def as_line(row: dict[str, Any]) -> str:
    """Return one row for the terminal."""
    if row["bands"] is None:
        found = "  ".join(f"{name}: {100 * value:.2f}" for name, value in row["completeness"].items())
        return f"{row['set']:16} exact: {row['pairs']:,} pairs, {row['seconds']:.0f} s  {found}"
    lost = "  ".join(f"{name}: {value:+.2f}" for name, value in row["lost"].items())
    return (
        f"{row['set']:16} {row['bands']:>3} bands  touched {100 * row['share']:>6.2f} %  "
        f"joined {row['joined']:>11,}  {row['seconds']:>4.0f} s  lost {lost}  worst {row['worst']:+.2f}"
    )


def as_chart(rows: list[dict[str, Any]]) -> Chart:
    """Return points lost over the share of the cross product touched, one line for each set."""
    banded = [row for row in rows if row["bands"]]
    lines = [
        Line(
            name,
            [(100 * r["share"], r["worst"], str(r["bands"])) for r in banded if r["set"] == name],
        )
        for name in dict.fromkeys(row["set"] for row in banded)
    ]
    across = "share of the cross product touched, in percent (labels: bands)"
    return Chart(across, "points of pair completeness lost, at worst", lines, ALLOWED)


def as_markdown(rows: list[dict[str, Any]], name: str, picture: str) -> str:
    """Return the page for docs/."""
    lines = [
        "# Buckets against exact search",
        "",
        written_by("bench-buckets"),
        "",
        f"What do buckets cost in completeness? All rows of a table score the same vectors, of {name},",
        f"and rank pairs alike. *Exact* looks at all pairs and ranks every record's nearest {NEIGHBOURS},",
        "from either side. The others rank the pairs that share a bucket in one of the model's first bands,",
        "which are of cells, and last of all bands, those of n-grams with them.",
        "*Touched*: the share of the cross product whose similarity was computed. *Rows*: those of the join,",
        "before pairs that meet in several bands become one; in one table each pair is met from both sides.",
        "*Lost*: points of pair completeness, exact less buckets, at the same number of candidates: where",
        "exact search reaches 0.89 to 0.99, and at one, two and five for each record of the left table.",
        "Below zero it is a gain: a match that ranks higher among fewer rivals. The cells are as many as",
        "suit all bands of the model; of fewer bands each would have fewer and larger cells.",
        "",
        f"![points lost over the share of pairs touched, {ALLOWED:g} points marked]({picture})",
    ]
    for set_name in dict.fromkeys(row["set"] for row in rows):
        lines += ["", *_table([row for row in rows if row["set"] == set_name])]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    exact, *banded = rows
    yield f"## {exact['set']}"
    yield ""
    yield f"{exact['cells']:,} cells in each band."
    yield ""
    names = list(exact["completeness"])
    yield f"| bands | touched | rows | {' | '.join(names)} | worst | seconds |"
    yield "|---" * (len(names) + 5) + "|"
    found = [f"{100 * exact['completeness'][name]:.2f}" for name in names]
    yield f"| exact: PC | 100 % | - | {' | '.join(found)} | - | {exact['seconds']:.0f} |"
    for row in banded:
        lost = [f"{row['lost'][name]:+.2f}" for name in names]
        start = f"| {row['bands']}: lost | {100 * row['share']:.2f} % | {row['joined']:,} |"
        yield f"{start} {' | '.join(lost)} | {row['worst']:+.2f} | {row['seconds']:.0f} |"


if __name__ == "__main__":
    main()
