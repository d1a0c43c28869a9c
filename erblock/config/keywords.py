"""Types of the keyword arguments of each library function.

A keyword is a key of a section of the settings; its meaning and default are in `erblock.config.sections`,
`reading` and `limits`.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypedDict

import polars as pl

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16", "int8"]


class ArrowTable(Protocol):
    """A table in memory: of polars, pandas, pyarrow, DuckDB or another library with the Arrow interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Return the table as an Arrow stream."""


PathName = str | PathLike[str]
Table = PathName | ArrowTable | pl.LazyFrame
"""A CSV or Parquet file, a glob or a folder of them, a folder of keys; or a table in memory."""


class TableKeywords(TypedDict, total=False):
    """Keywords on reading tables: keys of [tables]."""

    id: str
    left_id: str | None
    right_id: str | None
    columns: Sequence[str]
    source: str | None
    delimiter: str | None
    encoding: str
    left_delimiter: str | None
    right_delimiter: str | None
    left_encoding: str | None
    right_encoding: str | None
    gold_delimiter: str | None
    gold_encoding: str | None
    labels_delimiter: str | None
    labels_encoding: str | None


class RuleKeywords(TableKeywords, total=False):
    """Keywords with similarity rules: keys of [rules]."""

    match: Sequence[str]
    conflict: Sequence[str]


class FitKeywords(RuleKeywords, total=False):
    """Keywords of training: keys of [fit]."""

    method: Literal["neural", "minhash"]
    encoder: PathName
    labels: Table | None
    ranking: float
    self_training: bool
    labelling_pairs: int
    epochs: int
    max_steps: int
    batch_size: int
    learning_rate: float
    max_tokens: int
    device: Device
    precision: Precision
    seed: int
    radius: float
    separation: float


class ModelKeywords(TableKeywords, total=False):
    """Keywords on where a model runs: keys of [block]."""

    device: Device
    precision: Precision


class PlanKeywords(ModelKeywords, total=False):
    """Keywords of `plan`, on the method and the budget: keys of [block]."""

    method: Literal["minhash", "neural"] | None
    bands: int | None
    max_pairs: int | None
    max_per_record: int | None
    target_recall: float | None
    memory: str | None


class BlockKeywords(PlanKeywords, total=False):
    """Keywords of blocking: the budget, further bucket keys, named pairs and the output; keys of [block]."""

    block_on: Sequence[str]
    must_pairs: Table | None
    must_not_pairs: Table | None
    with_columns: bool
    format: Literal["erblock", "splink"]


class WhyKeywords(PlanKeywords, total=False):
    """Keywords that explain a pair: keys of [block] and [rules]."""

    block_on: Sequence[str]
    must_pairs: Table | None
    must_not_pairs: Table | None
    match: Sequence[str]
    conflict: Sequence[str]


class MatchKeywords(RuleKeywords, total=False):
    """Keywords on matches and entities: keys of [match]."""

    labels: Table | None
    assign: Literal["auto", "one-to-one", "many-to-one", "one-to-many", "many-to-many", "clusters"]
    min_probability: float
    target_precision: float | None
    matcher: Literal["evidence", "plm"]
    fine_tune: bool | None
    device: Device
    precision: Precision
    use: PathName | None
    save: PathName | None
    seed: int
    all: bool
    with_columns: bool
    clusters: PathName | None
    entities: Table | None
    changes: PathName | None


class CheckKeywords(TableKeywords, total=False):
    """Keywords with the limits of a check: keys of [check]."""

    gold: Table | None
    min_recall: float | None
    max_pairs: int | None
    max_bucket: int | None
    max_uncovered: float | None
    min_quality: float | None
    max_duplicates: float | None
    baseline: Table | None
    max_drift: float | None
    warn: Sequence[str]
    fail_on: Literal["error", "warning"]
