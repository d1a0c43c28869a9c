"""Decides from probabilities which pairs are matches and which records are one entity."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from erblock.errors import ConfigError
from erblock.hashing.base import Rows, Scores
from erblock.matching.clusters import cluster
from erblock.matching.links import UNIT, Links, log_odds_above, numbered_by_first
from erblock.matching.one_to_one import one_to_one

How = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many", "clusters"]

HAS_ONE_MATCH: Mapping[How, tuple[bool, bool]] = {
    "one-to-one": (True, True),
    "many-to-one": (True, False),
    "one-to-many": (False, True),
    "many-to-many": (False, False),
    "clusters": (False, False),
}
"""Whether a left record, and a right one, has one match at most."""

CERTAIN_PAIR = 1e-6
"""In an assignment, probabilities nearer to 0 or 1 than this count as equal."""
CERTAIN_CLUSTER = 0.01
"""The same for clusters. It is larger, so that a few pairs can outvote a single one, however certain."""

MOST_AGAINST = 2
"""Maximum weight of a pair against a cluster, in log odds below the threshold. Records of one entity often
miss different columns, and then do not look like a match themselves
(docs/decisions/035-average-linkage.md)."""

_ROUNDING = 1e-6  # of float32: pairs with a probability of 0.9 reach a target of 0.9


@dataclass(frozen=True)
class MatchedPairs:
    """Distinct candidate pairs of row numbers, and the probability of each to be a match.

    `n_left`, `n_right`: number of records of the tables, the same number for one table. A pair of one table
    has two different rows and occurs in one of its two directions.
    """

    left: Rows
    right: Rows
    probability: Scores
    n_left: int
    n_right: int
    one_table: bool = False

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class Assignment:
    """Which pairs are matches, and the number of the cluster of every record.

    Clusters are numbered from 0 in the order of their first records, left table first. In one table
    `left_cluster` and `right_cluster` are the same. Except with "clusters", a cluster is a connected
    component of the matches.
    """

    is_match: npt.NDArray[np.bool_]
    left_cluster: Rows
    right_cluster: Rows

    def sizes(self) -> dict[int, int]:
        """Return the number of clusters of each size (in records), smallest first."""
        one_table = self.left_cluster is self.right_cluster
        records = self.left_cluster if one_table else np.concatenate([self.left_cluster, self.right_cluster])
        sizes, counts = np.unique(np.bincount(records), return_counts=True)
        return dict(zip(sizes.tolist(), counts.tolist(), strict=True))


def assign(
    pairs: MatchedPairs, how: How, threshold: float, firsts: tuple[Rows, Rows] | None = None
) -> Assignment:
    """Return the matches among `pairs`: pairs of probability `threshold` or more, except with "clusters".

    `how`:
        one-to-one: every record is in at most one match (`erblock.matching.one_to_one`).
        many-to-one: many left records may match one right record; each left record keeps its best pair.
        one-to-many: the same with the sides exchanged.
        many-to-many: every pair that is probable enough is a match.
        clusters: a record may match any number of others; a pair is a match if both records are in one
            cluster (`erblock.matching.clusters`), whatever the pair's own probability.

    `firsts`: for each record of both tables, the record that it is a copy of, or itself. Copies are assigned
    as one record; then each copy whose pair is probable enough matches.

    The order of the pairs makes no difference.

    Raises:
        ConfigError: if `how` does not fit one table, or `threshold` is not between 0 and 1.
    """
    _check(pairs, how, threshold)
    links = _links(pairs, threshold, CERTAIN_CLUSTER if how == "clusters" else CERTAIN_PAIR)
    if how == "clusters":
        cluster_of = cluster(replace(links, weight=np.maximum(links.weight, -MOST_AGAINST * UNIT)))
        is_match = cluster_of[links.first] == cluster_of[links.second]
    else:
        is_match = _chosen(links, how) if firsts is None else _chosen_as_one(links, how, firsts)
        cluster_of = links.take(is_match).components().astype(np.int64)
    numbers = numbered_by_first(cluster_of)
    if pairs.one_table:
        return Assignment(is_match, numbers, numbers)
    return Assignment(is_match, numbers[: pairs.n_left], numbers[pairs.n_left :])


def threshold_for_precision(probability: Scores, target: float) -> float:
    """Return the lowest threshold at which the mean probability of the kept pairs is `target` or more.

    This mean is the expected precision if the probabilities are calibrated.

    Raises:
        ConfigError: if no pair is that probable, or `target` is not above 0 and at most 1.
    """
    if not 0 < target <= 1:
        raise ConfigError(f"--target-precision: expected a share as 0.95, above 0, up to 1, found {target:g}")
    values, counts = np.unique(-probability.astype(np.float64), return_counts=True)
    kept = np.cumsum(counts)
    reached = np.flatnonzero(np.cumsum(-values * counts) >= (target - _ROUNDING) * kept)
    if not len(reached):
        surest = f"the most probable pair has {-values[0]:.3f}" if len(values) else "there is no pair"
        raise ConfigError(f"--target-precision {target:g} cannot be reached: {surest}; ask for less")
    return float(-values[reached[-1]])


def _check(pairs: MatchedPairs, how: How, threshold: float) -> None:
    if how not in get_args(How):
        raise ConfigError(f"--assign: expected one of {', '.join(get_args(How))}, found '{how}'")
    if pairs.one_table and how in ("many-to-one", "one-to-many"):
        raise ConfigError(
            f"--assign {how} needs two tables; one table has one-to-one, many-to-many and clusters"
        )
    if not 0 < threshold <= 1:
        raise ConfigError(
            f"--min-probability: expected a probability above 0 and up to 1, found {threshold:g}"
        )


def _links(pairs: MatchedPairs, threshold: float, certain: float) -> Links:
    weight = log_odds_above(pairs.probability, threshold, certain)
    if not pairs.one_table:
        return Links(
            pairs.left, pairs.right + pairs.n_left, weight, pairs.n_left + pairs.n_right, pairs.n_left
        )
    low, high = np.minimum(pairs.left, pairs.right), np.maximum(pairs.left, pairs.right)
    return Links(low, high, weight, pairs.n_left, None)


def _chosen(links: Links, how: How) -> npt.NDArray[np.bool_]:
    """Return which pairs are matches, for any assignment except "clusters"."""
    if how == "one-to-one":
        return one_to_one(links)
    return links.weight >= 0 if how == "many-to-many" else _best_of_each(links, how)


def _chosen_as_one(links: Links, how: How, firsts: tuple[Rows, Rows]) -> npt.NDArray[np.bool_]:
    """Return which pairs are matches, with copies assigned as one record."""
    one = np.concatenate([firsts[0], firsts[1] + len(firsts[0])])
    contracted = replace(links, first=one[links.first], second=one[links.second])
    keys = contracted.first * links.records + contracted.second
    order = np.lexsort((keys, -links.weight))
    best = order[np.sort(np.unique(keys[order], return_index=True)[1])]
    chosen = keys[best[_chosen(contracted.take(best), how)]]
    return np.isin(keys, chosen) & (links.weight >= 0)


def _best_of_each(links: Links, how: How) -> npt.NDArray[np.bool_]:
    """Return the most probable pair of each record on the many side; ties go to the first partner."""
    many, one = (links.first, links.second) if how == "many-to-one" else (links.second, links.first)
    order = np.lexsort((one, -links.weight, many))
    best = order[np.diff(many[order], prepend=-1) != 0]
    chosen = np.zeros(len(links), dtype=np.bool_)
    chosen[best] = True
    return chosen & (links.weight >= 0)
