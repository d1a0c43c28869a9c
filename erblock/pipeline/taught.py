"""Splits labels (the table TAUGHT) into facts, 0 or 1, and probabilities, which only train a matcher."""

import polars as pl

from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.parameters import TUNED
from erblock.scoring.weak_labels import NOTHING_TAUGHT, TaughtPairs
from erblock.tables.pairs import with_rows
from erblock.tables.schemas import LABELS

_IS_FACT = pl.col("label").is_in([0.0, 1.0])


def facts(labels: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose label is 0 or 1, as a table of labels (LABELS)."""
    return LABELS.check(labels.filter(_IS_FACT).with_columns(pl.col("label").cast(pl.Int8)))


def taught_pairs(
    labels: pl.DataFrame | None, ids: tuple[pl.Series, pl.Series], pairs: ScoredPairs
) -> TaughtPairs:
    """Return the candidates whose label is a probability or has a weight other than 1."""
    if labels is None:
        return NOTHING_TAUGHT
    rows = with_rows(labels.filter(~_IS_FACT | (pl.col("weight") != 1)), ids)
    if pairs.one_table:
        low, high = pl.min_horizontal("left", "right"), pl.max_horizontal("left", "right")
        rows = rows.with_columns(left=low, right=high)
    rows = rows.unique(["left", "right"], keep="last", maintain_order=True)
    numbered = pl.DataFrame({"left": pairs.left, "right": pairs.right}).with_row_index("at")
    found = numbered.join(rows, on=["left", "right"], maintain_order="left")
    at, probability = found["at"].cast(pl.Int64).to_numpy(), found["label"].to_numpy()
    return TaughtPairs(at, probability, TUNED.label_weight * found["weight"].to_numpy())
