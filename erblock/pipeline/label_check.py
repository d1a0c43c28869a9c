"""Finds labels that contradict each other or seem inverted. Each warning is one sentence."""

from collections.abc import Iterator
from itertools import chain, compress

import numpy as np
import polars as pl
from scipy.sparse import coo_array, csgraph

from erblock.comparison.texts import ngram_similarity
from erblock.hashing.base import Rows, Scores
from erblock.hashing.ngrams import Floats
from erblock.matching.assign import HAS_ONE_MATCH, How
from erblock.pipeline.inputs import texts_of
from erblock.rules.label import SIMILAR
from erblock.rules.triplets import label_rows
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.weak_labels import MATCH, NO_MATCH, PairLabels, TaughtPairs
from erblock.tables.check import shown
from erblock.tables.pairs import PAIR
from erblock.tables.read import TablePair

_FEW = 0.5
_ENOUGH = 5
_DEVIATIONS = 3
"""A mean is significant from this number of standard errors above the mean of random pairs."""


def doubts_about(
    labels: pl.DataFrame,
    pairs: ScoredPairs,
    pair_labels: PairLabels,
    taught: TaughtPairs,
    how: How,
    *,
    learned: bool,
) -> tuple[str, ...]:
    """Return warnings about labels (the table TAUGHT). `learned`: whether a matcher was learned from them."""
    among = len(labelled_positions(pair_labels, taught))
    alike = [pairs.similarity[pair_labels == kind] for kind in (MATCH, NO_MATCH)]
    said = (
        _missing(labels, among),
        _upside_down(*alike),
        _several(labels, how, one_table=pairs.one_table),
        _torn(labels, how, one_table=pairs.one_table),
        () if learned else _in_vain(taught),
    )
    return tuple(chain.from_iterable(said))


def doubts_of_training(labels: pl.DataFrame, tables: TablePair, weights: Floats) -> tuple[str, ...]:
    """Return warnings about the labels that a model is fitted with."""
    rows, (left, right) = label_rows(tables, labels), texts_of(tables).both
    texts = left.gather(rows["left_row"]), right.gather(rows["right_row"])
    matches, others = (np.flatnonzero((rows["label"] == SIMILAR) == kind) for kind in (True, False))
    alike, unlike = (ngram_similarity(texts, weights, at, at) for at in (matches, others))
    by_chance = ngram_similarity(texts, weights, matches, np.roll(matches, 1))
    return (*_upside_down(alike, unlike), *_by_chance(alike, by_chance))


def labelled_positions(pair_labels: PairLabels, taught: TaughtPairs) -> Rows:
    """Return the positions of the candidates with a label."""
    return np.union1d(np.flatnonzero(np.isin(pair_labels, (MATCH, NO_MATCH))), taught.at)


def _missing(labels: pl.DataFrame, among: int) -> Iterator[str]:
    if among < _FEW * labels.height:
        yield (
            f"only {among:,} of {labels.height:,} labelled pairs are among the candidates: do the labels "
            "belong to these tables, or are left_id and right_id swapped?"
        )


def _in_vain(taught: TaughtPairs) -> Iterator[str]:
    if len(taught.at):
        yield (
            f"{len(taught.at):,} labels are probabilities or have a weight, which only train a matcher; "
            f"with --use, nothing is trained"
        )


def _by_chance(alike: Scores, by_chance: Scores) -> Iterator[str]:
    if len(alike) < _ENOUGH:
        return
    most = by_chance.mean() + _DEVIATIONS * by_chance.std() / len(alike) ** 0.5
    if alike.mean() <= most:
        yield (
            "pairs labelled 1 are no more similar than random pairs: do the labels belong to these tables, "
            "or are left_id and right_id swapped?"
        )


def _upside_down(alike: Scores, unlike: Scores) -> Iterator[str]:
    if min(len(alike), len(unlike)) >= _ENOUGH and alike.mean() < unlike.mean():
        yield "pairs labelled 1 are less similar than those labelled 0: are the labels inverted?"


def _several(labels: pl.DataFrame, how: How, *, one_table: bool) -> Iterator[str]:
    matches = labels.filter(pl.col("label") == 1).unique(PAIR)
    once = compress(("left", "right"), HAS_ONE_MATCH[how])
    sides = {side: matches[f"{side}_id"] for side in once}
    if one_table and sides:
        sides = {"one": pl.concat(sides.values()).alias("one_id")}
    for side, ids in sides.items():
        counts = ids.alias("id").value_counts().filter(pl.col("count") > 1)
        if counts.height:
            yield (
                f"{counts.height:,} records of the {side} table have several pairs labelled 1, such as "
                f"{shown(counts.sort('id')['id'][0])}, but {how} allows one for each; see --assign"
            )


def _torn(labels: pl.DataFrame, how: How, *, one_table: bool) -> Iterator[str]:
    """Yield a warning if the records of a pair labelled 0 are one entity through pairs labelled 1."""
    if how != "clusters":
        return
    rows, size = _numbered(labels, one_table=one_table)
    matched, unmatched = ((labels["label"] == label).to_numpy() for label in (1, 0))
    graph = coo_array((np.ones(matched.sum()), (rows[0][matched], rows[1][matched])), shape=(size, size))
    entity = csgraph.connected_components(graph, directed=False)[1]
    torn = np.flatnonzero(unmatched & (entity[rows[0]] == entity[rows[1]]))
    if len(torn):
        pair = labels.row(int(torn[0]), named=True)
        yield (
            f"{len(torn):,} pairs labelled 0 are one entity by pairs labelled 1, such as "
            f"{shown(pair['left_id'])}, {shown(pair['right_id'])}"
        )


def _numbered(labels: pl.DataFrame, *, one_table: bool) -> tuple[tuple[Rows, Rows], int]:
    """Return the record numbers of both sides of the labels as a pair, and the number of distinct records."""
    left, right = (labels[name].alias("id") for name in PAIR)
    if one_table:
        numbers = pl.concat([left, right]).rank("dense").cast(pl.Int64).to_numpy() - 1
        return (numbers[: len(left)], numbers[len(left) :]), int(numbers.max()) + 1
    rows, others = (ids.rank("dense").cast(pl.Int64).to_numpy() - 1 for ids in (left, right))
    others = others + rows.max() + 1
    return (rows, others), int(others.max()) + 1
