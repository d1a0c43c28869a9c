"""Negatives for training: records that are clearly dissimilar to an anchor.

Frames here have the columns anchor, other (row numbers of the two tables) and their ids. Order depends on ids
only, so shuffling the rows of a table has no effect.

Decision: docs/decisions/015-negatives-need-a-reason.md.
"""

import numpy as np
import polars as pl

from erblock.rules.compile import RuleSet
from erblock.rules.label import DISSIMILAR, NO_RULE, SIMILAR, label_pairs
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID

DRAWS = 8
ROUNDS = 3


def with_ids(tables: TablePair, labelled: pl.DataFrame) -> pl.DataFrame:
    """Return labelled pairs as anchor, other and their ids; in one table the anchor has the lower id."""
    left, right = tables.left.frame[ID], tables.other.frame[ID]
    named = labelled.rename({"left_row": "anchor", "right_row": "other"}).with_columns(
        anchor_id=left.gather(labelled["left_row"]), other_id=right.gather(labelled["right_row"])
    )
    if not tables.dedup:
        return named
    later = pl.col("anchor_id") > pl.col("other_id")
    turned = named.filter(later)
    return pl.concat([named.filter(~later), both_ways(turned).tail(turned.height)])


def both_ways(named: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs, then the same pairs with anchor and other exchanged."""
    turned = named.rename(
        {"anchor": "other", "other": "anchor", "anchor_id": "other_id", "other_id": "anchor_id"}
    )
    return pl.concat([named, turned.select(named.columns)])


def shuffled(named: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return the pairs in a random order that depends on the ids and the seed only."""
    ordered = named.sort("anchor_id", "other_id")
    return ordered[np.random.default_rng(seed).permutation(ordered.height)]


def near_negatives(positives: pl.DataFrame, named: pl.DataFrame, dedup: bool, seed: int) -> pl.DataFrame:
    """Return the positives whose anchor is in a conflicting near pair, with the other record as `negative`.

    Only a conflict rule or a label makes a near pair a negative. False match rules say little about near
    pairs: rules are written for precision, and with large clusters a third of such pairs match. Positives of
    one anchor get different negatives while there are enough.
    """
    near = (pl.col("label") == DISSIMILAR) & (pl.col("rule") != NO_RULE) & (pl.col("origin") != "random")
    pool = named.filter(near)
    pool = both_ways(pool) if dedup else pool
    pool = shuffled(pool.join(positives.select("anchor").unique(), on="anchor", how="semi"), seed)
    turn = pl.int_range(pl.len()).over("anchor")
    pool = pool.select("anchor", negative="other", turn=turn, size=pl.len().over("anchor"))
    sizes = pool.select("anchor", "size").unique()
    asking = positives.join(sizes, on="anchor", maintain_order="left").with_columns(
        turn=turn % pl.col("size")
    )
    found = asking.join(pool.drop("size"), on=["anchor", "turn"], maintain_order="left")
    return found.select(*positives.columns, "negative")


def random_negatives(
    tables: TablePair, rules: RuleSet, positives: pl.DataFrame, named: pl.DataFrame, seed: int
) -> pl.DataFrame:
    """Return the positives whose anchor is dissimilar to one of a few random records, the `negative`."""
    random = np.random.default_rng(seed)
    order = tables.other.frame[ID].arg_sort().cast(pl.Int64)
    found = [positives.head(0).with_columns(negative=pl.lit(None, dtype=pl.Int64))]
    for _ in range(ROUNDS):
        rows = order.gather(random.integers(0, len(order), positives.height * DRAWS))
        repeated = positives.select(pl.all().repeat_by(DRAWS).explode(empty_as_null=True))
        drawn = repeated.with_columns(negative=rows)
        if drawn.is_empty():
            break
        good = drawn.filter(_is_dissimilar(tables, rules, drawn, named))
        chosen = good.unique(["anchor", "other"], keep="first", maintain_order=True)
        found.append(chosen)
        positives = positives.join(chosen, on=["anchor", "other"], how="anti", maintain_order="left")
    return pl.concat(found)


def _is_dissimilar(tables: TablePair, rules: RuleSet, drawn: pl.DataFrame, named: pl.DataFrame) -> pl.Series:
    left, right = drawn["anchor"].to_numpy(), drawn["negative"].to_numpy()
    if tables.dedup:
        left, right = np.minimum(left, right), np.maximum(left, right)
        named = both_ways(named)
    label = label_pairs(rules, left, right).label
    # Without match rules random pairs have no label, so an unlabelled pair that no blocker found is taken.
    good = label != SIMILAR if not rules.match else label == DISSIMILAR
    if rules.match:
        barred = named.filter(pl.col("label") != DISSIMILAR)
    else:
        barred = named.filter((pl.col("label") == SIMILAR) | ~pl.col("origin").is_in(["all", "random"]))
    pairs = drawn.select("anchor", "negative").with_columns(good=pl.Series(good) & pl.Series(left != right))
    known = barred.select("anchor", negative="other", barred=pl.lit(True)).unique()
    joined = pairs.join(known, on=["anchor", "negative"], how="left", maintain_order="left")
    return joined["good"] & joined["barred"].is_null()
