"""Reads a file of candidate pairs as scored pairs of row numbers."""

import numpy as np
import polars as pl

from erblock.comparison.measures import Floats
from erblock.engines.base import MatchEngine
from erblock.errors import TableError
from erblock.scoring.pairs import ScoredPairs
from erblock.tables.check import listed
from erblock.tables.pairs import PAIR, as_pairs, unknown_ids, with_rows


def read_candidates(path: str, engine: MatchEngine, weights: Floats) -> ScoredPairs:
    """Return the pairs in a file as row numbers, with similarities from the file or else from n-grams.

    Raises:
        TableError: if the file cannot be read, or names a record that is in neither table.
    """
    ids = engine.ids
    frame = as_pairs(engine.read_pairs(path), path, *ids)
    if "similarity" in frame.columns:  # so that a repeated pair has the highest
        frame = frame.sort("similarity", descending=True, nulls_last=True)
    rows = rows_of(frame, engine, path)
    left, right = rows["left"].to_numpy(), rows["right"].to_numpy()
    if "similarity" in rows.columns and rows["similarity"].is_finite().fill_null(value=False).all():
        similarity = rows["similarity"].to_numpy()
    else:
        similarity = engine.similarity(weights, left, right)
    best = np.zeros(len(ids[0]), dtype=np.float32)
    other = best if engine.dedup else np.zeros(len(ids[1]), dtype=np.float32)
    bands = np.zeros(len(left), dtype=np.uint16)
    return ScoredPairs(left, right, similarity, bands, best, other).with_similarity(similarity)


def check_known(frame: pl.DataFrame, engine: MatchEngine, source: str) -> None:
    """Raise TableError if a pair of the file `source` names a record that is in neither table."""
    for name, ids, table in zip(PAIR, engine.ids, engine.sources, strict=True):
        unknown = unknown_ids(frame, name, ids)
        if len(unknown):
            raise TableError(
                f"{source}: {name} {listed([str(value) for value in unknown.head(3)])} is not in {table}; "
                "give the tables of these pairs"
            )


def rows_of(frame: pl.DataFrame, engine: MatchEngine, source: str) -> pl.DataFrame:
    """Return the distinct pairs as sorted row numbers, with the other columns of the file."""
    check_known(frame, engine, source)
    frame = with_rows(frame, engine.ids)
    if engine.dedup:
        low, high = pl.min_horizontal("left", "right"), pl.max_horizontal("left", "right")
        frame = frame.with_columns(left=low, right=high).filter(pl.col("left") < pl.col("right"))
    return frame.unique(["left", "right"], keep="first", maintain_order=True).sort("left", "right")
