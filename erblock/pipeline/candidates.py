"""A file of candidate pairs as scored pairs of row numbers."""

import numpy as np
import polars as pl

from erblock.blocking.score import ScoredPairs
from erblock.config import MatchConfig
from erblock.errors import TableError
from erblock.hashing import ngrams
from erblock.hashing.base import Rows
from erblock.hashing.pairwise import row_dots
from erblock.pipeline.inputs import Texts
from erblock.tables.check import listed
from erblock.tables.pairs import read_pairs, unknown_ids
from erblock.tables.read import TablePair
from erblock.tables.schemas import ID, PAIRS


def weights_of(texts: Texts) -> ngrams.Floats:
    """Return the weight of each feature: its idf among the records."""
    return ngrams.idf_of(ngrams.frequencies(texts.sides), sum(map(len, texts.sides)))


def read_candidates(
    options: MatchConfig, tables: TablePair, texts: Texts, weights: ngrams.Floats
) -> ScoredPairs:
    """Return the pairs of the file by row number, with its similarity or else that of their n-grams.

    Raises:
        TableError: if the file cannot be read, or names a record that the tables do not have.
    """
    ids = (tables.left.frame[ID], tables.other.frame[ID])
    frame = read_pairs(options.pairs, PAIRS, *ids)
    if "similarity" in frame.columns:  # of a pair that is there twice, the highest
        frame = frame.sort("similarity", descending=True, nulls_last=True)
    rows = rows_of(frame, tables, options.pairs)
    left, right = rows["left"].to_numpy(), rows["right"].to_numpy()
    if "similarity" in rows.columns and rows["similarity"].is_finite().fill_null(value=False).all():
        similarity = rows["similarity"].to_numpy()
    else:
        similarity = _ngram_similarity(texts, weights, left, right)
    best = np.zeros(len(ids[0]), dtype=np.float32)
    other = best if tables.dedup else np.zeros(len(ids[1]), dtype=np.float32)
    bands = np.zeros(len(left), dtype=np.uint16)
    return ScoredPairs(left, right, similarity, bands, best, other).seen_as(similarity)


def rows_of(frame: pl.DataFrame, tables: TablePair, source: str) -> pl.DataFrame:
    """Return left and right row numbers, each pair once and in order, with what else the file says."""
    for side, name, records in (("left", "left_id", tables.left), ("right", "right_id", tables.other)):
        ids = records.frame[ID]
        unknown = unknown_ids(frame, name, ids)
        if len(unknown):
            raise TableError(
                f"{source}: {name} {listed(unknown.head(3).to_list())} is not in {records.source}; "
                "give the tables that the pairs were made from"
            )
        numbered = pl.DataFrame({name: ids}).with_row_index(side).cast({side: pl.Int64})
        frame = frame.join(numbered, on=name, how="left", maintain_order="left")
    if tables.dedup:
        low, high = pl.min_horizontal("left", "right"), pl.max_horizontal("left", "right")
        frame = frame.with_columns(left=low, right=high).filter(pl.col("left") < pl.col("right"))
    return frame.unique(["left", "right"], keep="first", maintain_order=True).sort("left", "right")


def _ngram_similarity(texts: Texts, weights: ngrams.Floats, left: Rows, right: Rows) -> ngrams.Floats:
    vectors = [ngrams.tfidf(ngrams.feature_sets(side), weights) for side in texts.sides]
    return row_dots(vectors[0], vectors[-1], left, right)
