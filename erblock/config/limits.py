"""The section [check]: limits for pairs and matches."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CheckConfig(BaseModel):
    """[check]: the limits that `erblock check` tests, for example in a CI job."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    gold: str | None = Field(
        default=None, description="Known matches; without them recall and quality are estimates."
    )
    min_recall: float | None = Field(
        default=None, ge=0, le=1, description="The least recall: the share of matches that are found."
    )
    max_pairs: int | None = Field(
        default=None, ge=0, description="The largest number of pairs, or of matches."
    )
    max_bucket: int | None = Field(
        default=None, ge=1, description="The largest number of records in one bucket."
    )
    max_uncovered: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The largest share of the smaller table's records without a pair.",
    )
    min_quality: float | None = Field(
        default=None, ge=0, le=1, description="The least share of the pairs that are matches."
    )
    max_duplicates: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The largest share of one table's records that repeat another record.",
    )
    baseline: str | None = Field(
        default=None, description="An earlier file of the same kind, or an earlier run, to compare with."
    )
    max_drift: float | None = Field(
        default=None,
        ge=0,
        description="Largest relative change of volume, bucket and skew, and distance of coverage and "
        "scores, from the baseline.",
    )
    warn: tuple[Literal["recall", "pairs", "bucket", "uncovered", "quality", "duplicates", "drift"], ...] = (
        Field(default=(), description="Checks that only warn.")
    )
    fail_on: Literal["error", "warning"] = Field(
        default="error", description='The least severe result that gives exit code 1: "error" or "warning".'
    )
