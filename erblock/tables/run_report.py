"""Reads the report of a run: the JSON that `erblock block --json` or `erblock match --json` printed."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from erblock.errors import TableError
from erblock.tables.contents import read_json

Share = Annotated[float, Field(ge=0, le=1)]
BLOCK_FILE = "block.json"
"""The name of the report on candidate pairs in the folder of `erblock run`."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class RunRecall(_Part):
    """The estimated recall of candidate pairs (`value`), and its confidence interval (`low`, `high`).

    The other fields are expected numbers of matches: `kept`, `cut_off` by the budget, and `never_met`, which
    share no bucket.
    """

    value: Share
    low: Share
    high: Share
    kept: NonNegativeFloat
    cut_off: NonNegativeFloat = 0.0
    never_met: NonNegativeFloat = 0.0


class RunJoin(_Part):
    """Statistics of the join of buckets."""

    largest_bucket: NonNegativeInt


class RunReport(_Part):
    """The report of one run. `erblock match` sets `matches`; `erblock block` sets `recall` and `join`."""

    output: str
    pairs: NonNegativeInt
    matches: NonNegativeInt | None = None
    recall: RunRecall | None = None
    recall_unknown: str | None = None
    join: RunJoin | None = None


def report_of(path: str) -> str:
    """Return the path of the report if `path` is the folder of a run; else return `path` unchanged."""
    report = Path(path) / BLOCK_FILE
    return str(report) if report.is_file() else path


def read_run(path: str) -> tuple[str, RunReport]:
    """Return a pair: the path of the file that a run wrote, and the report of the run.

    The file is looked up relative to the folder of `path`, beside `path`, and relative to the current folder.

    Raises:
        TableError: if `path` cannot be read or is no report of a run, or the file that the run wrote is
        missing.
    """
    try:
        report = RunReport.model_validate(read_json(Path(path)))
    except (OSError, ValueError) as error:
        raise TableError(
            f"{path}: expected what erblock block --json or match --json prints: {_why(error)}"
        ) from None
    output, folder = Path(report.output), Path(path).parent
    # Beside the report first: the report of a baseline names the same file as that of the later run.
    places = (folder / output, folder / output.name, output)
    for place in places:
        if place.is_file():
            return str(place), report
    raise TableError(f"{path} is about {report.output}, which does not exist, nor beside it")


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON"
    return getattr(error, "strerror", None) or str(error)
