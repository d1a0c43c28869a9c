"""Selects rows of a file of pairs, matches, clusters or keys, with the records that they name."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlglot import Tokenizer, TokenType
from sqlglot.errors import TokenError

from erblock.config import Config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import ConfigError, TableError
from erblock.pipeline.found import SCORES, Found, read_found, records_of
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_evaluate_places
from erblock.pipeline.written import check_excel, check_rows_output, write_rows
from erblock.tables.beside import with_both_records
from erblock.tables.check import listed
from erblock.tables.pairs import PAIR, id_text
from erblock.tables.read import ColumnPair

GROUPS = {"clusters": ["cluster_id"], "keys": ["band", "bucket"]}


@dataclass(frozen=True)
class ShowOptions:
    """Which rows of a file to show. None and False do not select.

    `sample`: the number of random rows or, with `around`, of the nearest. `around`: sort by the distance of
    the probability (else similarity) from this value. `where`: an SQL condition. `id`: the rows about this
    record. `uncovered`: the records without a pair. `largest`: the largest clusters or buckets first.
    `limit`: the largest number of rows or groups.
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
    """The chosen rows of a file.

    `frame`: the rows. Pairs have the columns `left.name` and `right.name` of both records, other rows
    `record.name`. `total`: the number of rows or groups to choose from. `groups`: the columns that identify a
    group; none for pairs and records. `columns`: the compared columns.
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
    """The path of an output, and whether it is CSV that is safe in a spreadsheet."""

    path: Path
    excel: bool = False


def show(config: Config, path: str, options: ShowOptions, output: ShowOutput | None = None) -> Shown:
    """Return the chosen rows of the file at `path`, and write them to `output`, if given.

    Raises:
        ErblockError: if a file, a table or an option cannot be used; nothing is written then.
    """
    if output is not None:
        check_rows_output(output.path, "--output")
        if output.excel:
            check_excel(output.path)
    check_evaluate_places(config, [path], {"--output": None if output is None else output.path})
    found = read_found(path, config, open_local(config))
    shown = chosen_rows(found, options)
    if output is not None:
        write_rows(shown.frame, output.path, excel=output.excel)
    return shown


def chosen_rows(found: Found, options: ShowOptions) -> Shown:
    """Return the chosen rows of a file.

    Raises:
        ErblockError: if an option does not fit the kind of the file.
    """
    groups = () if options.uncovered else tuple(GROUPS.get(found.kind, ()))
    if options.largest and not groups:
        raise ConfigError(f"--largest needs clusters or keys; {found.path} holds {found.kind}")
    if options.uncovered:
        frame = uncovered_records(found)
    else:
        frame = _groups(found, list(groups), options) if groups else _pairs(found, options)
    frame = _filtered(frame, options.where)
    if options.around is not None:
        frame = _nearest(frame, options.around, found.path)
    total, chosen = _cut(frame, list(groups), options)
    if PAIR[0] in chosen.columns:
        chosen = with_both_records(chosen, found.engine.tables)
    return Shown(chosen, total, groups, found.engine.tables.columns)


def _pairs(found: Found, options: ShowOptions) -> pl.DataFrame:
    """Return the pairs, with the columns of both records if there is a condition, which may use them."""
    frame = found.frame
    if options.id is not None:
        _check_id(options.id, found.engine)
        is_it = (id_text(name, frame.schema[name]) == options.id for name in PAIR)
        frame = frame.filter(pl.any_horizontal(*is_it))
    return frame if options.where is None else with_both_records(frame, found.engine.tables)


def _groups(found: Found, groups: list[str], options: ShowOptions) -> pl.DataFrame:
    """Return the rows of groups of two or more records or, with `options.id`, of the groups of this record.

    The column `records` has the size of the group.
    """
    frame = found.frame.with_columns(pl.len().over(groups).alias("records"))
    frame = frame.select(*groups, "records", pl.exclude(*groups, "records"))
    if options.id is None:
        frame = frame.filter(pl.col("records") > 1)
    else:
        _check_id(options.id, found.engine)
        is_it = id_text("record_id", frame.schema["record_id"]) == options.id
        frame = frame.filter(is_it.any().over(groups))
    order = ["records", *groups] if options.largest or found.kind == "keys" else groups
    return frame.sort(order, descending=[name == "records" for name in order], maintain_order=True)


def uncovered_records(found: Found) -> pl.DataFrame:
    """Return the records without a pair, or alone in their cluster."""
    records, frame = records_of(found.engine), found.matches
    if found.kind == "keys":
        raise ConfigError(f"--uncovered needs pairs, matches or clusters; {found.path} holds keys")
    if found.kind == "clusters":
        met = frame.filter(pl.len().over("cluster_id") > 1).select("table", "record_id")
    else:
        text = records.schema["record_id"] == pl.String
        sides = ("left", "left" if found.engine.dedup else "right")
        met = pl.concat(
            frame.select(
                pl.lit(side).alias("table"),
                (id_text(name, frame.schema[name]) if text else pl.col(name)).alias("record_id"),
            )
            for name, side in zip(PAIR, sides, strict=True)
        )
    return records.join(met, on=["table", "record_id"], how="anti", maintain_order="left")


def _check_id(record: str, engine: LocalMatchEngine) -> None:
    """Raise TableError if no table has a record with this id."""
    known = (ids.to_frame().select(id_text(ids.name, ids.dtype)).to_series() for ids in engine.ids)
    if not any((ids == record).any() for ids in known):
        tables = " or ".join(dict.fromkeys(engine.sources))
        raise TableError(
            f"--id {record}: expected the id of a record of {tables}; --id-column names its column"
        )


def _filtered(frame: pl.DataFrame, where: str | None) -> pl.DataFrame:
    if where is None:
        return frame
    try:
        if _asks_a_query(where):
            raise pl.exceptions.SQLSyntaxError("a condition must not have a SELECT")
        return frame.filter(pl.sql_expr(where))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().splitlines()[0].split(";")[0]
        raise ConfigError(
            f"--where {where}: {reason}; expected an SQL condition on the columns {listed(frame.columns)}"
        ) from None


def _asks_a_query(where: str) -> bool:
    """Return whether a condition has a subquery, on which polars panics."""
    try:
        return any(token.token_type == TokenType.SELECT for token in Tokenizer().tokenize(where))
    except TokenError:
        return False  # an open quote, which polars reports with its place


def _nearest(frame: pl.DataFrame, value: float, source: str) -> pl.DataFrame:
    name = next((name for name in SCORES if name in frame.columns), None)
    if name is None:
        raise ConfigError(f"--around needs a column {' or '.join(SCORES)}; {source} has none")
    distance = (pl.col(name).cast(pl.Float64, strict=False) - value).abs()
    return frame.sort(distance, nulls_last=True, maintain_order=True)


def _cut(frame: pl.DataFrame, groups: list[str], options: ShowOptions) -> tuple[int, pl.DataFrame]:
    """Return the number of rows or groups to choose from, and the chosen rows."""
    units = frame.select(groups).unique(maintain_order=True) if groups else frame
    chosen, total = units, units.height
    if options.sample is not None and options.around is None:
        rows = pl.int_range(total, eager=True).sample(min(options.sample, total), seed=0).sort()
        chosen = units[rows]
    most = options.sample if options.limit is None else options.limit
    chosen = chosen if most is None else chosen.head(most)
    if groups:
        chosen = frame.join(chosen, on=groups, how="semi", maintain_order="left")
    return total, chosen
