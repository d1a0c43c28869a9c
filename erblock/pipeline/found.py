"""Reads a file of pairs, matches, clusters or keys together with the records that it names."""

from dataclasses import dataclass, replace

import polars as pl

from erblock.config import Config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import TableError
from erblock.evaluation.compare import read_gold, without_selves
from erblock.pipeline.candidates import check_known
from erblock.tables.beside import plain
from erblock.tables.clusters import cluster_rows, named_clusters
from erblock.tables.files import read_frame
from erblock.tables.matches import Kind, kind_by, with_verdicts
from erblock.tables.pairs import PAIR, cast_ids, converted_ids, with_ids
from erblock.tables.read import csv_of_gold, csv_of_pairs
from erblock.tables.run_report import RunReport, read_run, report_of
from erblock.tables.schemas import ID, KEYS

SCORES = ("probability", "similarity", "score")
"""Columns with the strength of a pair, in the order of preference."""

_NUMBERS = {"score": pl.Float64, "similarity": pl.Float64, "n_bands": pl.Int64}


@dataclass(frozen=True)
class Found:
    """The content of a file about the records of `engine`.

    `frame`: for pairs and matches, each pair once, in the order of the file, with all columns of the file; in
    one table, the lower id is left. Matches have `is_match`. For clusters and keys, a row for each record in
    each cluster or bucket, with the columns of `records_of`. `run`: the report of the run that wrote the
    file, if a run was read.
    """

    path: str
    kind: Kind
    frame: pl.DataFrame
    engine: LocalMatchEngine
    run: RunReport | None = None

    @property
    def matches(self) -> pl.DataFrame:
        """The pairs of the file; in a file of matches, only those with `is_match`."""
        return self.frame.filter("is_match") if self.kind == "matches" else self.frame


def read_found(path: str, config: Config, engine: LocalMatchEngine, *, known: bool = True) -> Found:
    """Return the content of the file at `path`, or of the file that the run at `path` wrote.

    A run is given by its report or its folder. The columns of the file determine its kind. With `known`, each
    record must be in the tables. Without `known`, an earlier file may name records that are gone, and
    clusters have no columns `record.name`.

    Raises:
        TableError: if the file cannot be read, names an unknown record, or is from another run.
    """
    path = report_of(path)
    if not path.lower().endswith(".json"):
        return _read(path, config, engine, known=known)
    output, run = read_run(path)
    found = _read(output, config, engine, known=known)
    reported = run.pairs if run.matches is None else run.matches
    if found.kind in ("pairs", "matches") and reported != found.matches.height:
        raise TableError(
            f"{output} has {found.matches.height:,} pairs, but its run reports {reported:,}: it is from "
            f"another run"
        )
    return replace(found, run=run)


def _read(source: str, config: Config, engine: LocalMatchEngine, *, known: bool) -> Found:
    raw = read_frame(source, csv_of_pairs(config.tables))
    kind = kind_by(raw.columns)
    if kind == "keys":
        return Found(source, kind, _key_rows(raw, engine), engine)
    if kind == "clusters":
        rows = _cluster_rows(raw, source, engine) if known else _any_clusters(raw, source, engine)
        return Found(source, kind, rows, engine)
    frame = with_ids(_with_numbers(raw), source, *engine.ids)
    if known:
        check_known(frame, engine, source)
    frame = with_verdicts(frame, source) if kind == "matches" else frame
    return Found(source, kind, distinct_pairs(frame, one_table=engine.dedup), engine)


def _with_numbers(raw: pl.DataFrame) -> pl.DataFrame:
    """Return pairs with text columns of scores, as in CSV, converted to numbers if all values are numbers."""
    texts = [name for name in _NUMBERS if raw.schema.get(name) == pl.String]
    numbers = raw.select(pl.col(name).cast(_NUMBERS[name], strict=False) for name in texts)
    return raw.with_columns(
        number for number in numbers if number.null_count() == raw[number.name].null_count()
    )


def known_matches(
    path: str, config: Config, ids: tuple[pl.Series, pl.Series], *, one_table: bool
) -> pl.DataFrame:
    """Return the known matches at `path` as distinct pairs. `ids` are the known ids of both sides.

    Raises:
        TableError: if the file cannot be read, does not fit the tables, or has no known matches.
    """
    gold = read_gold(path, ids[0], None if one_table else ids[1], csv_of_gold(config.tables))
    return distinct_pairs(without_selves(gold, path, one_table=one_table), one_table=one_table)


def distinct_pairs(frame: pl.DataFrame, *, one_table: bool) -> pl.DataFrame:
    """Return each pair once, ids first. In one table, (a, b) equals (b, a), and (a, a) is no pair."""
    left, right = map(pl.col, PAIR)
    if one_table:
        low, high = (
            pl.when(left < right).then(left).otherwise(right),
            pl.when(left < right).then(right).otherwise(left),
        )
        frame = frame.filter(left != right).with_columns(left_id=low, right_id=high)
    return frame.unique(PAIR, keep="first", maintain_order=True).select(*PAIR, pl.exclude(PAIR))


def records_of(engine: LocalMatchEngine) -> pl.DataFrame:
    """Return all records of both tables: `table`, `record_id`, and the compared columns as `record.name`.

    If the types of the columns differ between the tables, all columns become text.
    """
    sides = [("left", engine.tables.left.frame), ("right", engine.tables.other.frame)][
        : 1 if engine.dedup else 2
    ]
    parts = []
    for side, frame in sides:
        values = [
            plain(getattr(pair, side), frame).alias(f"record.{pair.name}") for pair in engine.tables.columns
        ]
        parts.append(frame.select(pl.lit(side).alias("table"), pl.col(ID).alias("record_id"), *values))
    if len(parts) > 1 and parts[0].schema != parts[1].schema:
        parts = [_as_text(part) for part in parts]
    return pl.concat(parts)


def _as_text(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(pl.col(pl.Binary).bin.encode("hex")).cast(pl.String)


def _cluster_rows(raw: pl.DataFrame, source: str, engine: LocalMatchEngine) -> pl.DataFrame:
    left, right = engine.ids
    clusters = pl.concat(named_clusters(raw, source, left, None if engine.dedup else right))
    records = records_of(engine).select(clusters.alias("cluster_id"), pl.all())
    return records.drop_nulls("cluster_id").sort("cluster_id", maintain_order=True)


def _any_clusters(raw: pl.DataFrame, source: str, engine: LocalMatchEngine) -> pl.DataFrame:
    """Return `cluster_id`, `table` and `record_id` of a file, with ids of the type in `records_of`."""
    rows = cluster_rows(raw, source, one_table=engine.dedup)
    return rows.with_columns(cast_ids(rows["record_id"], records_of(engine).schema["record_id"], source))


def _key_rows(raw: pl.DataFrame, engine: LocalMatchEngine) -> pl.DataFrame:
    """Return the rows of a file of keys (KEYS), with their records.

    The file does not name its table, so the table that has most of the ids is taken.
    """
    every, keys = records_of(engine), raw.select(*KEYS.columns)
    sides = [every.filter(pl.col("table") == side) for side in ("left", "right")]
    keys = keys.with_columns(converted_ids(keys["record_id"], every.schema["record_id"]))
    best = max(sides, key=lambda records: int(keys["record_id"].is_in(records["record_id"].implode()).sum()))
    return keys.select("band", "bucket", "record_id").join(
        best, on="record_id", how="left", maintain_order="left"
    )
