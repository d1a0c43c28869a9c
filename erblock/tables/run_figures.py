"""The figures of a run, as its steps wrote them in its folder: what a page about the run shows.

Figures that an earlier version did not write are absent.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, TypeAdapter, ValidationError

from erblock.errors import TableError
from erblock.tables.contents import read_json
from erblock.tables.run_report import RunRecall, Share

T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class CurvePoint(_Part):
    """The estimated recall of a budget of so many pairs, with its interval."""

    pairs: NonNegativeInt
    recall: Share
    low: Share
    high: Share


class Join(_Part):
    """What the join of buckets touched; `sizes`: keys by the records that they met, in powers of two."""

    distinct: NonNegativeInt
    largest_bucket: NonNegativeInt
    bands: NonNegativeInt = 0
    sizes: tuple[NonNegativeInt, ...] = ()


class BlockFigures(_Part):
    """What `erblock block` reported."""

    kind: str
    pairs: NonNegativeInt
    records: tuple[NonNegativeInt, ...]
    cross_product: NonNegativeInt
    recall: RunRecall | None
    recall_unknown: str | None
    join: Join
    curve: tuple[CurvePoint, ...] = ()


class MatchFigures(_Part):
    """What `erblock match` reported; `sizes`: clusters of each number of records."""

    matches: NonNegativeInt
    assign: str
    threshold: Share
    expected_precision: Share
    sizes: dict[int, NonNegativeInt]
    doubts: tuple[str, ...] = ()


class Training(_Part):
    """What training did; `losses`: the held-out loss after each number of steps."""

    triplets: NonNegativeInt
    steps: NonNegativeInt
    losses: tuple[tuple[NonNegativeInt, float], ...] = ()


class FitFigures(_Part):
    """What `erblock fit` reported; `triplets`: how many each rule has made."""

    triplets: dict[str, NonNegativeInt] = {}
    training: Training | None = None


class Bin(_Part):
    """The pairs whose probability lies in one tenth of the scale, and the share of matches among them."""

    pairs: NonNegativeInt
    mean_probability: Share
    match_share: Share


class Calibration(_Part):
    """How far probabilities are what they say; `error`: the expected calibration error."""

    error: Share
    bins: tuple[Bin, ...]


class BCubed(_Part):
    """Precision, recall and F1 of clusters by records."""

    precision: Share
    recall: Share
    f1: Share


class Measured(_Part):
    """What `erblock evaluate` found of one file, against `gold` known matches.

    `kind`: matches or clusters, None of candidate pairs.
    """

    name: str
    gold: NonNegativeInt
    hits: NonNegativeInt
    f1: Share
    kind: str | None = None
    pair_completeness: Share = 0.0
    pair_quality: Share = 0.0
    precision: Share = 0.0
    recall: Share = 0.0
    calibration: Calibration | None = None
    b_cubed: BCubed | None = None


def read_figures(path: Path, kind: type[T]) -> T:
    """Return what a step wrote at `path`.

    Raises:
        TableError: if it cannot be read, or is something else.
    """
    try:
        return TypeAdapter(kind).validate_python(_content(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TableError(
            f"{path}: expected what a step of erblock run wrote: {place}: {first['msg']}"
        ) from None


def _content(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: expected what a step of erblock run wrote: {error}") from None
