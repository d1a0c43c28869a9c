"""Fitted evidence: the compared columns and the weights, as a readable file of a model folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from erblock.comparison.columns import ComparedColumn
from erblock.comparison.evidence import Evidence
from erblock.comparison.large import comparison_of
from erblock.comparison.measures import MEASURES, OF_RECORDS, Floats
from erblock.comparison.vectors import Comparison, entry_names
from erblock.errors import ModelError
from erblock.similarity import Rows
from erblock.tables.contents import are_names, read_json
from erblock.tables.read import TablePair

EVIDENCE_FILE, LABELS_FILE = "evidence.json", "labels.parquet"
"""Files of a model folder: the evidence of the columns, and the labels of pairs."""


@dataclass(frozen=True)
class FittedEvidence:
    """The compared columns and the weights of the entries; `names[i]` is entry i of a comparison vector."""

    columns: tuple[ComparedColumn, ...]
    names: tuple[str, ...]
    evidence: Evidence

    def log_odds(self, tables: TablePair, weights: Floats, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the log odds of a match of each pair of row numbers; `weights`: of the hasher's features."""
        return self.log_odds_by(comparison_of(tables, self.columns, weights), left_rows, right_rows)

    def log_odds_by(self, comparison: Comparison, left_rows: Rows, right_rows: Rows) -> Floats:
        """Return the log odds of a match of each pair of row numbers, given a comparison of `columns`."""
        if comparison.names != self.names:
            raise ModelError(f"{EVIDENCE_FILE} was written by another version of erblock; fit again")
        return comparison.log_odds(self.evidence, left_rows, right_rows)

    def to_json(self) -> str:
        """Return the content of `evidence.json`."""
        learned = self.evidence
        numbers = (learned.mean.tolist(), learned.std.tolist(), learned.weights.tolist())
        keys = ("name", "usual", "spread", "weight")
        content = {
            "columns": [asdict(column) for column in self.columns],
            "intercept": learned.intercept,
            "entries": [dict(zip(keys, row, strict=True)) for row in zip(self.names, *numbers, strict=True)],
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_evidence(folder: Path) -> FittedEvidence | None:
    """Return the evidence of the model in `folder`; None if the model has none.

    Raises:
        ModelError: if the file is not readable.
    """
    path = folder / EVIDENCE_FILE
    if not path.is_file():
        return None
    try:
        return _from_json(read_json(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as cause:
        raise ModelError(f"{path}: cannot be read ({cause}); fit again") from cause


def _from_json(content: dict[str, Any]) -> FittedEvidence:
    entries = content["entries"]
    columns = tuple(ComparedColumn(**column) for column in content["columns"])
    unknown = [column.kind for column in columns if column.kind not in MEASURES]
    if unknown:
        raise ValueError(f"expected a kind of column, {', '.join(MEASURES)}, found {unknown[0]}")
    names = [column.left for column in columns]
    sides = [*names, *(column.right for column in columns)]
    if (sides and not are_names(sides)) or len(set(names)) < len(names):
        raise ValueError("expected names of columns, and each column once")
    known = {entry["name"]: [entry["usual"], entry["spread"], entry["weight"]] for entry in entries}
    # An entry that a former version lacked gets no weight; `log_odds_by` refuses other differences.
    missing = set(entry_names(columns)) - set(known)
    of_vector = entry_names(columns) if missing and missing <= set(OF_RECORDS) else tuple(known)
    numbers = np.array([known.get(name, [0, 1, 0]) for name in of_vector], dtype=np.float32).reshape(-1, 3)
    mean, std, weight = numbers.T.copy()
    return FittedEvidence(columns, of_vector, Evidence(mean, std, weight, float(content["intercept"])))
