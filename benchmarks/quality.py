"""Blocking quality on all public data sets: `make bench-quality`; `make bench-quick` without the neural hash.

For every data set: the floor (`floor.py`), MinHash, MinHash fitted by the rules in `benchmarks/rules`, the
neural hash untrained, trained without rules, by the rules, and, where there is a train split, on its labelled
pairs as well. Each writes as many pairs as the floor. No test label and no gold pair is read before the
candidates are written. Prints a line for each row, then what they say over all sets; adds to the JSON file
of earlier runs, and writes all of it as Markdown.

usage: quality.py [SET ...] [--quick] [--methods METHOD ...] [--fresh] [--judge JUDGE.py] [--out runs/quality]
                  [--markdown docs/quality.md]
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from candidates import blocked
from common import (
    ROOT,
    DataSet,
    cut_cells,
    data_sets,
    figures,
    fit_model,
    machine,
    with_share,
)
from floor import floor_of
from methods import FITS, FLOOR, LABELLED, METHODS, QUICK
from quality_page import as_markdown
from summary import WRITTEN, interval, summary

from erblock.errors import ErblockError

Row = dict[str, Any]


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "quality.json"
    rows = known_rows(path)
    chosen = data_sets(options.sets)
    for data in chosen:
        for row in measure(data, options):
            print(as_line(row), flush=True)
            others = [old for old in rows if (old["set"], old["method"]) != (row["set"], row["method"])]
            rows = sorted([*others, row], key=lambda row: (row["set"], METHODS.index(row["method"])))
            path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    names = {data.name for data in chosen}
    print("\n".join(["", *summary([row for row in rows if row["set"] in names])]))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))


def known_rows(path: Path) -> list[Row]:
    """Return the rows of earlier runs, save those from before methods wrote as many pairs as the floor."""
    rows = json.loads(path.read_text())["rows"] if path.is_file() else []
    return [row for row in rows if "budget" in row]


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Blocking quality on the public data sets.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="default: all in the folder of data sets")
    parser.add_argument("--methods", nargs="*", choices=METHODS, metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--quick", action="store_true", help=f"measure only {'; '.join(QUICK)}")
    parser.add_argument("--fresh", action="store_true", help="compute the floor even where it was kept")
    parser.add_argument("--judge", type=Path, help="an independent judge to hold the figures against")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def measure(data: DataSet, options: argparse.Namespace) -> Iterator[Row]:
    """Yield one row of figures for each method; the floor's comes first, since all is held against it."""
    folder = options.out / data.name
    floor = folder / "floor.parquet"
    seconds = floor_of(data, floor, options.fresh)
    budget = pl.scan_parquet(floor).select(pl.len()).collect().item()
    wanted = options.methods or (QUICK if options.quick else METHODS)
    for method in METHODS:
        if method != FLOOR and (method not in wanted or not suits(data, method)):
            continue
        row = {"set": data.name, "family": data.family, "method": method, "budget": budget}
        out = folder / f"{method.replace(', ', '-').replace(' ', '-')}.parquet"
        try:
            facts = {"block_seconds": seconds} if method == FLOOR else run(data, method, out, budget)
            row |= measured(data, out, method, facts)
        except ErblockError as error:
            row |= {"failed": str(error), "cheapest": {}, "pairs": 0, "pair_completeness": 0.0}
        if options.judge and "failed" not in row:
            hold_against(options.judge, data, out, row)
        yield row


def suits(data: DataSet, method: str) -> bool:
    """Whether the data set has the labels that a method needs."""
    return method != LABELLED or (data.folder / "train.csv").is_file()


def run(data: DataSet, method: str, out: Path, budget: int) -> Row:
    """Fit and block; return what both say."""
    fit = FITS[method]
    if fit is None:
        return blocked(data, out, {"method": "minhash"}, budget)
    section, rules = fit
    labels = {"labels": str(data.folder / "train.csv")} if method == LABELLED else {}
    model = out.with_suffix(".model")
    facts = fit_model(data, model, {**section, **labels}, rules)
    return facts | blocked(data, out, {"model": str(model)}, budget)


def measured(data: DataSet, out: Path, method: str, facts: Row) -> Row:
    """Return what was said of a method with the figures of its pairs; the floor compares every pair."""
    found = figures(data, out, method)
    return with_share({"examined": found["comparisons"], **facts, **found})


def hold_against(judge: Path, data: DataSet, out: Path, row: Row) -> None:
    """Stop if the independent judge finds other figures than erblock's own evaluation."""
    files = [str(path) for path in (data.folder / "gold.csv", *data.tables)]
    said = subprocess.run([sys.executable, str(judge), str(out), *files], capture_output=True, check=True)
    found = json.loads(said.stdout)
    pairs = {target: cut["pairs"] for target, cut in found["cheapest_at_completeness"].items()}
    ours = {target: cut["pairs"] for target, cut in row["cheapest"].items()}
    if found["hits"] != row["hits"] or any(pairs.get(target) != count for target, count in ours.items()):
        sys.exit(f"{out}: the judge found {found}, erblock {row}")
    row["judged"] = True


def as_line(row: Row) -> str:
    """Return one row for the terminal."""
    start = f"{row['set']:24} {row['method']:24}"
    if "failed" in row:
        return f"{start} {row['failed']}"
    seconds = f"{row.get('fit_seconds', 0):.0f} + {row['block_seconds']:.0f} s"
    written = row.get("estimates", {}).get(WRITTEN)
    unseen = " | ".join(cut_cells(row.get("unseen_cheapest", {})))
    return (
        f"{start} {seconds:>12}  examined {100 * row['examined_share']:>6.2f} %  |C| {row['pairs']:>9,}  "
        f"PC {100 * row['pair_completeness']:.2f} ({interval(written) if written else 'not estimated'})  "
        f"at .89/.95/.97/.99: {' | '.join(cut_cells(row['cheapest']))}"
        + (f"\n{'':50} unseen gold only: {unseen}" if "unseen_cheapest" in row else "")
    )


if __name__ == "__main__":
    main()
