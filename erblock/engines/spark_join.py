"""The shuffles of blocking on Spark: keys to tiles, and scored pairs to the best of every record.

The join moves records, not pairs, because pairs outnumber records by far. A record is sent with its vectors
to the tiles of its buckets, where pairs are made, scored and cut to the best of every record. Only pairs that
are among the best 100 of either record in a tile are shuffled.

Decision: docs/decisions/039-records-travel-on-spark.md.
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
    from pyspark.sql.window import WindowSpec

BUCKET = ("band", "bucket")


def keys_of(sketches: "DataFrame") -> "DataFrame":
    """Return `side, row, order, band, bucket`: one row for each key of each record."""
    keys = sketches.select("side", "row", "order", F.posexplode("buckets").alias("band", "bucket"))
    return keys.filter(F.col("bucket").isNotNull())


def with_roles(keys: "DataFrame", *, dedup: bool) -> "DataFrame":
    """Return the keys with their `role`; a record of one table (`dedup`) has a row for either role."""
    if dedup:
        return keys.withColumn("role", F.explode(F.array(F.lit(LEFT), F.lit(RIGHT))))
    return keys.withColumn("role", F.when(F.col("side") == 0, LEFT).otherwise(RIGHT))


def tiles_of(keys: "DataFrame", *, dedup: bool) -> "DataFrame":
    """Return the rows of all tiles: `side, row, role, place, low, high` and the columns of `TILE`.

    This takes one shuffle, by bucket. The right records of a bucket are cut into segments of `MAX_BUCKET`. A
    left record goes to the segments with the places that it meets, at most three.
    """
    counted = _with_counts(with_roles(keys, dedup=dedup))
    met = counted.filter((F.col("n_left") > 0) & (F.col("n_right") > int(dedup)))
    # In an overfull bucket a left record may meet no right record, because all are too many places away.
    placed = _with_places(met).filter((F.col("role") == RIGHT) | (F.col("low") < F.col("high")))
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
    """Add each record's place among those of its side in its bucket, and the right places that it meets.

    In an overfull bucket the records that meet are those of `bucket_runs.write_runs`: near each other
    (`near`) among the records of both sides.
    """
    bucket = Window.partitionBy(*BUCKET)
    # The sort of the first window serves the second.
    before = bucket.orderBy("order", "row").rowsBetween(Window.unboundedPreceding, -1)
    smaller = bucket.orderBy("order").rangeBetween(Window.unboundedPreceding, -1)
    is_left = F.col("role") == LEFT
    place = F.when(is_left, _count(LEFT, before)).otherwise(_count(RIGHT, before))
    others = F.when(is_left, _count(RIGHT, smaller)).otherwise(_count(LEFT, smaller))
    placed = keys.withColumn("place", place).withColumn("others", others)
    size = F.greatest("n_left", "n_right")
    # In any other bucket all records are near each other.
    near = F.when(
        size > MAX_BUCKET, _floor((F.col("place") + F.col("others")) * MAX_BUCKET, _window(size))
    ).otherwise(0)
    by_place = bucket.orderBy("near")
    low = by_place.rangeBetween(Window.unboundedPreceding, -MAX_BUCKET - 1)
    high = by_place.rangeBetween(Window.unboundedPreceding, MAX_BUCKET)
    return placed.withColumn("near", near.cast("long")).withColumns(
        {"low": _count(RIGHT, low), "high": _count(RIGHT, high)}
    )


def _with_chunks(keys: "DataFrame") -> "DataFrame":
    """Add `chunk`: runs of `TILE_LEFT` left records of a segment; its right records are in every run."""
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
    """Merge the rows of a record on both sides of a tile, so that it is sent there once."""
    left = F.col("role") == LEFT
    return tiles.groupBy(*TILE, "side", "row").agg(
        F.sum("role").alias("role"),
        F.coalesce(F.max(F.when(~left, F.col("place"))), F.lit(0)).alias("place"),
        F.coalesce(F.max(F.when(left, F.col("low"))), F.lit(0)).alias("low"),
        F.coalesce(F.max(F.when(left, F.col("high"))), F.lit(0)).alias("high"),
    )


def with_vectors(tiles: "DataFrame", sketches: "DataFrame") -> "DataFrame":
    """Return the tiles with the vectors of their records; rows of a tile are adjacent."""
    vectors = sketches.select("side", "row", *VECTORS)
    joined = tiles.withColumn("role", F.col("role").cast("byte")).join(vectors, ["side", "row"])
    return joined.drop("side").repartition(*TILE).sortWithinPartitions(*TILE)


def best_pairs(found: "DataFrame", most: int, *, dedup: bool) -> "DataFrame":
    """Return the distinct pairs that are among the best `most` of either record, as `score.BestPairs` does.

    `bands`: the number of bands in which they met. It is complete, because a pair that is among the best of
    all is among the best in each of its tiles.
    """
    pairs = found.filter(F.col("what") == PAIR).groupBy("left", "right")
    distinct = pairs.agg(F.max("similarity").alias("similarity"), F.count("*").alias("bands"))
    # In one table a record's pairs are those on either side.
    ends = (("left", "right", 0), ("right", "left", 0 if dedup else 1))
    seen = [
        F.struct(F.col(end).alias("record"), F.col(other).alias("partner"), F.lit(side).alias("side"))
        for end, other, side in ends
    ]
    both = distinct.withColumn("end", F.explode(F.array(*seen)))
    best = Window.partitionBy("end.side", "end.record").orderBy(F.desc("similarity"), "end.partner")
    ranked = both.withColumn("rank", F.row_number().over(best)).filter(F.col("rank") <= most)
    return ranked.select("left", "right", "similarity", "bands").dropDuplicates(["left", "right"])


def join_report(keys: "DataFrame", *, dedup: bool) -> JoinReport:
    """Return the statistics of the join, counted over the left keys, without the number of distinct pairs."""
    placed = _with_places(_with_counts(with_roles(keys, dedup=dedup))).filter(F.col("role") == LEFT)
    width = F.col("high") - F.col("low")
    over = F.col("n_right") - width
    figures = (F.sum(width), F.sum((over > 0).cast("long")), F.sum(over), F.max("n_right"))
    joined, oversized, skipped, largest = (int(value or 0) for value in placed.agg(*figures).collect()[0])
    return JoinReport(joined, 0, oversized, skipped, largest)


def _is(role: int) -> "Column":
    return (F.col("role") == role).cast("long")


def _count(role: int, frame: "WindowSpec") -> "Column":
    return F.coalesce(F.sum(_is(role)).over(frame), F.lit(0))


def _window(size: "Column") -> "Column":
    """Return the maximum distance of records that meet in a bucket, as `bucket_runs.window` does."""
    fewer = F.floor(F.lit(MAX_BUCKET**2) / F.greatest(size, F.lit(1))).cast("long")
    return F.least(F.lit(MAX_BUCKET).cast("long"), F.greatest(F.lit(LEAST_WINDOW).cast("long"), fewer))


def _floor(value: "Column", size: "Column | int") -> "Column":
    return F.floor(value / size).cast("long")
