"""Labelling pairs, on which rules are evaluated: near pairs from cheap blockers, and random pairs.

The order of the rows has no effect, because records are numbered by their ids while pairs are drawn.

Decision: docs/decisions/016-labelling-pairs.md.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from erblock.similarity.values import grams, words
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID
from erblock.tables.text import plain_texts, record_texts

RANDOM_SHARE = 0.2
GRAM_SIZE = 3
JOIN_ROWS_PER_PAIR = 10
"""Rows that the join on features may have for each pair wanted. Rare features are joined first."""


def labelling_pairs(tables: TablePair, budget: int, seed: int) -> pl.DataFrame:
    """Return at most `budget` distinct pairs: left_row, right_row, origin, in the order of the ids.

    `origin` is "all" where the budget covers every pair, else "words", "pieces" or "random". For one table
    left_row is less than right_row.
    """
    orders = [_order(table.frame[ID]) for table in (tables.left, tables.other)]
    sizes = (len(orders[0]), len(orders[1]))
    if _all_pairs(sizes, tables.dedup) <= budget:
        drawn = _every_pair(sizes)
    else:
        drawn = pl.concat([*_near(tables, orders, budget), _random(sizes, budget, seed)])
    if tables.dedup:
        drawn = drawn.filter(pl.col("left") < pl.col("right"))
    drawn = drawn.unique(["left", "right"], keep="first", maintain_order=True).head(budget)
    return _as_rows(drawn.sort("left", "right"), orders, tables.dedup)


def _near(tables: TablePair, orders: list[NDArray[np.int64]], budget: int) -> Iterator[pl.DataFrame]:
    """Yield pairs that share rare features. A further cheap blocker would be one more entry of `features`."""
    sides = [
        (tables.left, [pair.left for pair in tables.columns]),
        (tables.other, [pair.right for pair in tables.columns]),
    ]
    left, right = (
        plain_texts(record_texts(table.frame, columns))[order]
        for (table, columns), order in zip(sides, orders, strict=True)
    )
    features: dict[str, Callable[[pl.Series], pl.Series]] = {
        "words": words,
        "pieces": lambda texts: grams(texts, GRAM_SIZE),
    }
    share = int(budget * (1 - RANDOM_SHARE) / len(features))
    for origin, split in features.items():
        joined = shared_features(
            _long(split(left)), _long(split(right)), share * JOIN_ROWS_PER_PAIR, tables.dedup
        )
        yield _nearest(joined, share).with_columns(origin=pl.lit(origin))


def _order(ids: pl.Series) -> NDArray[np.int64]:
    return ids.arg_sort().to_numpy().astype(np.int64)


def _long(lists: pl.Series) -> pl.DataFrame:
    frame = lists.alias("feature").to_frame().with_row_index("row")
    return frame.explode("feature", empty_as_null=True).drop_nulls().unique()


def shared_features(left: pl.DataFrame, right: pl.DataFrame, most: int, dedup: bool) -> pl.DataFrame:
    """Return the pairs that have a rare feature in common: left, right, weight.

    Features are used from the rarest on, while their join has at most `most` rows. `left` and `right` have
    the columns row and feature, each combination once. The weight is the sum over the shared features of
    -ln(share of pairs that share it).
    """
    counts = [side.group_by("feature").len(name) for side, name in ((left, "n_left"), (right, "n_right"))]
    size = pl.col("n_left").cast(pl.Int64) * pl.col("n_right")
    common = counts[0].join(counts[1], on="feature").with_columns(rows=size).sort("rows", "feature")
    if dedup:
        common = common.filter(pl.col("n_left") > 1)
    total = left["row"].n_unique() * right["row"].n_unique()
    rare = common.filter(pl.col("rows").cum_sum() <= most)
    rare = rare.select("feature", weight=-(pl.col("rows") / total).log())
    pairs = left.join(rare, on="feature").join(right, on="feature")
    pairs = pairs.select(left="row", right="row_right", weight="weight")
    if dedup:
        pairs = pairs.filter(pl.col("left") < pl.col("right"))
    return pairs.group_by("left", "right").agg(pl.col("weight").sort().sum())


def _nearest(pairs: pl.DataFrame, most: int) -> pl.DataFrame:
    """Return the `most` pairs that rank highest for one of their records."""
    ranks = [pl.col("weight").rank("min", descending=True).over(side) for side in ("left", "right")]
    ranked = pairs.with_columns(rank=pl.min_horizontal(ranks))
    best = ranked.sort(["rank", "weight", "left", "right"], descending=[False, True, False, False])
    return best.head(most).select("left", "right")


def _all_pairs(sizes: tuple[int, int], dedup: bool) -> int:
    return sizes[0] * (sizes[0] - 1) // 2 if dedup else sizes[0] * sizes[1]


def _every_pair(sizes: tuple[int, int]) -> pl.DataFrame:
    return _pairs(np.repeat(np.arange(sizes[0]), sizes[1]), np.tile(np.arange(sizes[1]), sizes[0]), "all")


def _random(sizes: tuple[int, int], budget: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    left, right = (random.integers(0, size, int(budget * RANDOM_SHARE)) for size in sizes)
    return _pairs(left, right, "random")


def _pairs(left: NDArray[np.int64], right: NDArray[np.int64], origin: str) -> pl.DataFrame:
    frame = pl.DataFrame({"left": left, "right": right}, schema={"left": pl.UInt32, "right": pl.UInt32})
    return frame.with_columns(origin=pl.lit(origin))


def _as_rows(drawn: pl.DataFrame, orders: list[NDArray[np.int64]], dedup: bool) -> pl.DataFrame:
    left, right = (
        order[drawn[side].to_numpy()] for order, side in zip(orders, ("left", "right"), strict=True)
    )
    if dedup:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return pl.DataFrame({"left_row": left, "right_row": right, "origin": drawn["origin"]})
