"""The shuffles of blocking as Spark sees them: keys to tiles, found pairs to the best of every record.

The join moves records, not pairs: a record is sent to the tiles of its buckets together with its vectors, so
that pairs are made, scored and cut to the best of every record where they meet. Pairs outnumber records by
far; no pair is shuffled before it is among the best 100 of its left record in its tile.
"""

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from erblock.blocking.bucket_runs import LEAST_WINDOW, MAX_BUCKET
from erblock.blocking.candidates import JoinReport
from erblock.engines.tiles import LEFT, PAIR, RIGHT, TILE, TILE_LEFT
from erblock.engines.wire import VECTORS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.column import Column

BUCKET = ("band", "bucket")


def keys_of(sketches: "DataFrame") -> "DataFrame":
    """Return `side, row, order, band, bucket`: one row for each key of each record."""
    keys = sketches.select("side", "row", "order", F.posexplode("buckets").alias("band", "bucket"))
    return keys.filter(F.col("bucket").isNotNull())


def with_roles(keys: "DataFrame", *, dedup: bool) -> "DataFrame":
    """Return the keys with `role`: the records of one table (`dedup`) are on both sides, a row for each."""
    if dedup:
        return keys.withColumn("role", F.explode(F.array(F.lit(LEFT), F.lit(RIGHT))))
    return keys.withColumn("role", F.when(F.col("side") == 0, LEFT).otherwise(RIGHT))


def tiles_of(keys: "DataFrame", *, dedup: bool) -> "DataFrame":
    """Return the rows of all tiles: `side, row, role, place, low, high` and the columns of `TILE`.

    One shuffle, by bucket. A bucket of more than `MAX_BUCKET` right records is cut into segments of so many;
    a left record goes to the one or two of them that hold the places it meets.
    """
    counted = _with_counts(with_roles(keys, dedup=dedup))
    met = counted.filter((F.col("n_left") > 0) & (F.col("n_right") > int(dedup)))
    placed = _with_places(met)
    last = F.when(F.col("role") == LEFT, F.col("high") - 1).otherwise(F.col("place"))
    first = F.when(F.col("role") == LEFT, F.col("low")).otherwise(F.col("place"))
    segments = F.sequence(_floor(first, MAX_BUCKET), _floor(last, MAX_BUCKET))
    tiles = _with_chunks(placed.withColumn("segment", F.explode(segments)))
    columns = ("side", "row", "role", "place", "low", "high", *TILE)
    return _roles_together(tiles) if dedup else tiles.select(*columns)


def _with_counts(keys: "DataFrame") -> "DataFrame":
    bucket = Window.partitionBy(*BUCKET)
    return keys.withColumn("n_left", F.sum(_is(LEFT)).over(bucket)).withColumn(
        "n_right", F.sum(_is(RIGHT)).over(bucket)
    )


def _with_places(keys: "DataFrame") -> "DataFrame":
    """Add the place of a right record in its bucket, and the places that a left record meets."""
    place = F.row_number().over(Window.partitionBy(*BUCKET, "role").orderBy("order", "row")) - 1
    smaller = Window.partitionBy(*BUCKET).orderBy("order").rangeBetween(Window.unboundedPreceding, -1)
    before = F.coalesce(F.sum(_is(RIGHT)).over(smaller), F.lit(0))
    width = _window(F.col("n_right"))
    most = F.col("n_right") - width
    low = F.when(most > 0, F.least(F.greatest(before - _floor(width, 2), F.lit(0)), most)).otherwise(0)
    placed = keys.withColumn("low", low).withColumn("place", place)
    return placed.withColumn("high", F.col("low") + F.least(F.col("n_right"), width))


def _with_chunks(keys: "DataFrame") -> "DataFrame":
    """Add `chunk`: the left records of a segment in runs of `TILE_LEFT`, the right ones in each of them."""
    segment = Window.partitionBy(*BUCKET, "segment")
    side = Window.partitionBy(*BUCKET, "segment", "role").orderBy("row")
    own = _floor(F.row_number().over(side) - 1, TILE_LEFT)
    last = _floor(F.col("n_here") - 1, TILE_LEFT)
    chunks = F.when(F.col("role") == LEFT, F.array("own")).otherwise(
        F.sequence(F.lit(0).cast("long"), F.col("last"))
    )
    here = keys.withColumn("n_here", F.sum(_is(LEFT)).over(segment)).filter(F.col("n_here") > 0)
    numbered = here.withColumn("own", own).withColumn("last", last)
    return numbered.withColumn("chunk", F.explode(chunks))


def _roles_together(tiles: "DataFrame") -> "DataFrame":
    """A record that is on both sides of a tile travels there once."""
    left = F.col("role") == LEFT
    return tiles.groupBy(*TILE, "side", "row").agg(
        F.sum("role").alias("role"),
        F.coalesce(F.max(F.when(~left, F.col("place"))), F.lit(0)).alias("place"),
        F.coalesce(F.max(F.when(left, F.col("low"))), F.lit(0)).alias("low"),
        F.coalesce(F.max(F.when(left, F.col("high"))), F.lit(0)).alias("high"),
    )


def with_vectors(tiles: "DataFrame", sketches: "DataFrame") -> "DataFrame":
    """Return the tiles with the vectors of their records, those of a tile together."""
    vectors = sketches.select("side", "row", *VECTORS)
    joined = tiles.withColumn("role", F.col("role").cast("byte")).join(vectors, ["side", "row"])
    return joined.drop("side").repartition(*TILE).sortWithinPartitions(*TILE)


def best_pairs(found: "DataFrame", most: int) -> "DataFrame":
    """Return the distinct pairs, the best `most` of each left record; `bands` says in how many they met."""
    pairs = found.filter(F.col("what") == PAIR).repartition("left").groupBy("left", "right")
    distinct = pairs.agg(F.max("similarity").alias("similarity"), F.count("*").alias("bands"))
    best = Window.partitionBy("left").orderBy(F.desc("similarity"), "right")
    ranked = distinct.withColumn("rank", F.row_number().over(best))
    return ranked.filter(F.col("rank") <= most).drop("rank")


def join_report(keys: "DataFrame", *, dedup: bool) -> JoinReport:
    """Return what the join touches, as counted over the buckets; the distinct pairs are not."""
    sides = with_roles(keys, dedup=dedup).groupBy(*BUCKET)
    buckets = sides.agg(F.sum(_is(LEFT)).alias("left"), F.sum(_is(RIGHT)).alias("right")).filter("left > 0")
    width = _window(F.col("right"))
    over = F.greatest(F.col("right") - width, F.lit(0))
    figures = (
        F.sum(F.col("left") * F.least(F.col("right"), width)),
        F.sum(F.when(over > 0, F.col("left")).otherwise(0)),
        F.sum(F.col("left") * over),
        F.max("right"),
    )
    joined, oversized, skipped, largest = (int(value or 0) for value in buckets.agg(*figures).collect()[0])
    return JoinReport(joined, 0, oversized, skipped, largest)


def _is(role: int) -> "Column":
    return (F.col("role") == role).cast("long")


def _window(size: "Column") -> "Column":
    """Return how many records of a bucket a record meets, as `blocking.candidates.window` does."""
    fewer = F.floor(F.lit(MAX_BUCKET**2) / F.greatest(size, F.lit(1))).cast("long")
    return F.least(F.lit(MAX_BUCKET).cast("long"), F.greatest(F.lit(LEAST_WINDOW).cast("long"), fewer))


def _floor(value: "Column", size: int) -> "Column":
    return F.floor(value / size).cast("long")
