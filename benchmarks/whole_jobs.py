"""From tables to matches by erblock and by other libraries: `make bench-peers`.

A job is what a user would write (`jobs/SET-LIBRARY.py` or `.sh`). It runs in a process and in a folder of its
own that holds the tables, with the Python of its library's environment, and leaves candidates and matches
there. Prints a line for each; writes JSON, which `other_libraries.py` puts on its page.

usage: whole_jobs.py [SET ...] [--libraries NAME ...] [--out runs/libraries]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common import ROOT, DataSet, data_sets, figures, python_of, written_by

from erblock.evaluation.compare import EvaluateOptions, evaluate_files

SETS = ("made-hotels", "made-contacts")
JOBS = Path(__file__).parent / "jobs"
SECONDS = 300
"""A job is given so long of a processor."""

PACKAGES: Mapping[str, str] = {
    "erblock": "erblock",
    "erblock, rules": "erblock",
    "Splink": "splink",
    "GoldenMatch": "goldenmatch",
    "dedupe": "dedupe",
    "BlockingPy": "blockingpy",
}

COLUMNS = (
    "",
    "lines",
    "seconds",
    "processor",
    "MB",
    "candidates",
    "completeness %",
    "precision %",
    "recall %",
    "F1 %",
)

HOW = """\
From tables to matches. Each job is what a user would write, after the library's own examples
(`benchmarks/jobs`), and runs in a process of its own. *Lines*: of the job and of its rules, neither empty
nor comments. *Seconds* are of the whole job, with the start of Python; *processor*, those of all cores
together, is what to compare where a machine is busy. *MB*: of the largest process. *Completeness*: the share
of the known matches among the candidates. Precision, recall and F1: of the matches, over all known ones,
missed by blocking or not; of one table, of the pairs within its clusters.

*erblock* has no settings; with rules, it fits a MinHash. *Splink*: columns cleaned, blocking rules and
comparisons by hand, trained by EM; a match from probability 0.5, and clusters of pairs from 0.95, as in its
quickstart. *GoldenMatch* is not configured, searches for settings for a limited time, and gives no
candidates. *dedupe*: columns cleaned by hand; it asks about 100 pairs, which the known matches answer without
an error. *BlockingPy* has no matcher.
""".splitlines()

Row = dict[str, Any]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="From tables to matches, by erblock and other libraries.")
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"default: {', '.join(SETS)}")
    parser.add_argument("--libraries", nargs="*", choices=PACKAGES, metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "libraries")
    options = parser.parse_args()
    known = read(options.out)
    for data in data_sets(options.sets or SETS):
        for name in options.libraries or PACKAGES:
            row = done(name, data, options.out)
            print(f"| {data.name} {' | '.join(cells(row))} |", flush=True)
            known[f"{data.name}/{name}"] = row
            path_in(options.out).write_text(json.dumps(known, indent=1))


def path_in(out: Path) -> Path:
    """Return where figures are kept."""
    return out / "jobs.json"


def read(out: Path) -> dict[str, Row]:
    """Return the figures measured before."""
    path = path_in(out)
    return json.loads(path.read_text()) if path.is_file() else {}


def done(name: str, data: DataSet, out: Path) -> Row:
    """Do one job; return its figures, or why there are none."""
    [job, *rules] = written(name, data.name)
    folder = (out / data.name / job.stem).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*data.tables, data.folder / "gold.csv"):
        (folder / path.name).symlink_to(path.resolve())
    for path in rules:
        shutil.copy(path, folder / "erblock.toml")
    python = python_of(PACKAGES[name])
    row = asked(name, data.name) | {"version": version(python, PACKAGES[name])}
    row |= watched("sh" if job.suffix == ".sh" else python, job, folder)
    return row if row["failed"] else row | measured(data, folder)


def written(name: str, data: str) -> list[Path]:
    """Return what a user writes for a job: the job, and rules if it has some."""
    [job] = JOBS.glob(f"{data}-{name.lower().replace(', ', '-')}.*")
    return [job, *([ROOT / "benchmarks" / "rules" / f"{data}.toml"] if "rules" in name else [])]


def asked(name: str, data: str) -> Row:
    """Return what is known of a job before it is done."""
    lines = sum(map(lines_of, written(name, data)))
    return {"set": data, "name": name, "version": "", "lines": lines, "failed": "not measured"}


def lines_of(path: Path) -> int:
    """Return how many lines are written for a job."""
    text = path.read_text(encoding="utf-8").split("# For the measurement alone")[0]
    return sum(bool(line.strip()) and not line.strip().startswith(("#", '"""')) for line in text.splitlines())


def version(python: str, package: str) -> str:
    """Return the version of a library; nothing if it is not there."""
    command = [python, "-c", f"from importlib.metadata import version; print(version({package!r}))"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    return told.stdout.strip()


def watched(program: str, job: Path, folder: Path) -> Row:
    """Run a job and measure what it leaves."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, str(Path(__file__).parent / "watch.py"), str(SECONDS), program, str(job)]
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        ran = subprocess.run(
            command, check=True, cwd=folder, env={**os.environ, "PATH": path}, stdout=-1, stderr=log
        )
    told = json.loads(ran.stdout)
    if not told["code"]:
        return told | {"failed": ""}
    late = told["processor_seconds"] >= SECONDS
    last = (folder / "log.txt").read_text(encoding="utf-8").strip().splitlines()[-1:]
    return {"failed": f"not done in {SECONDS} s of a processor" if late else " ".join(last)}


def measured(data: DataSet, folder: Path) -> Row:
    """Return pairs and completeness of the candidates that a job left; how good its matches are."""
    row: Row = {}
    for path in folder.glob("candidates.*"):
        found = figures(data, path, "")
        row |= {"pairs": found["pairs"], "completeness": found["pair_completeness"]}
    for path in folder.glob("matches.*"):
        options = EvaluateOptions([path], data.folder / "gold.csv", data.config(path).tables)
        [report] = evaluate_files(options)
        quality = report.found.matches
        row |= {"precision": quality.precision, "recall": quality.recall, "f1": quality.f1}
    return row


def as_markdown(out: Path) -> Iterator[str]:
    """Yield the lines of a section of the page, about what was measured into `out`."""
    known = read(out)
    yield from ("## End to end", "", written_by("bench-peers"), "", *HOW)
    for data in SETS:
        yield from ("", f"### {data}", "")
        yield f"| {' | '.join(COLUMNS)} |"
        yield f"{len(COLUMNS) * '|---'}|"
        rows = (known.get(f"{data}/{name}", asked(name, data)) for name in PACKAGES)
        yield from (f"| {' | '.join(cells(row))} |" for row in rows)


def cells(row: Row) -> list[str]:
    """Return the cells of one row."""
    name = f"{row['name']} {row['version']}".strip()
    if row["failed"]:
        return [name, str(row["lines"]), row["failed"], *([""] * (len(COLUMNS) - 3))]
    shares = [
        f"{100 * row[key]:.1f}" if key in row else "-"
        for key in ("completeness", "precision", "recall", "f1")
    ]
    return [
        name,
        str(row["lines"]),
        f"{row['seconds']:.0f}",
        f"{row['processor_seconds']:.0f}",
        f"{row['peak'] / 1e6:.0f}",
        f"{row['pairs']:,}" if "pairs" in row else "-",
        *shares,
    ]


if __name__ == "__main__":
    main()
