"""Finds the pairs, matches or entities that one of two files has and the other lacks, and the causes.

Causes ("there" is the other file, or its tables):

record gone, new       a record is not in the other tables
record changed         a record has other values in the compared columns there
budget                 the rank of a pair exceeds the number of pairs in the other file
buckets, score         any other pair: it shares no bucket there, or is ranked lower; bucket keys tell which
decision               a pair is probable enough there, but its record matches another record
evidence               a pair is less probable there
no candidate           a pair is no candidate there; known if all candidates are written
evidence or candidate  one of the last two, if only matches are written
records apart          the records of an entity are in several entities there
larger entity          the records of an entity are in one entity there, with others
"""

from collections.abc import Sequence

import polars as pl

from erblock.tables.pairs import PAIR, id_text

# Names of helper columns, which no file of pairs has.
_RANK, _MET, _THERE = "rank in the file", "met in the other", "probability in the other"
_UNTOLD = "buckets or score"
_MEMBER = ("table", "record_id")


def pair_changes(rows: pl.DataFrame, others: pl.DataFrame, states: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the pairs of `rows` that `others` lacks, each with its `cause`.

    Both frames are sorted best first. `states` has, for each side, a frame of the records that differ in the
    other tables: their id and `state`, which is "record gone", "record new" or "record changed".
    """
    missing = rows.with_row_index(_RANK).join(others, on=PAIR, how="anti", maintain_order="left")
    below = pl.when(pl.col(_RANK) >= others.height).then(pl.lit("budget"))
    return _caused(missing, states, below.otherwise(pl.lit(_UNTOLD))).drop(_RANK)


def with_buckets(changes: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Return the result of `pair_changes` with the cause "buckets or score" decided by bucket keys.

    `left` and `right` are the bucket keys (KEYS) of the other tables. If a pair shares a bucket there, the
    cause is "score": the pair has a lower score, or its buckets are too full to be joined. Else the cause is
    "buckets".
    """
    asked = changes.filter(pl.col("cause") == _UNTOLD).select(PAIR)
    keyed = asked.join(left, left_on=PAIR[0], right_on="record_id")
    place = ["band", "bucket"]
    met = keyed.join(right, left_on=[PAIR[1], *place], right_on=["record_id", *place], how="semi")
    met = met.select(*PAIR, pl.lit("score").alias(_MET)).unique(PAIR)
    caused = changes.join(met, on=PAIR, how="left", maintain_order="left")
    untold = pl.col("cause") == _UNTOLD
    cause = pl.when(untold).then(pl.col(_MET).fill_null("buckets")).otherwise("cause")
    return caused.with_columns(cause.alias("cause")).drop(_MET)


def match_changes(
    rows: pl.DataFrame, others: pl.DataFrame, states: Sequence[pl.DataFrame], *, one_table: bool = False
) -> pl.DataFrame:
    """Return the matches of `rows` that are no matches in `others`, each with its `cause`.

    The arguments are those of `pair_changes`. A competing match of a record is a cause only if each record
    has at most one match there, and never in one table.
    """
    there = others.filter("is_match")
    missing = rows.filter("is_match").join(there, on=PAIR, how="anti", maintain_order="left")
    judged = others.select(*PAIR, _probability(others).alias(_THERE))
    missing = missing.join(judged, on=PAIR, how="left", maintain_order="left")
    once = [name for name in PAIR if not one_table and there[name].is_unique().all()]
    taken = [pl.col(name).is_in(there[name].implode()) for name in once]
    least = there.select(_probability(there)).to_series().min()
    unjudged = "evidence or candidate" if there.height == others.height else "no candidate"
    cause = (
        pl.when(pl.col(_THERE) >= least)
        .then(pl.lit("decision"))
        .when(pl.col(_THERE).is_not_null())
        .then(pl.lit("evidence"))
        .when(pl.any_horizontal(*taken, pl.lit(value=False)))
        .then(pl.lit("decision"))
        .otherwise(pl.lit(unjudged))
    )
    return _caused(missing, states, cause).drop(_THERE)


def _probability(matches: pl.DataFrame) -> pl.Expr:
    """Return an expression for the probability of a pair; without probabilities, 1 for a match, else 0."""
    return pl.col("probability") if "probability" in matches.columns else pl.col("is_match").cast(pl.Float64)


def entity_changes(rows: pl.DataFrame, others: pl.DataFrame, states: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the entities of `rows` that differ in `others`, each with its `cause`.

    Both frames have `cluster_id`, `table` and `record_id`. An entity has at least two records. The result has
    `cluster_id`, the number of `records`, and their `ids` as text.
    """
    ours, theirs = (_entities(frame) for frame in (rows, others))
    missing = ours.join(theirs, on="ids", how="anti", maintain_order="left")
    there = others.select(pl.col("cluster_id").alias("there"), *_MEMBER)
    members = rows.join(missing.select("cluster_id"), on="cluster_id", how="semi")
    members = members.join(there, on=_MEMBER, how="left").join(
        _of_members(states, rows), on=_MEMBER, how="left"
    )
    is_apart = (pl.col("there").n_unique() > 1) | pl.col("there").has_nulls()
    cause = pl.coalesce(
        pl.col("state").drop_nulls().min(),
        pl.when(is_apart).then(pl.lit("records apart")).otherwise(pl.lit("larger entity")),
    )
    causes = members.group_by("cluster_id").agg(cause.alias("cause"))
    return missing.join(causes, on="cluster_id", how="left", maintain_order="left")


def _of_members(states: Sequence[pl.DataFrame], rows: pl.DataFrame) -> pl.DataFrame:
    """Return the states of both sides as one frame (table, record_id, state), with the id type of `rows`."""
    as_text = rows.schema["record_id"] == pl.String
    parts = []
    for side, name, state in zip(("left", "right"), PAIR, states, strict=True):
        ids = id_text(name, state.schema[name]) if as_text else pl.col(name)
        parts.append(state.select(pl.lit(side).alias("table"), ids.alias("record_id"), "state"))
    return pl.concat(parts)


def _entities(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `cluster_id`, `records` and `ids` of each entity with at least two records."""
    record = id_text("record_id", rows.schema["record_id"])
    name = pl.concat_str(pl.col("table"), record, separator=" ").alias("ids")
    entities = (
        rows.select("cluster_id", name)
        .group_by("cluster_id", maintain_order=True)
        .agg(pl.len().alias("records"), pl.col("ids").sort().str.join(", "))
    )
    return entities.filter(pl.col("records") > 1)


def _caused(missing: pl.DataFrame, states: Sequence[pl.DataFrame], otherwise: pl.Expr) -> pl.DataFrame:
    for name, state in zip(PAIR, states, strict=True):
        known = state.rename({"state": f"{name} state"})
        missing = missing.join(known, on=name, how="left", maintain_order="left")
    own = [f"{name} state" for name in PAIR]
    return missing.with_columns(pl.coalesce(*own, otherwise).alias("cause")).drop(own)
