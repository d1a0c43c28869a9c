"""Counts records without a candidate, by source and by missing column, and pairs between sources."""

from collections.abc import Iterator

import polars as pl

from erblock.config import Config
from erblock.evaluation.report.facts import RecordGroup, SourcePair
from erblock.pipeline.found import Found, records_of
from erblock.pipeline.judged import numbered
from erblock.pipeline.show import uncovered_records
from erblock.tables.pairs import PAIR
from erblock.tables.text import text_expression

_NONE = "unknown"
"""The name for records without a source."""


def groups_of(pairs: Found, config: Config) -> Iterator[RecordGroup]:
    """Yield groups of each table's records: all, those of each source, those without a value in a column."""
    gone = uncovered_records(pairs).select("table", "record_id").with_columns(gone=True)
    records = records_of(pairs.engine).join(
        gone, on=["table", "record_id"], how="left", maintain_order="left"
    )
    for side in records["table"].unique(maintain_order=True):
        yield _group(side, "all records", records.filter(pl.col("table") == side))
    sources = _sources(pairs, config)
    if sources is not None:
        for (name,), part in records.with_columns(sources).group_by("source", maintain_order=True):
            yield _group("left", f"source {name}", part)
    for (side,), table in records.group_by("table", maintain_order=True):
        for name in table.columns:
            value = pl.col(name)
            lacking = table.filter(value.is_null() | (value.cast(pl.String, strict=False) == ""))
            if name.startswith("record.") and lacking.height:
                yield _group(str(side), f"no {name.removeprefix('record.')}", lacking)


def _group(side: str, what: str, records: pl.DataFrame) -> RecordGroup:
    return RecordGroup(side, what, records.height, int(records["gone"].sum()))


def sources_that_meet(pairs: Found, matches: Found | None, config: Config) -> Iterator[SourcePair]:
    """Yield the numbers of pairs and matches between any two sources of a table, most pairs first."""
    sources = _sources(pairs, config)
    if sources is None:
        return
    counts = _counts(pairs, sources).rename({"len": "pairs"})
    if matches is not None:
        counts = counts.join(_counts(matches, sources), on=list(PAIR), how="left")
    for one, other, *found in counts.sort("pairs", *PAIR, descending=[True, False, False]).iter_rows():
        yield SourcePair(one, other, found[0], None if matches is None else found[1] or 0)


def _counts(found: Found, sources: pl.Series) -> pl.DataFrame:
    """Return how many pairs or matches in a file each two sources have; the lower name is on the left."""
    rows = numbered(found.engine.tables, found.matches, found.path)
    one, other = (sources.gather(row) for row in rows)
    low, high = pl.min_horizontal(PAIR), pl.max_horizontal(PAIR)
    both = pl.DataFrame(dict(zip(PAIR, (one, other), strict=True))).select(
        low.alias(PAIR[0]), high.alias(PAIR[1])
    )
    return both.group_by(PAIR).len()


def _sources(found: Found, config: Config) -> pl.Series | None:
    """Return the source of each record of the table; None if the settings name no source column."""
    column, frame = config.tables.source, found.engine.tables.left.frame
    if column is None:
        return None
    text = text_expression(pl.col(column), frame.schema[column]).fill_null(_NONE)
    return frame.select(text.alias("source")).to_series()
