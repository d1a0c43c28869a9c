"""Reads the statistics that the steps of a run wrote to its folder as JSON, for the report.

Statistics that an earlier version did not write have default values.
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
    """The estimated recall at a budget of `pairs`, with its confidence interval."""

    pairs: NonNegativeInt
    recall: Share
    low: Share
    high: Share


class Join(_Part):
    """Statistics of the join of buckets.

    `distinct`: the distinct pairs that share a bucket. `sizes[i]`: the number of left keys with at least
    2**(i-1) and fewer than 2**i right records in their bucket; `sizes[0]`: left keys without any.
    """

    distinct: NonNegativeInt
    largest_bucket: NonNegativeInt
    bands: NonNegativeInt = 0
    sizes: tuple[NonNegativeInt, ...] = ()


class BlockFigures(_Part):
    """The report of `erblock block`."""

    kind: str
    pairs: NonNegativeInt
    records: tuple[NonNegativeInt, ...]
    cross_product: NonNegativeInt
    recall: RunRecall | None
    recall_unknown: str | None
    join: Join
    curve: tuple[CurvePoint, ...] = ()


class MatchFigures(_Part):
    """The report of `erblock match`. `sizes`: the number of clusters for each number of records."""

    matches: NonNegativeInt
    assign: str
    threshold: Share
    expected_precision: Share
    sizes: dict[int, NonNegativeInt]
    doubts: tuple[str, ...] = ()


class Training(_Part):
    """Statistics of the training. `losses`: pairs (number of steps, held-out loss)."""

    triplets: NonNegativeInt
    steps: NonNegativeInt
    losses: tuple[tuple[NonNegativeInt, float], ...] = ()


class FitFigures(_Part):
    """The report of `erblock fit`. `triplets`: the number of triplets from each rule."""

    triplets: dict[str, NonNegativeInt] = {}
    training: Training | None = None


class Bin(_Part):
    """One tenth of the scale of probabilities: its pairs, and the share of matches among them."""

    pairs: NonNegativeInt
    mean_probability: Share
    match_share: Share


class Calibration(_Part):
    """Calibration of the probabilities. `error`: the expected calibration error."""

    error: Share
    bins: tuple[Bin, ...]


class BCubed(_Part):
    """B-cubed precision, recall and F1 of clusters, averaged over records."""

    precision: Share
    recall: Share
    f1: Share


class Measured(_Part):
    """The report of `erblock evaluate` on one file, against `gold` known matches.

    `kind` is "matches" or "clusters", or None for candidate pairs.
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
    """Return the statistics that a step wrote to `path`, as an object of type `kind`.

    Raises:
        TableError: if the file cannot be read or has other content.
    """
    try:
        return TypeAdapter(kind).validate_python(_content(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TableError(
            f"{path}: expected the figures of a step of erblock run: {place}: {first['msg']}"
        ) from None


def _content(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: expected the figures of a step of erblock run: {error}") from None
