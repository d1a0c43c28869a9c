"""Rows of a file of pairs, matches, clusters or keys, beside the records that they are about."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from erblock.config import Config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import ConfigError, TableError
from erblock.pipeline.found import PAIR, Found, read_found, records_of
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_evaluate_places
from erblock.pipeline.written import check_excel, check_rows_output, write_rows
from erblock.tables.beside import with_both_records
from erblock.tables.read import ColumnPair

GROUPS = {"clusters": ["cluster_id"], "keys": ["band", "bucket"]}
_SCORES = ("probability", "similarity", "score")


@dataclass(frozen=True)
class ShowOptions:
    """Which rows of a file to show; None and False: no choice by that.

    `sample`: so many, drawn at random. `around`: those whose probability, or else similarity, is nearest to
    it. `where`: an SQL condition. `id`: those about this record. `uncovered`: the records that the file lacks.
    `largest`: the largest clusters or buckets first. `limit`: no more rows, or groups, than so many.
    """

    sample: int | None = None
    around: float | None = None
    where: str | None = None
    id: str | None = None
    uncovered: bool = False
    largest: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class Shown:
    """The chosen rows of `total`; `groups` are the columns that name a group, none for pairs and records.

    Pairs have both records, `left.name` and `right.name`, other rows have `record.name`.
    """

    frame: pl.DataFrame
    total: int
    groups: tuple[str, ...]
    columns: tuple[ColumnPair, ...]

    @property
    def is_pairs(self) -> bool:
        """Whether the rows are pairs of records."""
        return PAIR[0] in self.frame.columns


@dataclass(frozen=True)
class ShowOutput:
    """Where rows are written, and whether as CSV that is safe in a spreadsheet."""

    path: Path
    excel: bool = False


def show(config: Config, path: Path, options: ShowOptions, output: ShowOutput | None = None) -> Shown:
    """Return the chosen rows of the file at `path`; write them to `output`, if there is one.

    Raises:
        ErblockError: if a file, a table or an option is not usable; nothing is written then.
    """
    if output is not None:
        check_rows_output(output.path, "--output")
        check_evaluate_places(config, [path], {"--output": output.path})
        if output.excel:
            check_excel(output.path)
    found = read_found(path, config, open_local(config))
    shown = _chosen(found, options)
    if output is not None:
        write_rows(shown.frame, output.path, excel=output.excel)
    return shown


def _chosen(found: Found, options: ShowOptions) -> Shown:
    columns, groups = found.engine.tables.columns, tuple(GROUPS.get(found.kind, ()))
    if options.uncovered:
        frame, groups = _uncovered(found), ()
    elif groups:
        frame = _groups(found, list(groups), options)
    else:
        if options.largest:
            raise ConfigError(f"--largest is about clusters and keys; {found.path} holds {found.kind}")
        frame = _pairs(found, options)
    if options.around is not None and not (groups or options.uncovered):
        frame = _nearest(frame, options.around, found.path)
    total, chosen = _cut(frame, list(groups), options)
    return Shown(chosen, total, groups, columns)


def _pairs(found: Found, options: ShowOptions) -> pl.DataFrame:
    frame = found.frame
    if options.id is not None:
        frame = frame.filter(_about(options.id, found.engine, PAIR))
    frame = with_both_records(frame, found.engine.tables)
    return _filtered(frame, options.where)


def _groups(found: Found, groups: list[str], options: ShowOptions) -> pl.DataFrame:
    """Return the rows of every group of two records or more, with its size; of all groups with --id."""
    frame = found.frame.with_columns(pl.len().over(groups).alias("records"))
    frame = frame.select(*groups, "records", pl.exclude(*groups, "records"))
    if options.id is None:
        frame = frame.filter(pl.col("records") > 1)
    else:
        is_it = pl.col("record_id").cast(pl.String) == options.id
        frame = frame.filter(is_it.any().over(groups))
        _check_any(frame, options.id, found.engine)
    frame = _filtered(frame, options.where)
    largest = ["records"] if options.largest or found.kind == "keys" else []
    order = [*largest, *groups]
    return frame.sort(order, descending=[name == "records" for name in order], maintain_order=True)


def _uncovered(found: Found) -> pl.DataFrame:
    records = records_of(found.engine)
    dtype = records.schema["record_id"]
    if found.kind in GROUPS:
        met = found.frame.filter(pl.len().over(GROUPS[found.kind]) > 1).select("table", "record_id")
    else:
        sides = zip(PAIR, ("left", "left" if found.engine.dedup else "right"), strict=True)
        ends = [
            found.matches.select(pl.lit(table).alias("table"), record_id=_id(name, dtype))
            for name, table in sides
        ]
        met = pl.concat(ends)
    return records.join(met, on=["table", "record_id"], how="anti", maintain_order="left")


def _id(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).cast(dtype)


def _about(record: str, engine: LocalMatchEngine, names: tuple[str, str]) -> pl.Expr:
    """Return whether a pair has the record of this id on either side."""
    known = [ids.cast(pl.String).eq(record).any() for ids in engine.ids]
    if not any(known):
        raise TableError(
            f"--id {record}: no record of {' or '.join(dict.fromkeys(engine.sources))} has this id"
        )
    return pl.any_horizontal(pl.col(names).cast(pl.String) == record)


def _check_any(frame: pl.DataFrame, record: str, engine: LocalMatchEngine) -> None:
    if frame.is_empty():
        _about(record, engine, PAIR)


def _filtered(frame: pl.DataFrame, where: str | None) -> pl.DataFrame:
    if where is None:
        return frame
    try:
        return frame.filter(pl.sql_expr(where))
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"--where: expected an SQL condition on the columns {', '.join(frame.columns)}: {reason}"
        ) from None


def _nearest(frame: pl.DataFrame, value: float, source: str) -> pl.DataFrame:
    name = next((name for name in _SCORES if name in frame.columns), None)
    if name is None:
        raise ConfigError(f"--around needs a column {' or '.join(_SCORES)}; {source} has none")
    distance = (pl.col(name).cast(pl.Float64, strict=False) - value).abs()
    return frame.sort(distance, nulls_last=True, maintain_order=True)


def _cut(frame: pl.DataFrame, groups: list[str], options: ShowOptions) -> tuple[int, pl.DataFrame]:
    """Return how many rows or groups there are, and as many of them as are wanted."""
    units = frame.select(groups).unique(maintain_order=True) if groups else frame
    chosen, total = units, units.height
    if options.sample is not None:
        rows = pl.int_range(total, eager=True).sample(min(options.sample, total), seed=0).sort()
        chosen = units[rows]
    if options.limit is not None:
        chosen = chosen.head(options.limit)
    if groups:
        chosen = frame.join(chosen, on=groups, how="semi", maintain_order="left")
    return total, chosen
