"""Blocking quality on the public data sets: `make bench-quality`.

For every data set: MinHash, n-gram TF-IDF top-k (a reference of scikit-learn's: a fixed k per record, from
1 to 20), the neural hash untrained and trained by the rules in `benchmarks/rules`, and, with --labels,
trained on the labelled pairs of the set's train split as well. No test label and no gold pair is read before
the candidates are written. Prints tables; adds to
the JSON file of earlier runs, and writes all of it as Markdown.

usage: quality.py [SET ...] [--methods METHOD ...] [--labels] [--judge JUDGE.py] [--out runs/quality]
                  [--markdown docs/quality.md]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
from common import (
    NO_RULES,
    PAIRS_PER_RECORD,
    ROOT,
    SETS,
    DataSet,
    blocked,
    cut_cells,
    data_sets,
    figures,
    fitted,
    machine,
    written_by,
)

from erblock.pipeline.inputs import open_tables, texts_of

METHODS = (
    "minhash",
    "minhash, rules",
    "tf-idf top-k",
    "neural, untrained, no rules",
    "neural, no rules",
    "neural, untrained",
    "neural, rules",
    "neural, rules and labels",
)


def place(method: str) -> int:
    """Return where a method's row stands in a table."""
    return METHODS.index(method)


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "quality.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text())["rows"] if path.is_file() else []
    for data in data_sets(options.sets or SETS):
        for row in measure(data, options):
            print(as_line(row), flush=True)
            others = [old for old in rows if (old["set"], old["method"]) != (row["set"], row["method"])]
            rows = sorted([*others, row], key=lambda row: (SETS.index(row["set"]), place(row["method"])))
            path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Blocking quality on the public data sets.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; default all")
    parser.add_argument("--methods", nargs="*", choices=METHODS, help="measure these rows only")
    parser.add_argument("--labels", action="store_true", help="also train with the labelled train split")
    parser.add_argument("--judge", type=Path, help="an independent judge to hold the figures against")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def measure(data: DataSet, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one row of figures for each way of blocking."""
    folder = options.out / data.name
    folder.mkdir(parents=True, exist_ok=True)
    ways: dict[str, Callable[[Path], dict[str, Any]]] = {
        "minhash": lambda out: blocked(data, out, {"method": "minhash"}),
        "minhash, rules": lambda out: fitted(data, out, {"method": "minhash"}),
        "tf-idf top-k": lambda out: tfidf_top_k(data, out),
        "neural, untrained, no rules": lambda out: fitted(data, out, {"max_steps": 0}, NO_RULES),
        "neural, no rules": lambda out: fitted(data, out, {}, NO_RULES),
        "neural, untrained": lambda out: fitted(data, out, {"max_steps": 0}),
        "neural, rules": lambda out: fitted(data, out, {}),
    }
    train = data.folder / "train.csv"
    if options.labels and train.is_file():
        ways["neural, rules and labels"] = lambda out: fitted(data, out, {"labels": str(train)})
    for method, run in ways.items():
        if options.methods and method not in options.methods:
            continue
        out = folder / f"{method.replace(', ', '-').replace(' ', '-')}.parquet"
        facts = run(out)
        row = {"set": data.name, "method": method, **facts, **figures(data, out, method)}
        if options.judge:
            hold_against(options.judge, data, out, row)
        yield row


def tfidf_top_k(data: DataSet, out: Path) -> dict[str, Any]:
    """Write every record's top 20 by character 3-gram TF-IDF cosine, ranked by place: the usual top-k."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    started = time.monotonic()
    tables = open_tables(data.config(out))
    texts = texts_of(tables)
    sides = [side.fill_null("").to_list() for side in texts.sides]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), lowercase=True, sublinear_tf=True)
    vectorizer.fit([text for side in sides for text in side])
    few, many = sorted(
        (vectorizer.transform(side) for side in (sides[0], sides[-1])), key=lambda m: m.shape[0]
    )
    flipped = len(sides[0]) > len(sides[-1])
    parts = []
    for start in range(0, few.shape[0], 500):
        cosine = (few[start : start + 500] @ many.T).toarray()
        if texts.dedup:
            cosine[np.arange(len(cosine)), np.arange(start, start + len(cosine))] = -1
        best = np.argsort(-cosine, axis=1, kind="stable")[:, :PAIRS_PER_RECORD]
        value = np.take_along_axis(cosine, best, axis=1)
        row = np.repeat(np.arange(start, start + len(cosine)), best.shape[1])
        place = np.tile(np.arange(best.shape[1]), len(cosine))
        parts.append(pl.DataFrame({"l": row, "r": best.ravel(), "score": value.ravel() - 2.0 * place}))
    pairs = pl.concat(parts)
    if flipped:
        pairs = pairs.rename({"l": "r", "r": "l"})
    if texts.dedup:
        low, high = pl.min_horizontal("l", "r").alias("l"), pl.max_horizontal("l", "r").alias("r")
        pairs = pairs.select(low, high, "score").group_by("l", "r").agg(pl.col("score").max())
    pairs = pairs.sort("score", "l", "r", descending=[True, False, False])
    left, right = tables.left.frame["id"], tables.other.frame["id"]
    pairs.select(
        left.gather(pairs["l"]).alias("left_id"), right.gather(pairs["r"]).alias("right_id"), "score"
    ).write_parquet(out)
    return {"block_seconds": time.monotonic() - started}


def hold_against(judge: Path, data: DataSet, out: Path, row: dict[str, Any]) -> None:
    """Stop if the independent judge finds other figures than erblock's own evaluation."""
    tables = ["table.csv"] if data.one_table else ["left.csv", "right.csv"]
    files = [str(data.folder / name) for name in ["gold.csv", *tables]]
    said = subprocess.run([sys.executable, str(judge), str(out), *files], capture_output=True, check=True)
    found = json.loads(said.stdout)
    pairs = {target: cut["pairs"] for target, cut in found["cheapest_at_completeness"].items()}
    ours = {target: cut["pairs"] for target, cut in row["cheapest"].items()}
    if found["hits"] != row["hits"] or any(pairs.get(target) != count for target, count in ours.items()):
        sys.exit(f"{out}: the judge found {found}, erblock {row}")
    row["judged"] = True


def as_line(row: dict[str, Any]) -> str:
    """Return one row for the terminal."""
    cuts = " | ".join(cut_cells(row["cheapest"]))
    seconds = f"{row.get('fit_seconds', 0):.0f} + {row['block_seconds']:.0f} s"
    share = f"{100 * row['examined_share']:.2f} %" if "examined_share" in row else "all"
    unseen = " | ".join(cut_cells(row.get("unseen_cheapest", {})))
    triplets = row.get("triplets", {}).items()
    return (
        f"{row['set']:16} {row['method']:24} {seconds:>12}  examined {share:>8}  |C| {row['pairs']:>9,}  "
        f"PC {100 * row['pair_completeness']:.2f}  PQ {100 * row['pair_quality']:.2f}  "
        f"F1 {100 * row['f1']:.1f}  at .89/.95/.97/.99: {cuts}"
        + (f"\n{'':43} unseen gold only: {unseen}" if "unseen_cheapest" in row else "")
        + "".join(f"\n{'':20} {count:>7,} triplets: {rule}" for rule, count in triplets)
    )


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """Return the page for docs/."""
    lines = [
        "# Blocking quality",
        "",
        written_by("bench-quality"),
        "",
        "The cells give the fewest candidate pairs that reach a completeness of the full gold, and F1 of",
        "pair completeness and pair quality there, in percent. *examined*: the share of the cross product",
        "whose similarity was computed. *fit*, *block*: seconds. The rules are those in `benchmarks/rules`;",
        "all else is by default, the same for every set. *tf-idf top-k* is a reference: a fixed number of",
        "candidates for each record. One seed. Defaults such as the ranking's constants were chosen with",
        "these sets in view (decisions.md), never on the labels of one.",
    ]
    for name in dict.fromkeys(row["set"] for row in rows):
        lines += ["", f"## {name}", "", "| method | .89 | .95 | .97 | .99 | examined | fit | block |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for row in (row for row in rows if row["set"] == name):
            lines.append(_markdown_row(row["method"], row, row["cheapest"]))
            if "unseen_cheapest" in row:
                lines.append(
                    _markdown_row("- of the gold not in the train split", row, row["unseen_cheapest"])
                )
        lines += ["", *_triplet_lines([row for row in rows if row["set"] == name])]
    return "\n".join(lines) + "\n"


def _markdown_row(method: str, row: dict[str, Any], cuts: dict[str, Any]) -> str:
    share = f"{100 * row['examined_share']:.2f} %" if "examined_share" in row else "all"
    fit_seconds = f"{row['fit_seconds']:.0f}" if "fit_seconds" in row else "-"
    cells = [method, *cut_cells(cuts), share, fit_seconds, f"{row['block_seconds']:.0f}"]
    return f"| {' | '.join(cells)} |"


def _triplet_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    trained = next((row for row in rows if row["method"] == "neural, rules"), None)
    if trained:
        yield f"Triplets by rule ({trained['steps']} steps of training):"
        yield ""
        yield from (f"- {count:,}: `{rule}`" for rule, count in trained["triplets"].items())


if __name__ == "__main__":
    main()
