"""Stores the labels that a model was fitted with, and applies them when the model blocks.

A label is about the values of two records. The label is stored with a digest of these values, and is valid
for the records with these ids while their values are the same.

Decision: docs/decisions/031-labels-in-the-model.md.
"""

from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from erblock.blocking.copies import compared_rows
from erblock.comparison.fitted import LABELS_FILE
from erblock.errors import ModelError, TableError
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.weak_labels import MATCH, NO_MATCH, UNKNOWN, PairLabels
from erblock.tables.copies import Copies
from erblock.tables.pairs import converted_ids
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID, LABELS
from erblock.tables.text import record_texts

_DIGEST = "digest"


def kept_labels(tables: TablePair, labels: pl.DataFrame) -> pl.DataFrame:
    """Return the labels with a column `digest`, computed from the values of both records of each row."""
    return labels.with_columns(_digests(tables, labels).alias(_DIGEST))


def stored_labels(folder: Path) -> pl.DataFrame | None:
    """Return the stored labels of the model in `folder`, as from `kept_labels`; None if the model has none.

    Raises:
        ModelError: if the file cannot be read.
    """
    path = folder / LABELS_FILE
    if not path.is_file():
        return None
    try:
        kept = pl.read_parquet(path, columns=[*LABELS.columns, _DIGEST])
        LABELS.check(kept)
        return kept.cast({_DIGEST: pl.String})
    except (OSError, pl.exceptions.PolarsError, TableError) as cause:
        raise ModelError(f"{path}: cannot be read ({cause}); fit again") from cause


def read_label_rows(folder: Path, tables: TablePair) -> pl.DataFrame | None:
    """Return row numbers and labels of the pairs of `tables` that the model in `folder` has labels for.

    Return None if the model has no labels.

    Raises:
        ModelError: if the file cannot be read.
    """
    kept = stored_labels(folder)
    if kept is None:
        return None
    from erblock.rules.triplets import label_rows  # brings the parser of rules along

    # CSV tables have text ids, even if the ids of the model's tables were numbers.
    for side, records in (("left_id", tables.left), ("right_id", tables.other)):
        kept = kept.with_columns(converted_ids(kept[side], records.frame.schema[ID]))
    kept = kept.drop_nulls()
    return label_rows(tables, LABELS.check(kept.filter(kept[_DIGEST] == _digests(tables, kept))))


def of_compared(labels: pl.DataFrame, copies: tuple[Copies, Copies]) -> pl.DataFrame:
    """Return labels by row number, with copies replaced by the records that are compared in their place.

    If several labels concern one pair, the last counts.
    """
    left, right = compared_rows(copies, labels["left_row"].to_numpy(), labels["right_row"].to_numpy())
    moved = labels.with_columns(left_row=pl.Series(left), right_row=pl.Series(right))
    return moved.unique(["left_row", "right_row"], keep="last", maintain_order=True)


def pair_labels_of(labels: pl.DataFrame | None, pairs: ScoredPairs) -> PairLabels:
    """Return the label of each of `pairs`, from a table of labels by row number; UNKNOWN if it has none."""
    pair_labels = np.full(len(pairs), UNKNOWN, dtype=np.int8)
    if labels is None or labels.is_empty():
        return pair_labels
    from erblock.rules.label import SIMILAR  # brings the parser of rules along

    keys = (labels["left_row"].to_numpy() << 32) | labels["right_row"].to_numpy()
    order = np.argsort(keys)
    asked = (pairs.left << 32) | pairs.right
    places = order[np.minimum(np.searchsorted(keys[order], asked), len(keys) - 1)]
    is_known = keys[places] == asked
    label = labels["label"].to_numpy()[places[is_known]]
    pair_labels[is_known] = np.where(label == SIMILAR, MATCH, NO_MATCH)
    return pair_labels


def _digests(tables: TablePair, labels: pl.DataFrame) -> pl.Series:
    """Return a digest of the values of both records of each row; null if a record is not in the tables."""
    said = labels.select("left_id", "right_id")
    sides = (
        ("left_id", tables.left.frame, [pair.left for pair in tables.columns]),
        ("right_id", tables.other.frame, [pair.right for pair in tables.columns]),
    )
    for side, frame, columns in sides:
        asked = frame.join(said.select(pl.col(side).alias(ID)), on=ID, how="semi")
        texts = asked.select(ID, record_texts(asked, columns).alias(f"{side} says"))
        said = said.join(texts, left_on=side, right_on=ID, how="left", maintain_order="left")
    both = said.select(pl.concat_str("left_id says", "right_id says", separator="\n")).to_series()
    digests = [None if text is None else sha256(text.encode()).hexdigest() for text in both]
    return pl.Series(_DIGEST, digests, dtype=pl.String)
