"""Matching end to end: `make bench-match`, after `make bench-quality`, whose candidate pairs it reads.

For every data set: the best candidates of the trained hash (or with --hash, another), 20 for each record of
the smaller table, matched without labels and with 50 and 500 labels drawn from the train split, five draws
each; F1 over the whole gold, and over the test split where there is one. No test label is seen.

usage: matching.py [SET ...] [--hash neural-rules] [--runs runs/quality] [--markdown docs/matching.md]
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from common import PAIRS_PER_RECORD, ROOT, DataSet, data_sets, smaller_table, written_by

from erblock.evaluation.compare import EvaluateOptions, evaluate_files
from erblock.evaluation.figures import as_record
from erblock.pipeline.match import match

LABELS = (0, 50, 500)
DRAWS = 5
COLUMNS = ("set", "labels", "F1", "worst", "precision", "recall", "test", "B-cubed", "expected", "error")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Matching end to end.")
    parser.add_argument("sets", nargs="*", metavar="SET", help="default: all that have candidates")
    parser.add_argument("--hash", default="neural-rules", help="the candidates of bench-quality to match")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    rows = []
    for data in data_sets(options.sets):
        pairs = options.runs / data.name / f"{options.hash}.parquet"
        if pairs.is_file():
            for row in measured(data, pairs):
                print(as_line(row), flush=True)
                rows.append(row)
    if options.markdown:
        options.markdown.write_text(as_markdown(rows, options.hash))


def measured(data: DataSet, pairs: Path) -> Iterator[dict[str, Any]]:
    """Yield one row for each number of labels."""
    train = data.folder / "train.csv"
    with TemporaryDirectory() as folder:
        best = Path(folder) / "pairs.parquet"
        pl.read_parquet(pairs).head(PAIRS_PER_RECORD * smaller_table(data)).write_parquet(best)
        for count in LABELS if train.is_file() else (0,):
            draws = [matched(data, best, Path(folder), count, seed) for seed in range(DRAWS if count else 1)]
            worst = min(draw["f1"] for draw in draws)
            means = {key: mean(draw[key] for draw in draws) for key in draws[0] if draws[0][key] is not None}
            yield {"set": data.name, "labels": count, "worst": worst, **means}


def matched(data: DataSet, pairs: Path, folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Match once; return the figures."""
    section = {
        "pairs": str(pairs),
        "output": str(folder / "matches.parquet"),
        "all": True,  # how well probabilities are calibrated is a question of all candidates
        "clusters": str(folder / "clusters.parquet"),
    }
    if count:
        drawn = pl.read_csv(data.folder / "train.csv", infer_schema=False).sample(count, seed=seed)
        drawn.write_csv(folder / "labels.csv")
        section["labels"] = str(folder / "labels.csv")
    config = data.config(Path("pairs.parquet"), match=section)
    started = time.monotonic()
    report = match(config)
    seconds = time.monotonic() - started
    test = data.folder / "test.csv"
    options = EvaluateOptions(
        [Path(section["output"]), Path(section["clusters"])],
        data.folder / "gold.csv",
        config.tables,
        labels=test if test.is_file() else None,
    )
    found, entities = (as_record(one, ()) for one in evaluate_files(options))
    best = entities if report.assign == "clusters" else found
    return {
        "pairs": report.pairs,
        "seconds": seconds,
        "f1": best["f1"],
        "precision": best["precision"],
        "recall": best["recall"],
        "expected_error": report.expected_precision - found["precision"],
        "test_f1": found["labelled"]["f1"] if found.get("labelled") else None,
        "b_cubed_f1": entities["b_cubed"]["f1"],
        "calibration_error": found["calibration"]["error_equal_mass"],
    }


def as_line(row: dict[str, Any]) -> str:
    """Return one row for the terminal."""
    test = f"  test split {100 * row['test_f1']:.1f}" if "test_f1" in row else ""
    return (
        f"{row['set']:16} {row['labels']:>4} labels  F1 {100 * row['f1']:.1f} "
        f"(worst {100 * row['worst']:.1f})  "
        f"precision {100 * row['precision']:.1f}  recall {100 * row['recall']:.1f}{test}  "
        f"B-cubed {100 * row['b_cubed_f1']:.1f}  expected {100 * row['expected_error']:+.1f}  "
        f"calibration error {row['calibration_error']:.3f}  "
        f"{row['pairs']:,.0f} pairs in {row['seconds']:.0f} s"
    )


def as_markdown(rows: list[dict[str, Any]], name: str) -> str:
    """Return the page for docs/."""
    lines = [
        "# Matching quality",
        "",
        written_by("bench-match"),
        "",
        f"`erblock match` on the candidates of `{name}` of `make bench-quality` (20 a record of the smaller",
        "table), all by default. F1, precision and recall over the whole gold, in percent: a match that",
        "blocking missed counts as missed. Labels are drawn from the train split, mean of five draws;",
        "*worst* of them. *test*: F1 over the labelled pairs of the test split alone, as papers on matching",
        "report it; no test label is seen. *B-cubed*: F1 of the entities. In one table, pairs are those",
        "within entities. *expected*: the share of true ones that `erblock match` expects of the matches,",
        "less the true share, in points. *error*: expected calibration error over ten bins of equal",
        "size, all candidates; most of them are plainly no match, which flatters it.",
        "",
        f"| {' | '.join(COLUMNS)} | pairs | seconds |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for row in rows:
        shares = (
            row["f1"],
            row["worst"],
            row["precision"],
            row["recall"],
            row.get("test_f1"),
            row["b_cubed_f1"],
        )
        cells = ["-" if share is None else f"{100 * share:.1f}" for share in shares]
        lines.append(
            f"| {row['set']} | {row['labels']} | {' | '.join(cells)} | {100 * row['expected_error']:+.1f} "
            f"| {row['calibration_error']:.3f} | {row['pairs']:,.0f} | {row['seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
