"""A run in a file: what `erblock block --json` or `erblock match --json` printed."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from erblock.errors import TableError
from erblock.tables.contents import read_json

Share = Annotated[float, Field(ge=0, le=1)]
BLOCK_FILE = "block.json"
"""What `erblock run` calls the report of the candidate pairs in its folder."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class RunRecall(_Part):
    """The estimated recall of candidate pairs, its interval, and the matches expected among them."""

    value: Share
    low: Share
    high: Share
    kept: NonNegativeFloat
    cut_off: NonNegativeFloat = 0.0
    never_met: NonNegativeFloat = 0.0


class RunJoin(_Part):
    """What the join of candidate pairs touched."""

    largest_bucket: NonNegativeInt


class RunReport(_Part):
    """One run. `matches` is known of a run that matched, the others of one that blocked."""

    output: str
    pairs: NonNegativeInt
    matches: NonNegativeInt | None = None
    recall: RunRecall | None = None
    recall_unknown: str | None = None
    join: RunJoin | None = None


def report_of(path: str) -> str:
    """Return the report of the candidate pairs in the folder of a run; any other path as it is."""
    report = Path(path) / BLOCK_FILE
    return str(report) if report.is_file() else path


def read_run(path: str) -> tuple[str, RunReport]:
    """Return the file that the run wrote, and what the run said of it.

    The file is looked for from the folder of `path`, beside it, and from the current folder.

    Raises:
        TableError: if `path` cannot be read, is no report of a run, or its file is gone.
    """
    try:
        report = RunReport.model_validate(read_json(Path(path)))
    except (OSError, ValueError) as error:
        raise TableError(
            f"{path}: expected what erblock block --json or match --json prints: {_why(error)}"
        ) from None
    output, folder = Path(report.output), Path(path).parent
    # Beside the report first: that of a baseline names the same file as the run of today.
    places = (folder / output, folder / output.name, output)
    for place in places:
        if place.is_file():
            return str(place), report
    raise TableError(f"{path} tells of {report.output}, which is not there, nor beside it")


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is no JSON"
    return getattr(error, "strerror", None) or str(error)
