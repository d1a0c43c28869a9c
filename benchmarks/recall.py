"""The estimated recall beside the true one: `make bench-recall`, after `make bench-quality`.

For every data set and hash, the cuts that --target-recall makes at 0.9, 0.95, 0.97 and 0.99, and how much of
the matches examined each truly keeps.

usage: recall.py [SET ...] [--models runs/quality] [--markdown docs/recall.md]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from common import ROOT, SETS, DataSet, data_sets, written_by

from erblock.blocking.budget import Budget, cut
from erblock.blocking.score import ScoredPairs
from erblock.pipeline.engine import open_engine
from erblock.pipeline.ranked import rank
from erblock.tables.pairs import read_pairs
from erblock.tables.schemas import GOLD

TARGETS = (0.9, 0.95, 0.97, 0.99)
HASHES = ("minhash", "minhash-rules", "neural-untrained", "neural-rules")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The estimated recall beside the true one.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; default all")
    parser.add_argument("--models", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    rows = []
    for data in data_sets(options.sets or SETS):
        for name in HASHES:
            model = options.models / data.name / f"{name}.model"
            if name == "minhash" or model.is_dir():
                for row in measured(data, None if name == "minhash" else model, name):
                    print(as_line(row), flush=True)
                    rows.append(row)
    print(summary(rows))
    if options.markdown:
        options.markdown.write_text(as_markdown(rows))


def measured(data: DataSet, model: Path | None, name: str) -> Iterator[dict[str, Any]]:
    """Yield one row for each target."""
    section = {"method": "minhash"} if model is None else {"model": str(model)}
    config = data.config(Path("pairs.parquet"), block=section)
    with open_engine(config) as engine:
        found = engine.candidates(lambda *_: None)
        ranked = rank(config, found)
    true = true_matches(data, found, ranked.pairs)
    for target in TARGETS:
        kept = cut(ranked.pairs, Budget(target_recall=target), ranked.expected)
        recall = float(true[kept.kept].sum() / max(true.sum(), 1))
        estimate = kept.recall
        yield {
            "set": data.name,
            "hash": name,
            "target": target,
            "pairs": len(kept.kept),
            "true": recall,
            "estimate": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "holds": estimate.low <= recall <= estimate.high,
        }


def true_matches(data: DataSet, found: Any, pairs: ScoredPairs) -> np.ndarray:
    """Return which of the pairs are matches by the gold of the data set."""
    gold = read_pairs(data.folder / "gold.csv", GOLD, found.left_ids, found.right_ids)
    rows = {}
    for side, ids in (("left_id", found.left_ids), ("right_id", found.right_ids)):
        numbered = pl.DataFrame({side: ids}).with_row_index("row")
        joined = gold.join(numbered, on=side, how="left", maintain_order="left")
        rows[side] = joined["row"].to_numpy().astype(np.int64)
    left, right = rows["left_id"], rows["right_id"]
    if data.one_table:
        left, right = np.minimum(left, right), np.maximum(left, right)
    wide = len(found.right_ids)
    return np.isin(pairs.left * wide + pairs.right, left * wide + right)


def as_line(row: dict[str, Any]) -> str:
    """Return one row for the terminal."""
    return (
        f"{row['set']:16} {row['hash']:18} target {row['target']:.2f}  |C| {row['pairs']:>9,}  "
        f"true {100 * row['true']:.1f}  estimated {100 * row['estimate']:.1f} "
        f"({100 * row['low']:.1f} to {100 * row['high']:.1f}) {'' if row['holds'] else 'MISSED'}"
    )


def summary(rows: list[dict[str, Any]]) -> str:
    """Return how often the interval holds the truth, and how wide it is."""
    holds = sum(row["holds"] for row in rows)
    width = max(100 * (row["high"] - row["low"]) for row in rows)
    return f"{holds} of {len(rows)} intervals hold the true recall; the widest has {width:.1f} points"


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """Return the page for docs/."""
    lines = ["# Estimated recall", "", written_by("bench-recall"), ""]
    lines += [
        "What `--target-recall` keeps, how much of the matches examined that truly is, and the estimate with",
        f"its interval, in percent. {summary(rows)}.",
        "",
        "| set | hash | target | candidate pairs | true | estimated | interval | holds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
        lines.append(
            f"| {row['set']} | {row['hash']} | {100 * row['target']:.0f} | {row['pairs']:,} "
            f"| {100 * row['true']:.1f} | {100 * row['estimate']:.1f} | {interval} "
            f"| {'yes' if row['holds'] else 'no'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
