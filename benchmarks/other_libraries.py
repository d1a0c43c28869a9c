"""Candidates of other libraries beside erblock's on the same public tables: `make bench-peers`.

Every library runs in a process of its own (`other_library.py`), with the Python of its own environment where
its requirements and erblock's cannot be met together; `make bench-peers` makes these. All read the same
texts. Prints a line for each; writes JSON and a page.

usage: other_libraries.py [SET ...] [--libraries NAME ...] [--out runs/libraries] [--markdown docs/peers.md]
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import whole_jobs
from common import (
    NO_RULES,
    ROOT,
    TARGETS,
    DataSet,
    cut_cells,
    data_sets,
    figures,
    fit_model,
    python_of,
    written_by,
)
from other_library import LIBRARIES

from erblock.evaluation.compare import EvaluateOptions, evaluate_files
from erblock.hashing.encoder import MINILM, EncoderOptions, load_encoder
from erblock.pipeline.inputs import open_tables, texts_of
from erblock.tables.schemas import ID

SETS = ("abt-buy", "dblp-acm", "febrl3")
SECONDS = 120
"""A library is given so long for one set."""

HOW = """\
All read the same records, in lower case: those that take one text, the compared columns joined by spaces;
those that take columns, the columns. Each runs in a process of its own, as its README shows
(`benchmarks/other_library.py` says how); seconds and peak memory are those from texts to pairs, without the
start of Python. For erblock they are of the whole command, with its start, and fitting is in the seconds
where it fits. It has no rules and no labels here.

*erblock needs*: the fewest pairs by which one of the rows of erblock has the same completeness. The last
columns: the fewest pairs, and F1 there in percent, for a completeness, where pairs are ranked; the fewest
are bold. *FAISS* searches the ten nearest by the vectors of all-MiniLM-L6-v2, whose encoding is in its
seconds. *Splink* joins on the equality of each column that has many values, as its quickstart does; it is
made for columns of people, and says itself that it is not for bags of words. *GoldenMatch* gives matches,
not candidates: it stops at pairs that it believes in.
""".splitlines()
# What erblock fits before, if anything.
OURS: Mapping[str, Mapping[str, Any] | None] = {
    "erblock, MinHash": None,
    "erblock, MinHash fitted": {"method": "minhash"},
    "erblock, neural untrained": {"max_steps": 0},
}
ORDER = (*OURS, *LIBRARIES)

Row = dict[str, Any]


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    path = options.out / "libraries.json"
    options.out.mkdir(parents=True, exist_ok=True)
    known: dict[str, Row] = json.loads(path.read_text()) if path.is_file() else {}
    for data in data_sets(options.sets or SETS):
        folder = prepared(data, options.out)
        for name in options.libraries or ORDER:
            row = ours(name, data, folder) if name in OURS else other(name, data, folder)
            print(as_line(row), flush=True)
            known[f"{data.name}/{name}"] = row
        for row in known.values():
            if row["set"] == data.name and "failed" not in row:
                row["needed"] = needed(row, data, folder)
        path.write_text(json.dumps(known, indent=1))
    if options.markdown:
        page = (*as_markdown(list(known.values())), "", *whole_jobs.as_markdown(options.out))
        options.markdown.write_text("\n".join(page) + "\n")


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description="Candidates of other libraries beside erblock's.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {', '.join(SETS)}")
    parser.add_argument("--libraries", nargs="*", choices=ORDER, metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "libraries")
    parser.add_argument("--markdown", type=Path)
    return parser.parse_args()


def prepared(data: DataSet, out: Path) -> Path:
    """Write the tables as every library reads them, and the vectors for FAISS; return the folder."""
    folder = out / data.name
    folder.mkdir(parents=True, exist_ok=True)
    tables = open_tables(data.config(folder / "pairs.parquet"))
    texts = texts_of(tables)
    names = ("left",) if tables.dedup else ("left", "right")
    for name, records, text in zip(
        names, (tables.left, tables.other), (texts.left, texts.right), strict=False
    ):
        columns = [getattr(pair, name) for pair in tables.columns]
        plain = records.frame.select(ID, *columns).rename(
            {column: pair.name for column, pair in zip(columns, tables.columns, strict=True)}
        )
        plain.write_csv(folder / f"plain-{name}.csv")
        plain.with_columns(text=text.fill_null("").str.to_lowercase()).write_csv(folder / f"{name}.csv")
    if not (folder / "encoder").is_dir():  # that FAISS searches the vectors of
        load_encoder(EncoderOptions(MINILM)).save(folder / "encoder")
    return folder


def ours(name: str, data: DataSet, folder: Path) -> Row:
    """Return the figures of erblock's own candidates, without rules, labels, or any option but the method."""
    out = folder / f"ours-{name.split(', ')[1].replace(' ', '-')}.parquet"
    section = OURS[name]
    method = ["--method", "minhash"]
    started = time.monotonic()
    if section is not None:
        model = out.with_suffix(".model")
        fit_model(data, model, section, NO_RULES)
        method = ["--model", str(model)]
    tables = [str(path) for path in (folder / "plain-left.csv", folder / "plain-right.csv") if path.is_file()]
    command = [sys.executable, str(Path(__file__).parent / "plan.py"), "--watched", "block", *tables, *method]
    done = subprocess.run([*command, "-o", str(out), "--json"], check=True, stdout=subprocess.PIPE, text=True)
    row = {"seconds": time.monotonic() - started, "peak": int(done.stdout.split()[-1]), "ranked": True}
    return {"set": data.name, "name": name, "version": "", **row, **measured(data, out, name)}


def other(name: str, data: DataSet, folder: Path) -> Row:
    """Return the figures of another library's candidates, or why there are none."""
    row: Row = {"set": data.name, "name": name}
    package, _ = LIBRARIES[name]
    command = [python_of(package), str(Path(__file__).parent / "other_library.py"), name, str(folder)]
    try:
        subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return row | {"failed": f"not done in {SECONDS} s"}
    except subprocess.CalledProcessError as failure:
        return row | {"failed": failure.stderr.strip().splitlines()[-1]}
    told = json.loads((folder / "told.json").read_text())
    return row | told | measured(data, as_pairs(folder, data), name)


def as_pairs(folder: Path, data: DataSet) -> Path:
    """Return the file of a library's pairs, as erblock evaluates it."""
    out = folder / "theirs.parquet"
    types = {"left_id": pl.String, "right_id": pl.String, "score": pl.Float32}
    pl.read_csv(folder / "pairs.csv", schema=types).write_parquet(out)
    return out


def measured(data: DataSet, out: Path, name: str) -> Row:
    """Return pairs, completeness, quality and the cheapest cuts."""
    found = figures(data, out, name)
    kept = ("pairs", "pair_completeness", "pair_quality", "f1", "cheapest")
    return {key: found[key] for key in kept if key in found}


def as_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Beside other libraries", "", written_by("bench-peers"), "", *HOW)
    for data in dict.fromkeys(row["set"] for row in rows):
        of_set = sorted((row for row in rows if row["set"] == data), key=lambda row: ORDER.index(row["name"]))
        heads = " | ".join(f"{100 * target:.0f} %" for target in TARGETS)
        yield from ("", f"## {data}", "")
        yield f"| | pairs | completeness % | quality % | erblock needs | seconds | peak GB | {heads} |"
        yield f"{(7 + len(TARGETS)) * '|---'}|"
        yield from (f"| {' | '.join(cells(row, of_set))} |" for row in of_set)
        yield from ("", *won(of_set))


def cells(row: Row, beside: Sequence[Row]) -> list[str]:
    """Return the cells of one row; the best figures of the set are bold."""
    name = f"{row['name']} {row.get('version', '')}".strip()
    if "failed" in row:
        return [name, row["failed"], *([""] * (5 + len(TARGETS)))]
    cuts = cut_cells(row["cheapest"]) if row["ranked"] else [""] * len(TARGETS)
    best = [fewest(beside, target) == row["name"] for target in map(str, TARGETS)]
    return [
        name,
        f"{row['pairs']:,}",
        f"{100 * row['pair_completeness']:.1f}",
        f"{100 * row['pair_quality']:.2f}",
        "-" if row["needed"] is None else f"{row['needed']:,}",
        f"{row['seconds']:.1f}",
        f"{row['peak'] / 1e9:.2f}",
        *(f"**{cell}**" if is_best else cell for cell, is_best in zip(cuts, best, strict=True)),
    ]


def fewest(rows: Sequence[Row], target: str) -> str | None:
    """Return who reaches a completeness with the fewest pairs, of those that rank them."""
    able = [row for row in rows if row.get("ranked") and target in row["cheapest"]]
    return min(able, key=lambda row: row["cheapest"][target]["pairs"])["name"] if able else None


def won(rows: Sequence[Row]) -> Iterator[str]:
    """Yield in which respects another library is ahead of erblock on this set."""
    done = [row for row in rows if "failed" not in row]
    own = [row for row in done if row["name"] in OURS]
    others = [row for row in done if row["name"] not in OURS]
    told = []
    for key, word in (("seconds", "Quicker"), ("peak", "Smaller in memory")):
        ahead = [row["name"] for row in others if own and row[key] < min(each[key] for each in own)]
        told += [f"{word} than any row of erblock: {', '.join(ahead)}."] if ahead else []
    more = [row["name"] for row in others if row["needed"] is None]
    told += [f"More matches than any row of erblock: {', '.join(more)}."] if more else []
    fewer = [row["name"] for row in others if row["needed"] and row["needed"] > row["pairs"]]
    told += [f"Fewer pairs than erblock needs for as many matches: {', '.join(fewer)}."] if fewer else []
    yield from (f"- {line}" for line in told or ["No other library is ahead in any column."])


def needed(row: Row, data: DataSet, folder: Path) -> int | None:
    """Return the fewest pairs by which erblock, of any kind, has the completeness of a row."""
    files = sorted(folder.glob("ours-*.parquet"))
    target = row["pair_completeness"]
    options = EvaluateOptions(files, data.folder / "gold.csv", data.config(files[0]).tables, None, (target,))
    cuts = [report.found.cheapest(target) for report in evaluate_files(options)]
    return min((cut.pairs for cut in cuts if cut), default=None)


def as_line(row: Row) -> str:
    """Return one row for the terminal."""
    start = f"{row['set']:14} {row['name']:26}"
    if "failed" in row:
        return f"{start} {row['failed']}"
    found = f"completeness {100 * row['pair_completeness']:.1f}  quality {100 * row['pair_quality']:.2f}"
    took = f"{row['seconds']:7.1f} s  {row['peak'] / 1e9:5.2f} GB"
    return f"{start} {row['version']:8} {took}  {row['pairs']:>9,} pairs  {found}"


if __name__ == "__main__":
    main()
