"""Buckets against exact nearest neighbours over the same vectors: `make bench-buckets`.

For every data set, and every way to fit the hash: sketch the tables once, and join them by the buckets as
they were fitted, and by buckets made for 3 % of the cross product. What they hold is held against as many
nearest neighbours of all pairs; and what of it is ranked best against the best of every record's nearest 20.
Gold is read to measure only. Adds to the JSON file of earlier runs, in which it finds what is done; writes
Markdown.

usage: buckets.py [SET ...] [--ways WAY ...] [--steps N] [--fresh] [--out runs/buckets]
                  [--markdown docs/buckets.md]
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from buckets_page import as_line, as_markdown
from common import NO_RULES, ROOT, TARGETS, DataSet, data_sets, machine
from exact import nearest_pairs, scored
from tight import Sides, Tables, made_for

from erblock.blocking.budget import Budget, cut
from erblock.blocking.candidates import JoinReport, PairChunk, join_each
from erblock.blocking.output import pairs_frame
from erblock.blocking.score import score_candidates
from erblock.errors import ErblockError
from erblock.evaluation.metrics import Evaluation, evaluate_pairs
from erblock.hashing.neural import NeuralHasher
from erblock.pipeline.fit import fit_hasher
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.scoring.estimate import ExpectedMatches
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.pairs import read_pairs
from erblock.tables.read import TablePair
from erblock.tables.schemas import GOLD, ID

WAYS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "untrained, no rules": ({"max_steps": 0}, NO_RULES),
    "untrained, rules": ({"max_steps": 0}, {}),
    "no rules": ({}, NO_RULES),
    "rules": ({}, {}),
}
"""How the hash is fitted: options, and rules instead of the set's own. Untrained, rules shape cells alone."""

SHARE = 0.03
RANKED = 20
TIMES_LEFT = (1, 2, 5)
MOST_NEAREST = 10_000_000
"""Pairs of exact search that are kept at most."""

Row = dict[str, Any]
Pairs = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Bench:
    """One data set, sketched. `known`: the matches by number, left row * right rows + right row."""

    tables: TablePair
    sketched: Tables
    gold: pl.DataFrame
    known: Pairs

    @property
    def width(self) -> int:
        """The number of right records."""
        return len(self.sketched.right or self.sketched.left)

    def share_held(self, pairs: Pairs) -> float:
        """Return the share of the known matches that are among the pairs."""
        return float(np.isin(self.known, pairs).mean())

    def evaluate(self, found: ScoredPairs) -> Evaluation:
        """Return the evaluation of pairs, ranked as `erblock block` ranks them."""
        kept = cut(found, Budget(max_pairs=len(found)), ExpectedMatches(None))
        left, right = self.tables.left.frame[ID], self.tables.other.frame[ID]
        frame = pairs_frame(left, right, found, kept)
        return evaluate_pairs(frame, self.gold, left, None if self.tables.dedup else right)


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "buckets.json"
    rows: list[Row] = json.loads(path.read_text())["rows"] if path.is_file() else []
    for data in data_sets(options.sets):
        for way in options.ways or WAYS:
            if not options.fresh and any((row["set"], row["way"]) == (data.name, way) for row in rows):
                continue
            row = {"set": data.name, "way": way, **measured(data, way, options.steps)}
            print(as_line(row), flush=True)
            others = [old for old in rows if (old["set"], old["way"]) != (data.name, way)]
            rows = sorted([*others, row], key=lambda row: (row["set"], [*WAYS].index(row["way"])))
            path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Buckets against exact nearest neighbours.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="default: all in the folder of data sets")
    parser.add_argument("--ways", nargs="*", choices=WAYS, metavar="WAY", help="; ".join(WAYS))
    parser.add_argument(
        "--steps", type=int, help="steps of training, where there is any, instead of the default"
    )
    parser.add_argument("--fresh", action="store_true", help="measure again what is done")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "buckets")
    parser.add_argument("--markdown", type=Path, help="write a page")
    return parser.parse_args()


def measured(data: DataSet, way: str, steps: int | None) -> Row:
    """Return the figures of a set whose hash is fitted in one way, or why there are none."""
    started = time.monotonic()
    section, rules = WAYS[way]
    section = section if steps is None else {"max_steps": steps, **section}
    try:
        bench, trained = opened(data, section, rules)
    except ErblockError as error:
        return {"failed": str(error)}
    return {"steps": trained, **compared(bench), "seconds": time.monotonic() - started}


def opened(data: DataSet, section: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[Bench, int]:
    """Return the data set sketched by a hash that is fitted to it, and the steps of training."""
    config = data.config(Path("pairs.parquet"), fit=section, rules=rules)
    tables = open_tables(config)
    fitted = fit_hasher(config, tables)
    hasher, texts = fitted.hasher, texts_of(tables).sides
    assert isinstance(hasher, NeuralHasher)
    left, *right = (hasher.sketch(side) for side in texts)
    ids = tables.left.frame[ID], tables.other.frame[ID]
    gold = read_pairs(data.folder / "gold.csv", GOLD, *ids)
    sketched = Tables(texts, hasher, left, right[0] if right else None)
    bench = Bench(tables, sketched, gold, numbers_of(gold, ids, one_table=tables.dedup))
    return bench, fitted.report.training.steps if fitted.report.training else 0


def numbers_of(gold: pl.DataFrame, ids: tuple[pl.Series, pl.Series], *, one_table: bool) -> Pairs:
    """Return the known matches by number, each once; in one table the lower row is the left one."""
    rows = []
    for column, known in zip(("left_id", "right_id"), ids, strict=True):
        numbered = pl.DataFrame({column: known}).with_row_index("row")
        rows.append(gold.join(numbered, on=column, how="left", maintain_order="left")["row"].to_numpy())
    left, right = (side.astype(np.int64) for side in rows)
    if one_table:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return np.unique(left * len(ids[1]) + right)


def compared(bench: Bench) -> Row:
    """Return what buckets hold, and lose, as fitted and made for a share of all pairs."""
    tables = bench.sketched
    sides = tables.left, tables.right
    fitted = joined(bench, sides)
    share = fitted["pairs"] / tables.cross_product
    tight = joined(bench, made_for(tables, SHARE)) if share > SHARE else fitted
    exact = exact_figures(bench, max(fitted["pairs"], tight["pairs"]))
    found = {"as fitted": lost(fitted, exact, tables), "tight": lost(tight, exact, tables)}
    return {"cross_product": tables.cross_product, "matches": len(bench.known), **found}


def joined(bench: Bench, sides: Sides) -> Row:
    """Return how many pairs share a bucket, the share of the known matches among them, and how they rank."""
    report = JoinReport()

    def known_in(chunk: PairChunk) -> int:
        return int(np.isin(chunk.left * bench.width + chunk.right, bench.known).sum())

    held = sum(join_each(*sides, report, known_in)) / len(bench.known)
    ranked = bench.evaluate(score_candidates(*sides, JoinReport()))
    return {"pairs": report.distinct, "rows": report.joined, "held": held, "ranked": ranked}


@dataclass(frozen=True)
class Exact:
    """What exact search finds: the places of the known matches among the nearest pairs, and the ranking."""

    places: Pairs
    nearest: int
    known: int
    ranked: Evaluation

    def held(self, pairs: int) -> float:
        """Return the share of the known matches among so many pairs, or among all that were kept."""
        return int(np.searchsorted(self.places, pairs)) / self.known


def exact_figures(bench: Bench, pairs: int) -> Exact:
    """Return what exact search finds in so many pairs."""
    tables = bench.sketched
    sides = tables.left, tables.right
    shorter, longer = sorted((len(tables.left), bench.width))
    most = min(pairs * shorter // tables.cross_product + 2, MOST_NEAREST // longer)
    nearest = nearest_pairs(*sides, most)
    places = np.flatnonzero(np.isin(nearest.left * bench.width + nearest.right, bench.known))
    ranked = bench.evaluate(scored(nearest_pairs(*sides, RANKED), *sides))
    return Exact(places, len(nearest), len(bench.known), ranked)


def lost(found: Row, exact: Exact, tables: Tables) -> Row:
    """Return the figures of a join, in percent, with the points by which exact search has more."""
    ranked: Evaluation = found.pop("ranked")
    sizes = [cut.pairs for cut in map(exact.ranked.cheapest, TARGETS) if cut]
    sizes += [times * len(tables.left) for times in TIMES_LEFT]
    points = [100 * (completeness(exact.ranked, size) - completeness(ranked, size)) for size in sizes]
    held = exact.held(found["pairs"])
    return {
        **found,
        "share": found["pairs"] / tables.cross_product,
        "exact": held,
        "lost": 100 * (held - found["held"]),
        "lost_ranked": max(points),
    }


def completeness(found: Evaluation, pairs: int) -> float:
    """Return the pair completeness of the best so many candidates."""
    return found.cut(pairs).pair_completeness


if __name__ == "__main__":
    main()
