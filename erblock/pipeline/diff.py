"""Compares two files of pairs, matches or clusters: gains, losses and their causes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from erblock.config import Config
from erblock.engines.local import LocalMatchEngine
from erblock.errors import ConfigError, TableError
from erblock.evaluation.changes import entity_changes, match_changes, pair_changes, with_buckets
from erblock.pipeline.found import Found, known_matches, read_found
from erblock.pipeline.match_engine import open_local
from erblock.pipeline.places import check_evaluate_places
from erblock.pipeline.written import check_rows_output, write_rows
from erblock.tables.files import read_frame
from erblock.tables.matches import Kind
from erblock.tables.pairs import PAIR, cast_ids, converted_ids, id_text
from erblock.tables.schemas import KEYS

_Changes = Callable[[pl.DataFrame, pl.DataFrame, Sequence[pl.DataFrame]], pl.DataFrame]

_CHANGES: dict[Kind, _Changes] = {"pairs": pair_changes, "matches": match_changes, "clusters": entity_changes}


@dataclass(frozen=True)
class DiffOptions:
    """The two files to compare, and further inputs.

    `old_left`, `old_right`: the tables of `before`, if they differ from those of `after`. `gold`: known
    matches. `keys`: one or two files of keys of the later tables, to find whether a lost pair still shares a
    bucket. `output`: the path for all gained and lost rows.
    """

    before: str
    after: str
    gold: str | None = None
    old_left: str | None = None
    old_right: str | None = None
    keys: tuple[str, ...] = ()
    output: Path | None = None


@dataclass(frozen=True)
class Diff:
    """The differences between two files.

    `kind`: pairs, matches or entities. `before`, `after`: the number of these in each file. `lost`, `gained`:
    rows, each with its `cause`. `known_lost`: the known matches that are lost. `known_gained`: the number of
    known matches that are gained. Both are None without known matches.
    """

    kind: str
    before: int
    after: int
    lost: pl.DataFrame
    gained: pl.DataFrame
    known_lost: pl.DataFrame | None = None
    known_gained: int | None = None

    @property
    def sides(self) -> tuple[tuple[str, pl.DataFrame], ...]:
        """The lost rows and the gained rows, each with its name."""
        return ("lost", self.lost), ("gained", self.gained)

    @property
    def has_loss(self) -> bool:
        """Whether a known match is lost; without known matches, whether anything is lost."""
        return not (self.lost if self.known_lost is None else self.known_lost).is_empty()


def diff(config: Config, options: DiffOptions) -> Diff:
    """Return the rows that the file `after` has gained and lost since `before`; write them if asked to.

    Raises:
        ErblockError: if a file or a table cannot be used, or the two files are of different kinds.
    """
    _check(config, options)
    has_old = (options.old_left or options.old_right) is not None
    engine = open_local(config, compared=has_old)
    before = read_found(options.before, config, engine, known=False)
    after = read_found(options.after, config, engine)
    if before.kind != after.kind or before.kind not in _CHANGES:
        raise ConfigError(
            f"{before.path} holds {before.kind} and {after.path} {after.kind}: expected two files of pairs, "
            "of matches or of clusters"
        )
    past = _past(before, _old_engine(config, options))
    gone, new = _states(engine, past, with_new=has_old)
    changes = _CHANGES[before.kind]
    if before.kind == "matches":
        changes = partial(match_changes, one_table=engine.dedup)
    lost, gained = changes(before.frame, after.frame, gone), changes(after.frame, before.frame, new)
    if options.keys:
        lost = with_buckets(lost, *_keys(options.keys, after))
    known_lost, known_gained = _known(config, options.gold, (before, after), past)
    if known_lost is not None and before.kind != "clusters":  # entities have other causes than pairs
        known_lost = known_lost.join(lost.select(*PAIR, "cause"), on=PAIR, how="left", maintain_order="left")
    counts = (_count(before), _count(after))
    kind = "entities" if before.kind == "clusters" else before.kind
    found = Diff(kind, *counts, lost, gained, known_lost, known_gained)
    if options.output is not None:
        sides = [
            frame.select(pl.lit(name).alias("change"), "cause", pl.exclude("change", "cause"))
            for name, frame in found.sides
        ]
        write_rows(pl.concat(sides, how="diagonal_relaxed"), options.output)
    return found


def _check(config: Config, options: DiffOptions) -> None:
    if options.old_right is not None and config.tables.right is None:
        raise ConfigError(f"--old-right {options.old_right}: there is one table; give only --old-left")
    if options.output is not None:
        check_rows_output(options.output, "--output")
    old = (options.old_left, options.old_right)
    files = [options.before, options.after, options.gold, *options.keys, *old]
    check_evaluate_places(config, files, {"--output": options.output})


def _count(found: Found) -> int:
    if found.kind != "clusters":
        return found.matches.height
    return found.frame.group_by("cluster_id").len().filter(pl.col("len") > 1).height


def _old_engine(config: Config, options: DiffOptions) -> LocalMatchEngine | None:
    given = {"left": options.old_left, "right": options.old_right}
    changed = {side: table for side, table in given.items() if table is not None}
    if not changed:
        return None
    return open_local(config.model_copy(update={"tables": config.tables.model_copy(update=changed)}))


def _keys(files: tuple[str, ...], found: Found) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables of keys (KEYS) of both sides, with ids of the same type as in the tables."""
    engine = found.engine
    expected = 1 if engine.dedup else 2
    if found.kind != "pairs" or len(files) != expected:
        raise ConfigError(
            f"--keys needs pairs and {expected} files, one for each table; found {found.kind} and "
            f"{len(files)} files"
        )
    keys = []
    for file, ids in zip(files, engine.ids, strict=False):
        try:
            frame = KEYS.check(read_frame(file))
        except TableError as error:
            raise TableError(f"--keys {file}: {error}") from None
        keys.append(frame.with_columns(cast_ids(frame["record_id"], ids.dtype, file)))
    return keys[0], keys[-1]


def _past(before: Found, old: LocalMatchEngine | None) -> list[pl.DataFrame]:
    """Return the ids and texts of the earlier records, one frame for each side.

    Without the old tables, these are the records that the earlier file names, and their texts are null.
    """
    past = []
    for side, name in enumerate(PAIR):
        ids = _named_ids(before, side) if old is None else old.ids[side]
        ids = converted_ids(ids.rename(name), before.engine.ids[side].dtype)
        texts = pl.lit(None, pl.String) if old is None else old.texts[side]
        past.append(ids.to_frame().with_columns(text=texts))
    return past


def _states(
    engine: LocalMatchEngine, past: list[pl.DataFrame], *, with_new: bool
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Return a pair (gone, new) of lists, each with the changed records of both sides.

    `gone`: earlier records that are missing now, or have another text. `new`: present records that were
    missing before, or had another text; empty unless `with_new`.
    """
    gone, new = [], []
    for name, ids, texts, before in zip(PAIR, engine.ids, engine.texts, past, strict=True):
        today = pl.DataFrame({name: ids, "text": texts})
        gone.append(_differing(before, today, "record gone"))
        new.append(_differing(today if with_new else today.clear(), before, "record new"))
    return gone, new


def _named_ids(found: Found, side: int) -> pl.Series:
    if found.kind != "clusters":
        names = PAIR if found.engine.dedup else PAIR[side : side + 1]
        return pl.concat([found.frame[name].alias("id") for name in names]).unique()
    table = "left" if found.engine.dedup else ("left", "right")[side]
    return found.frame.filter(pl.col("table") == table)["record_id"]


def _differing(one: pl.DataFrame, other: pl.DataFrame, missing: str) -> pl.DataFrame:
    """Return the ids of `one` that `other` lacks or has with another text; `state` says which of the two."""
    name = one.columns[0]
    both = one.join(other.select(name, there=pl.col("text"), known=True), on=name, how="left")
    state = (
        pl.when(pl.col("known").is_null())
        .then(pl.lit(missing))
        .when(pl.col("text") != pl.col("there"))
        .then(pl.lit("record changed"))
    )
    return both.select(name, state.alias("state")).drop_nulls("state")


def _known(
    config: Config, gold: str | None, both: tuple[Found, Found], past: list[pl.DataFrame]
) -> tuple[pl.DataFrame | None, int | None]:
    """Return a pair (lost, gained): the known matches that are lost, and the number of those gained.

    Matches of records that are no longer in the tables are left out. Both are None without known matches.
    """
    if gold is None:
        return None, None
    today = both[1].engine.ids
    named = [
        pl.concat([ids.alias("id"), frame[name].alias("id")]).unique()
        for ids, frame, name in zip(today, past, PAIR, strict=True)
    ]
    known = known_matches(gold, config, (named[0], named[1]), one_table=both[1].engine.dedup)
    for name, ids in zip(PAIR, today, strict=True):
        known = known.join(ids.to_frame(name), on=name, how="semi", maintain_order="left")
    held = [_held(found, known) for found in both]
    lost = held[0].join(held[1], on=PAIR, how="anti", maintain_order="left")
    return lost, held[1].join(held[0], on=PAIR, how="anti").height


def _held(found: Found, known: pl.DataFrame) -> pl.DataFrame:
    """Return the known matches that a file contains, as pairs or as records of one cluster."""
    if found.kind != "clusters":
        return known.join(found.matches, on=PAIR, how="semi", maintain_order="left")
    as_text, ends = found.frame.schema["record_id"] == pl.String, known
    for name, side in zip(PAIR, ("left", "left" if found.engine.dedup else "right"), strict=True):
        ids = id_text(name, known.schema[name]) if as_text else pl.col(name)
        members = found.frame.filter(pl.col("table") == side).select(
            pl.col("record_id").alias(f"{name} there"), pl.col("cluster_id").alias(f"{name} in")
        )
        ends = ends.with_columns(ids.alias(f"{name} there")).join(members, on=f"{name} there", how="left")
    return ends.filter(pl.col(f"{PAIR[0]} in") == pl.col(f"{PAIR[1]} in")).select(PAIR)
