"""Labels that cannot all be true, or seem to be the wrong way round: each doubt is one sentence."""

from collections.abc import Iterator
from itertools import chain, compress

import numpy as np
import polars as pl
from scipy.sparse import coo_array, csgraph

from erblock.matching.assign import MATCHES_ONCE, How
from erblock.scoring.pairs import ScoredPairs
from erblock.scoring.weak_labels import MATCH, NO_MATCH, Verdicts
from erblock.tables.check import shown

_FEW = 0.5
_ENOUGH = 5


def doubts_about(
    labels: pl.DataFrame | None, pairs: ScoredPairs, verdicts: Verdicts, how: How
) -> tuple[str, ...]:
    """Return what speaks against the labels, if there are any."""
    if labels is None:
        return ()
    said = (_missing(labels, verdicts), _upside_down(pairs, verdicts), _several(labels, how))
    return (*chain.from_iterable(said), *_torn(labels, pairs))


def _missing(labels: pl.DataFrame, verdicts: Verdicts) -> Iterator[str]:
    among = int(np.isin(verdicts, (MATCH, NO_MATCH)).sum())
    if among < _FEW * labels.height:
        yield (
            f"only {among:,} of {labels.height:,} labelled pairs are among the candidates: are the labels of "
            "these tables, and left_id and right_id not swapped?"
        )


def _upside_down(pairs: ScoredPairs, verdicts: Verdicts) -> Iterator[str]:
    alike = [pairs.similarity[verdicts == kind] for kind in (MATCH, NO_MATCH)]
    if min(map(len, alike)) >= _ENOUGH and alike[0].mean() < alike[1].mean():
        yield "pairs labelled 1 are less alike than those labelled 0: are the labels inverted?"


def _several(labels: pl.DataFrame, how: How) -> Iterator[str]:
    matches = labels.filter(pl.col("label") == 1)
    for side in compress(("left", "right"), MATCHES_ONCE[how]):
        counts = matches[f"{side}_id"].value_counts().filter(pl.col("count") > 1)
        if counts.height:
            yield (
                f"{counts.height:,} records of the {side} table have several pairs labelled 1, such as "
                f"{shown(counts.sort(f'{side}_id')[f'{side}_id'][0])}, and {how} takes one of each; "
                "see --assign"
            )


def _torn(labels: pl.DataFrame, pairs: ScoredPairs) -> Iterator[str]:
    """One entity by some labels, and two by others: in one table, a match of a match is a match."""
    if not pairs.one_table:
        return
    ids = pl.concat([labels["left_id"], labels["right_id"]]).unique().sort()
    rows = [ids.search_sorted(labels[side]).to_numpy() for side in ("left_id", "right_id")]
    matched = (labels["label"] == 1).to_numpy()
    graph = coo_array((np.ones(matched.sum()), (rows[0][matched], rows[1][matched])), shape=(len(ids),) * 2)
    entity = csgraph.connected_components(graph, directed=False)[1]
    torn = np.flatnonzero(~matched & (entity[rows[0]] == entity[rows[1]]))
    if len(torn):
        pair = labels.row(int(torn[0]), named=True)
        yield (
            f"{len(torn):,} pairs labelled 0 are one entity by pairs labelled 1, such as "
            f"{shown(pair['left_id'])}, {shown(pair['right_id'])}"
        )
