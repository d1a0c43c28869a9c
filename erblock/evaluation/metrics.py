"""Measures candidate pairs against known matches: pair completeness, pair quality and cost.

The inputs are PAIRS (`left_id`, `right_id`, and `score` for the curve), GOLD (`left_id`, `right_id`) and the
ids of the tables, of any type. In one table, (a, b) is the same pair as (b, a).

A repeated pair counts once. A pair with an id that is in neither table counts as a candidate, as it costs
work, too. Equal scores keep the order of the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from erblock.evaluation.rows import numbered

TARGETS = (0.89, 0.95, 0.97, 0.99)


@dataclass(frozen=True)
class Cut:
    """Statistics of the best `pairs` candidates; `hits` is the number of known matches among them."""

    pairs: int
    hits: int
    pair_completeness: float
    pair_quality: float
    f1: float


@dataclass(frozen=True)
class Coverage:
    """Counts of the records of one table: all, and those with candidates and matches.

    `with_candidate`: records with a candidate. `with_match`: records with a known match.
    `with_true_candidate`: records with a candidate that is a known match.
    """

    records: int
    with_candidate: int
    with_match: int
    with_true_candidate: int

    @property
    def candidate_share(self) -> float:
        """The share of all records that have a candidate."""
        return _ratio(self.with_candidate, self.records)

    @property
    def true_candidate_share(self) -> float:
        """The share of the records with a match that have a candidate which is a match."""
        return _ratio(self.with_true_candidate, self.with_match)


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a set of candidate pairs.

    `whole`: the cut that keeps all pairs. `gold`: the number of known matches. `comparisons`: the number of
    all possible pairs. `stray_pairs`: pairs with an id in neither table. `right`: None for one table.
    `scored`: whether the pairs have scores. `hit`: for each distinct pair, best first, whether it is a match.
    """

    whole: Cut
    gold: int
    comparisons: int
    duplicate_rows: int
    stray_pairs: int
    left: Coverage
    right: Coverage | None
    scored: bool
    hit: pl.Series

    @property
    def reduction_ratio(self) -> float:
        """Reduction ratio: the share of all possible pairs that are no candidates."""
        return 1 - _ratio(self.whole.pairs, self.comparisons)

    def cut(self, pairs: int) -> Cut:
        """Return the statistics of the `pairs` best candidates."""
        return _cut(pairs, int(self.hit.head(pairs).sum()), self.gold)

    def cheapest(self, target: float) -> Cut | None:
        """Return the smallest cut whose pair completeness reaches the target, or None."""
        if not self.scored or not self.gold or self.whole.hits < target * self.gold:
            return None
        reached = self.hit.cast(pl.Int64).cum_sum() >= target * self.gold
        first = reached.arg_max()
        return None if first is None else self.cut(first + 1)

    def curve(self, points: int = 100) -> list[Cut]:
        """Return at most `points` cuts of growing size, in about equal ratios, up to the whole set."""
        if not self.scored or self.hit.is_empty():
            return []
        sizes = np.unique(np.geomspace(1, self.whole.pairs, points).round().astype(np.int64))
        sums = self.hit.cast(pl.Int64).cum_sum().gather(sizes - 1)
        return [_cut(int(n), hits, self.gold) for n, hits in zip(sizes, sums, strict=True)]


def evaluate_pairs(
    pairs: pl.DataFrame, gold: pl.DataFrame, left_ids: pl.Series, right_ids: pl.Series | None = None
) -> Evaluation:
    """Return the evaluation of `pairs` against `gold`; `right_ids` is None if one table is deduplicated.

    Raises:
        TableError: if a column is missing, or ids have another type than in the tables.
    """
    one_table = right_ids is None
    left = left_ids.n_unique()
    right = left if right_ids is None else right_ids.n_unique()
    listed, matches = numbered((pairs, gold), left_ids, right_ids)
    known = matches.filter(pl.col("pair").is_first_distinct())
    judged = listed.filter(pl.col("pair").is_first_distinct())
    judged = _best_first(judged.with_columns(hit=pl.col("pair").is_in(known["pair"].implode())))
    return Evaluation(
        whole=_cut(judged.height, int(judged["hit"].sum()), known.height),
        gold=known.height,
        comparisons=left * (left - 1) // 2 if one_table else left * right,
        duplicate_rows=listed.height - judged.height,
        stray_pairs=judged.filter((pl.col("l") >= left) | (pl.col("r") >= right)).height,
        left=_coverage(judged, known, ["l", "r"] if one_table else ["l"], left),
        right=None if one_table else _coverage(judged, known, ["r"], right),
        scored="score" in pairs.columns,
        hit=judged["hit"],
    )


def without(pairs: pl.DataFrame, excluded: pl.DataFrame, one_table: bool) -> pl.DataFrame:
    """Return `pairs` (PAIRS or GOLD) without the pairs in `excluded`; in one table, in either order.

    Training pairs are easier to find than others. Without them in candidates and gold, the evaluation shows
    the quality on unseen matches.
    """
    keys = ["left_id", "right_id"]
    rest = pairs.join(excluded.select(keys), on=keys, how="anti", maintain_order="left")
    if not one_table:
        return rest
    turned = excluded.select(left_id="right_id", right_id="left_id")
    return rest.join(turned, on=keys, how="anti", maintain_order="left")


def _best_first(pairs: pl.DataFrame) -> pl.DataFrame:
    if "score" not in pairs.columns:
        return pairs
    scores = pl.col("score").cast(pl.Float64).fill_nan(None)
    return pairs.sort(scores, descending=True, maintain_order=True, nulls_last=True)


def _coverage(judged: pl.DataFrame, gold: pl.DataFrame, ends: Sequence[str], records: int) -> Coverage:
    def count(pairs: pl.DataFrame) -> int:
        rows = pl.concat([pairs[end].alias("row") for end in ends])
        return rows.filter(rows < records).n_unique()

    return Coverage(records, count(judged), count(gold), count(judged.filter("hit")))


def _cut(pairs: int, hits: int, gold: int) -> Cut:
    completeness, quality = _ratio(hits, gold), _ratio(hits, pairs)
    f1 = 2 * completeness * quality / (completeness + quality) if hits else 0.0
    return Cut(pairs, hits, completeness, quality, f1)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
