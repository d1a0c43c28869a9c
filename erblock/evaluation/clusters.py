"""Measures clusters of records against known matches, by pairs and by records (B-cubed)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from erblock.evaluation.matches import Quality, Truth, labelled_quality
from erblock.evaluation.rows import numbered

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BCubed:
    """Precision and recall of records, averaged over all records (Bagga and Baldwin 1998, https://aclanthology.org/P98-1012).

    The precision of a record is the share of its cluster that belongs to its entity; its recall is the share
    of its entity that is in its cluster. A record counts itself, so records without a match count, too.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True)
class ClusterEvaluation:
    """Quality of clusters.

    `matches`: over the pairs of records that share a cluster; with two tables, of a left and a right record.
    `labelled`: over labelled pairs only. `clusters`: how many clusters have at least two records. `largest`:
    the number of records in the largest cluster.
    """

    matches: Quality
    labelled: Quality | None
    b_cubed: BCubed
    clusters: int
    largest: int


def evaluate_clusters(clusters: Sequence[pl.Series], truth: Truth) -> ClusterEvaluation:
    """Return the quality of clusters. `clusters` holds, for each table, the cluster number of each record.

    For B-cubed, the entities are the connected components of the known matches. For pairs, only the listed
    known matches count, not those that follow from them.

    Raises:
        TableError: if ids have another type than in the tables.
    """
    frames = [truth.gold, *([] if truth.labels is None else [truth.labels])]
    gold, *labels = numbered(frames, truth.left_ids, truth.right_ids)
    known = gold.unique("pair")
    left, right = clusters[0], clusters[-1]
    sizes = np.unique(pl.concat(clusters).to_numpy(), return_counts=True)[1]
    return ClusterEvaluation(
        matches=Quality(joined_pairs(clusters), int(_together(known, left, right).sum()), known.height),
        labelled=labelled_quality(labels[0], _together(labels[0], left, right)) if labels else None,
        b_cubed=b_cubed(pl.concat(clusters).to_numpy(), _entities(known, [len(part) for part in clusters])),
        clusters=int((sizes > 1).sum()),
        largest=int(sizes.max()),
    )


def b_cubed(clusters: Labels, entities: Labels) -> BCubed:
    """Return B-cubed precision and recall. Both arguments hold the group number of each record."""
    both = pl.DataFrame({"cluster": clusters, "entity": entities})
    shared = both.select(pl.len().over("cluster", "entity")).to_series()
    of_cluster = both.select(pl.len().over("cluster")).to_series()
    of_entity = both.select(pl.len().over("entity")).to_series()
    return BCubed(_mean(shared / of_cluster), _mean(shared / of_entity))


def joined_pairs(clusters: Sequence[pl.Series]) -> int:
    """Return how many pairs of records share a cluster."""
    counts = [part.alias("cluster").value_counts(name="records") for part in clusters]
    if len(counts) == 1:
        sizes = counts[0]["records"].cast(pl.Int64)
        return int((sizes * (sizes - 1) // 2).sum())
    left, right = counts
    both = left.join(right, on="cluster")
    return int((both["records"].cast(pl.Int64) * both["records_right"].cast(pl.Int64)).sum())


def _together(pairs: pl.DataFrame, left: pl.Series, right: pl.Series) -> pl.Series:
    return left.gather(pairs["l"]) == right.gather(pairs["r"])


def _entities(gold: pl.DataFrame, records: Sequence[int]) -> Labels:
    """Return the entity number of each record, left records before right ones."""
    ends = gold["l"].to_numpy(), gold["r"].to_numpy() + (records[0] if len(records) > 1 else 0)
    size = sum(records)
    graph = coo_array((np.ones(gold.height, dtype=np.int8), ends), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _mean(values: pl.Series) -> float:
    return float(values.to_numpy().mean())
