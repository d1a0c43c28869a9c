"""What the benchmarks share: data sets, fitting and blocking them, figures of the pairs, the machine."""

import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from erblock.config import Config, load_config
from erblock.evaluation.compare import EvaluateOptions, evaluate_files
from erblock.pipeline.fit import fit
from erblock.pipeline.inputs import open_tables

ROOT = Path(__file__).resolve().parent.parent
DATASETS = Path(os.environ.get("ERBLOCK_DATASETS", ROOT.parent / "shared" / "datasets"))
ENVIRONMENTS = Path(os.environ.get("ERBLOCK_PEERS", ROOT / "runs" / "peers"))
"""A folder for each library that has requirements of its own, which `make` makes."""

TARGETS = (0.89, 0.95, 0.97, 0.99)
PAIRS_PER_RECORD = 20
NO_RULES: Mapping[str, Any] = {"match": (), "conflict": ()}


@dataclass(frozen=True)
class DataSet:
    """One data set: a folder of left.csv and right.csv, or table.csv, with gold.csv."""

    name: str
    folder: Path

    @property
    def family(self) -> str:
        """What sets of one origin share, so that a choice can be tried on all other origins."""
        return self.name.split("-")[0]

    @property
    def one_table(self) -> bool:
        """Whether it is one table to deduplicate."""
        return (self.folder / "table.csv").is_file()

    @property
    def tables(self) -> list[Path]:
        """The files of its one or two tables."""
        names = ["table.csv"] if self.one_table else ["left.csv", "right.csv"]
        return [self.folder / name for name in names]

    def config(self, out: Path, **sections: Mapping[str, Any]) -> Config:
        """Return the settings: this set's tables and rules, all else by default."""
        tables: dict[str, Any] = dict(zip(("left", "right"), map(str, self.tables), strict=False))
        overrides = {"tables": tables, "block": {"output": str(out)}}
        for name, section in sections.items():
            overrides[name] = {**overrides.get(name, {}), **section}
        return load_config(ROOT / "benchmarks" / "rules" / f"{self.name}.toml", overrides)


def data_sets(names: Sequence[str] = ()) -> list[DataSet]:
    """Return the named sets of ERBLOCK_DATASETS or ../shared/datasets, or all; exit if one is not there."""
    for name in names:
        if not _is_set(DATASETS / name):
            sys.exit(f"no data set {name} in {DATASETS}; set ERBLOCK_DATASETS to the folder that holds it")
    found = names or sorted(folder.name for folder in DATASETS.iterdir() if _is_set(folder))
    return [DataSet(name, DATASETS / name) for name in found]


def _is_set(folder: Path) -> bool:
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return "gold.csv" in held and ("table.csv" in held or {"left.csv", "right.csv"} <= held)


def python_of(package: str) -> str:
    """Return the Python of a library's own environment; this one, if it has none."""
    own = (ENVIRONMENTS / package / "bin" / "python").absolute()
    return str(own) if own.is_file() else sys.executable


def fit_model(
    data: DataSet, model: Path, section: Mapping[str, Any], rules: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Fit with these options, and these rules instead of the set's own; return what `fit` reports."""
    started = time.monotonic()
    config = data.config(Path("pairs.parquet"), fit={**section, "output": str(model)}, rules=rules or {})
    report = fit(config, force=True)
    return {
        "fit_seconds": time.monotonic() - started,
        "triplets": report.triplets,
        "steps": report.training.steps if report.training else 0,
        "bands": report.bands,
    }


def give(page: Iterable[str], markdown: Path | None) -> None:
    """Write the lines of a page to its file; print them where none is named."""
    text = "\n".join(page)
    if markdown is None:
        print(text)
    else:
        markdown.write_text(text + "\n", encoding="utf-8")


def smaller_table(data: DataSet) -> int:
    """Return the number of records of the smaller table."""
    tables = open_tables(data.config(Path("pairs.parquet")))
    return min(tables.left.frame.height, tables.other.frame.height)


def figures(data: DataSet, out: Path, method: str) -> dict[str, Any]:
    """Return completeness, quality, F1, the cheapest cuts and the comparisons saved of the pairs in `out`.

    Where the method has labels in its name, also of the gold that the train split does not hold.
    """
    exclude = data.folder / "train.csv" if "labels" in method else None
    tables = data.config(out).tables
    [report] = evaluate_files(EvaluateOptions([out], data.folder / "gold.csv", tables, exclude, TARGETS))
    row: dict[str, Any] = asdict(report.found.whole) | {"cheapest": cheapest(report.found)}
    row["comparisons"] = report.found.comparisons
    if report.unseen:
        row |= {"unseen_completeness": report.unseen.whole.pair_completeness}
        row |= {"unseen_cheapest": cheapest(report.unseen)}
    return row


def with_share(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the share of all comparisons that was examined."""
    return row | {"examined_share": row["examined"] / row["comparisons"]}


def cheapest(found: Any) -> dict[str, Any]:
    """Return the fewest pairs, and F1 there, for each target."""
    cuts = {target: found.cheapest(target) for target in TARGETS}
    return {str(target): {"pairs": cut.pairs, "f1": cut.f1} for target, cut in cuts.items() if cut}


def cut_cells(cuts: Mapping[str, Any]) -> list[str]:
    """Return the fewest pairs and F1 in percent, one cell for each target."""
    found = [cuts.get(str(target)) for target in TARGETS]
    return [f"{cut['pairs']:,} ({100 * cut['f1']:.1f})" if cut else "-" for cut in found]


def machine() -> str:
    """Return what the figures were measured on."""
    packages = ("erblock", "torch", "sentence-transformers", "polars", "numba", "rapidfuzz")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    processor = platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, Python {platform.python_version()}, {versions}"


def written_by(target: str) -> str:
    """Return the line of a page that says how it was made, when and where."""
    return f"Written by `make {target}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}."
