"""Encoding and students: `make bench-encoding`.

First how many records a second become vectors, by SentenceTransformer in float32, by erblock's encoder and
by a student, one after the other on the same texts; the best of three turns. Then what that does to
candidates: completeness at the numbers of pairs at which the teacher, trained by the rules in
`benchmarks/rules`, reaches its own. Models are taken from `make bench-quality` where it has made them.
Adds to the JSON file of earlier runs and writes all of it as Markdown.

usage: encoding.py [SET ...] [--only speed|candidates] [--models runs/quality] [--out runs/encoding]
                   [--markdown docs/encoding.md]
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from common import PAIRS_PER_RECORD, ROOT, TARGETS, DataSet, data_sets, fit_model, smaller_table, written_by

from erblock.evaluation.compare import EvaluateOptions, evaluate_files
from erblock.hashing.encoder import EncoderOptions, load_encoder
from erblock.hashing.store import Extras, Model, load_model, save_model
from erblock.hashing.student import StaticEmbeddings, StudentHasher
from erblock.pipeline.block import block
from erblock.pipeline.distill import distill
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.tables.text import plain_texts

SPEED_SETS = ("abt-buy", "dblp-acm", "febrl3")
CANDIDATE_SETS = ("abt-buy", "dblp-acm", "dblp-scholar")
TEXTS = 2_000
STUDENT_TEXTS = 60_000
TURNS = 3
FEW = 10_000

Row = dict[str, Any]
Floats = npt.NDArray[np.float32]


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "encoding.json"
    rows: list[Row] = json.loads(path.read_text()) if path.is_file() else []
    for part, sets, measure in (("speed", SPEED_SETS, speed), ("candidates", CANDIDATE_SETS, candidates)):
        chosen = [name for name in sets if not options.sets or name in options.sets]
        for data in data_sets(chosen if options.only in (None, part) else []):
            row = {"part": part, "set": data.name, **measure(data, options)}
            print(json.dumps(row), flush=True)
            rows = [old for old in rows if (old["part"], old["set"]) != (part, data.name)] + [row]
            path.write_text(json.dumps(rows, indent=1))
    if options.markdown:
        options.markdown.write_text("\n".join(as_markdown(rows)) + "\n")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Records a second, and candidates of a student.")
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--only", choices=("speed", "candidates"))
    parser.add_argument("--models", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "encoding")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def teacher_of(data: DataSet, models: Path) -> Path:
    """Return the model that rules trained; it is fitted if it is not there."""
    folder = models / data.name / "neural-rules.model"
    if not folder.is_dir():
        fit_model(data, folder, {})
    return folder


def student_of(data: DataSet, teacher: Path, out: Path, texts: int) -> Path:
    """Return a student taught on so many records."""
    folder = out / f"{data.name}-{texts}.model"
    section = {"output": str(folder), "texts": texts}
    distill(data.config(Path("pairs.parquet"), distill=section, block={"model": str(teacher)}), force=True)
    return folder


def speed(data: DataSet, options: argparse.Namespace) -> Row:
    """Return records a second of each way to vectors, and how near bfloat16 is to float32."""
    every = texts_of(open_tables(data.config(Path("pairs.parquet")))).sides
    distinct = pl.concat(every).drop_nulls().unique().sort()
    texts = distinct.sample(min(TEXTS, len(distinct)), seed=0)
    teacher = teacher_of(data, options.models)
    student = load_model(student_of(data, teacher, options.out, TEXTS)).hasher
    encoder = load_encoder(EncoderOptions(str(teacher / "encoder")))
    lines = plain_texts(texts).to_list()
    many = pl.concat([texts] * (STUDENT_TEXTS // len(texts)))
    ways: dict[str, Callable[[], Any]] = {
        "float32": lambda: plain(encoder.model, lines),
        "encoder": lambda: encoder.encode(lines),
        "student": lambda: student.hybrid(many),  # type: ignore[attr-defined]
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Any] = {}
    for _ in range(TURNS):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way()
            seconds[name].append(time.perf_counter() - started)
    sizes = {"float32": len(texts), "encoder": len(texts), "student": len(many)}
    cosines = (found["float32"] * found["encoder"]).sum(axis=1)
    limit = encoder.options.max_tokens
    tokens = encoder.model.tokenizer(lines, truncation=True, max_length=limit)["input_ids"]
    return {
        "tokens": float(np.mean([len(ids) for ids in tokens])),
        "a_second": {name: sizes[name] / min(times) for name, times in seconds.items()},
        "cosine": {"mean": float(cosines.mean()), "least": float(cosines.min())},
    }


def plain(model: Any, texts: Sequence[str]) -> Floats:
    """Return the vectors as sentence-transformers makes them."""
    return np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False))


def candidates(data: DataSet, options: argparse.Namespace) -> Row:
    """Return completeness at the teacher's numbers of pairs, for each way to vectors."""
    teacher = teacher_of(data, options.models)
    records = len(pl.concat(texts_of(open_tables(data.config(Path("p.parquet")))).sides).unique())
    ways = {
        "teacher": teacher,
        "student": student_of(data, teacher, options.out, 20_000),
        "student of half the records": student_of(data, teacher, options.out, min(records // 2, 10_000)),
        "n-grams alone": without_vectors(teacher, options.out / f"{data.name}-none.model"),
    }
    out = options.out / f"{data.name}.parquet"
    curves = {name: curve(data, {"model": str(model)}, out) for name, model in ways.items()}
    if records < FEW:
        exact = {"model": str(teacher), "precision": "float32"}
        curves["teacher in float32"] = curve(data, exact, out)
    own = curves["teacher"]
    cuts = {str(target): cut.pairs for target in TARGETS if (cut := own.cheapest(target))}
    completeness = {
        name: {target: found.cut(pairs).pair_completeness for target, pairs in cuts.items()}
        for name, found in curves.items()
    }
    return {"pairs": cuts, "completeness": completeness}


def without_vectors(teacher: Path, folder: Path) -> Path:
    """Return a model whose vectors are all alike: what remains is the n-grams, the bands and the evidence."""
    model = load_model(teacher)
    hasher: Any = model.hasher
    width = hasher.encoder.width
    none = np.zeros(0, np.int32), np.zeros((0, width), np.int8), np.zeros(0, np.float32)
    nothing = StaticEmbeddings(*none, np.ones(width, np.float32))
    evidence = {"evidence.json": (teacher / "evidence.json").read_text(encoding="utf-8")}
    hasher = StudentHasher(nothing, hasher.weights, hasher.cells, hasher.plan)
    save_model(Model(hasher, model.provenance), folder, Extras(texts=evidence), overwrite=True)
    return folder


def curve(data: DataSet, section: Mapping[str, Any], out: Path) -> Any:
    """Return what evaluation finds of the candidates of a model."""
    config = data.config(out, block={**section, "max_pairs": PAIRS_PER_RECORD * smaller_table(data)})
    block(config)
    [report] = evaluate_files(EvaluateOptions([out], data.folder / "gold.csv", config.tables, None, TARGETS))
    return report.found


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page for docs/."""
    yield from ("# Encoding, and students", "", written_by("bench-encoding"), "")
    yield from speed_lines([row for row in rows if row["part"] == "speed"])
    yield from candidate_lines([row for row in rows if row["part"] == "candidates"])


def speed_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the table of records a second."""
    yield from (
        "## Records a second",
        "",
        f"Of {TEXTS:,} different records at most, the best of {TURNS} turns. *SentenceTransformer*: its",
        "`encode` in float32. *encoder*: erblock's own, from texts to vectors, and *times* as many as that.",
        "*student*: both channels, from texts to vectors and TF-IDF rows, and *times* as many as the",
        "encoder. *cosine*: of the encoder's vectors with those in float32, mean and least.",
        "",
        "| set | tokens | SentenceTransformer | encoder | times | cosine | student | times |",
        "|---|---|---|---|---|---|---|---|",
    )
    for row in rows:
        plain, encoder, student = (row["a_second"][name] for name in ("float32", "encoder", "student"))
        cosine = f"{row['cosine']['mean']:.5f}, {row['cosine']['least']:.5f}"
        cells = [row["set"], f"{row['tokens']:.0f}", f"{plain:,.0f}", f"{encoder:,.0f}"]
        cells += [f"{encoder / plain:.1f}", cosine, f"{student:,.0f}", f"{student / encoder:.0f}"]
        yield f"| {' | '.join(cells)} |"
    yield ""


def candidate_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a table of completeness for each set."""
    yield from (
        "## Candidates",
        "",
        "Completeness in percent at the numbers of pairs at which the teacher first reaches .89, .95, .97",
        "and .99. The student learns from 20,000 records at most, or from half of them, 10,000 at most.",
        "*n-grams alone* has no vectors: the other half of the similarity, the evidence of columns and the",
        "teacher's cells remain.",
    )
    for row in rows:
        pairs: Mapping[str, int] = row["pairs"]
        yield from ("", f"### {row['set']}", "")
        yield f"| | {' | '.join(f'{count:,} pairs' for count in pairs.values())} |"
        yield "|---" * (len(pairs) + 1) + "|"
        for name, found in row["completeness"].items():
            yield f"| {name} | {' | '.join(f'{100 * value:.1f}' for value in found.values())} |"


if __name__ == "__main__":
    main()
