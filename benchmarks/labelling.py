"""What answers teach: F1 after so many questions of `erblock match --label`, beside as many random labels.

The gold plays a person who is never wrong. MinHash candidates, no rules, all else by default. F1 is over the
full gold, so that matches count that are no candidates.

usage: labelling.py [SET ...] [--answers 0 20 50 100 200] [--seeds 1] [--markdown docs/labelling.md]
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
from common import DataSet, data_sets, written_by

from erblock.config import Config
from erblock.evaluation.matches import Truth, evaluate_matches
from erblock.pipeline.block import block
from erblock.pipeline.inputs import open_tables
from erblock.pipeline.label import LabelSession, labelled
from erblock.pipeline.match import match
from erblock.tables.pairs import read_pairs
from erblock.tables.schemas import GOLD, ID

_COLUMNS = ["left_id", "right_id"]

Judge = Callable[[object, object], int]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What answers teach, beside random labels.")
    parser.add_argument("sets", nargs="*", default=["abt-buy", "dblp-scholar"], metavar="SET")
    parser.add_argument("--answers", nargs="+", type=int, default=[0, 20, 50, 100, 200])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    lines = [
        f"| set | labels | {' | '.join(map(str, options.answers))} |",
        "|---" * (2 + len(options.answers)) + "|",
    ]
    for data in data_sets(options.sets):
        for name, rows in measured(data, options.answers, options.seeds).items():
            means = [f"{100 * statistics.mean(column):.1f}" for column in zip(*rows, strict=True)]
            lines.append(f"| {data.name} | {name} | {' | '.join(means)} |")
            print(lines[-1], [[round(100 * value, 2) for value in row] for row in rows], flush=True)
    print("\n".join(lines))
    if options.markdown:
        options.markdown.write_text(page(lines, options.seeds), encoding="utf-8")


def page(table: Sequence[str], seeds: int) -> str:
    """Return the page that holds the table."""
    head = ["# What answers teach", "", written_by("bench-labelling"), ""]
    text = [
        "F1 of `erblock match` over the full gold, in percent, after so many labels; mean over "
        f"seeds: {seeds}. MinHash candidates, no rules, all else by default.",
        "**asked** are the pairs that `--label` asks about, **random** as many random candidates.",
        "",
    ]
    return "\n".join([*head, *text, *table]) + "\n"


def measured(data: DataSet, answers: Sequence[int], seeds: int) -> dict[str, list[list[float]]]:
    """Return F1 for each way to choose, seed, and number of labels."""
    with tempfile.TemporaryDirectory() as folder:
        base = blocked(data, Path(folder))
        truth = truth_of(data, base)
        known = set(truth.gold.rows()) | (
            set(truth.gold.select(*_COLUMNS[::-1]).rows()) if truth.one_table else set()
        )

        def judge(left: object, right: object) -> int:
            return int((left, right) in known)

        ways = {"asked": asked, "random": drawn}
        return {
            name: [[f1(config, truth) for config in way(base, judge, answers, seed)] for seed in range(seeds)]
            for name, way in ways.items()
        }


def blocked(data: DataSet, folder: Path) -> Config:
    """Block with MinHash; return the settings to match with."""
    pairs = folder / "pairs.parquet"
    match_options = {
        "pairs": str(pairs),
        "output": str(folder / "m.parquet"),
        "labels": str(folder / "labels.csv"),
    }
    config = data.config(pairs, match=match_options, rules={"match": [], "conflict": []})
    block(config)
    return config


def truth_of(data: DataSet, config: Config) -> Truth:
    """Return the known matches."""
    tables = open_tables(config)
    left, right = tables.left.frame[ID], tables.other.frame[ID]
    gold = read_pairs(data.folder / "gold.csv", GOLD, left, right)
    return Truth(left, None if tables.dedup else right, gold)


def seeded(config: Config, **options: object) -> Config:
    """Return the settings with other options of [match]."""
    return config.model_copy(update={"match": config.match.model_copy(update=options)})


def asked(config: Config, judge: Judge, answers: Sequence[int], seed: int) -> Iterator[Config]:
    """Answer the questions of one session; stop at each number of answers."""
    Path(str(config.match.labels)).unlink(missing_ok=True)
    session = LabelSession(seeded(config, seed=1000 * seed))
    for number in range(max(answers) + 1):
        if number in answers:
            yield labelled(config, session.summary)
        if session.due:
            session.learn()
        question = session.question()
        if question is None:
            return
        session.answer(judge(question.left_id, question.right_id))


def drawn(config: Config, judge: Judge, answers: Sequence[int], seed: int) -> Iterator[Config]:
    """Label so many random candidates."""
    pairs = pl.read_parquet(config.match.pairs).select(_COLUMNS).sample(max(answers), seed=seed, shuffle=True)
    labels = pairs.with_columns(label=pl.Series([judge(*row) for row in pairs.rows()]))
    for number in answers:
        labels.head(number).write_csv(str(config.match.labels))
        yield config if number else seeded(config, labels=None)


def f1(config: Config, truth: Truth) -> float:
    """Match and return F1 over all known matches."""
    return evaluate_matches(pl.read_parquet(match(config).output), truth).matches.f1


if __name__ == "__main__":
    main()
