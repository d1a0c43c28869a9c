"""Measures matches: precision and recall over all known matches, and over labelled pairs only."""

from dataclasses import dataclass

import polars as pl

from erblock.evaluation.calibration import Calibration, calibration
from erblock.evaluation.rows import numbered


@dataclass(frozen=True)
class Quality:
    """Counts for precision and recall.

    `found`: the number of predicted matches. `hits`: how many of these are known matches. `known`: the number
    of known matches.
    """

    found: int
    hits: int
    known: int

    @property
    def precision(self) -> float:
        """The share of the found pairs that are matches; 0 if none is found."""
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of the known matches that are found; 0 if none is known."""
        return self.hits / self.known if self.known else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / (self.found + self.known) if self.hits else 0.0


@dataclass(frozen=True)
class Truth:
    """The truth to measure against: the ids of the tables, known matches, and labelled pairs.

    `right_ids` is None for one table. `gold` has the columns of GOLD, `labels` those of LABELS.
    """

    left_ids: pl.Series
    right_ids: pl.Series | None
    gold: pl.DataFrame
    labels: pl.DataFrame | None = None

    @property
    def one_table(self) -> bool:
        """Whether one table is deduplicated, so that both sides are the same."""
        return self.right_ids is None

    @property
    def sides(self) -> tuple[pl.Series, pl.Series]:
        """The ids of the left and of the right records."""
        return self.left_ids, self.left_ids if self.right_ids is None else self.right_ids


@dataclass(frozen=True)
class MatchEvaluation:
    """Quality of the matches in a file.

    `matches`: over all known matches; a known match that the file lacks is missed. `labelled`: over the
    labelled pairs only; the file predicts no match for pairs that it lacks. `reachable`: the known matches
    among the pairs of the file, whether predicted as matches or not. `expected_precision`: the mean
    probability of the matches. `stray_pairs`: pairs with an id that is in neither table.
    """

    matches: Quality
    labelled: Quality | None
    calibration: Calibration | None
    expected_precision: float | None
    pairs: int
    reachable: int
    duplicate_rows: int
    stray_pairs: int


def evaluate_matches(pairs: pl.DataFrame, truth: Truth) -> MatchEvaluation:
    """Return the quality of `pairs`: left_id, right_id, is_match and, for the calibration, probability.

    The first row of a repeated pair counts. In one table, (a, b) is the same pair as (b, a).

    Raises:
        TableError: if a column is missing, or ids have another type than in the tables.
    """
    frames = [pairs, truth.gold, *([] if truth.labels is None else [truth.labels])]
    listed, gold, *labels = numbered(frames, truth.left_ids, truth.right_ids)
    known = gold.unique("pair")
    judged = listed.filter(pl.col("pair").is_first_distinct())
    judged = judged.with_columns(hit=pl.col("pair").is_in(known["pair"].implode()))
    found = judged.filter("is_match")
    return MatchEvaluation(
        matches=Quality(found.height, int(found["hit"].sum()), known.height),
        labelled=_labelled(found["pair"], labels[0]) if labels else None,
        calibration=_calibration(judged),
        expected_precision=_expected_precision(found),
        pairs=judged.height,
        reachable=int(judged["hit"].sum()),
        duplicate_rows=listed.height - judged.height,
        stray_pairs=_strays(judged, truth),
    )


def labelled_quality(labels: pl.DataFrame, found: pl.Series) -> Quality:
    """Return the quality of the predictions `found` for the rows of `labels`. Each pair counts once."""
    asked = labels.with_columns(found.alias("found")).unique("pair")
    hits = asked.filter(pl.col("found") & (pl.col("label") == 1)).height
    return Quality(int(asked["found"].sum()), hits, asked.filter(pl.col("label") == 1).height)


def _labelled(found: pl.Series, labels: pl.DataFrame) -> Quality:
    return labelled_quality(labels, labels["pair"].is_in(found.implode()))


def _calibration(judged: pl.DataFrame) -> Calibration | None:
    if "probability" not in judged.columns:
        return None
    return calibration(judged["probability"].cast(pl.Float64).to_numpy(), judged["hit"].to_numpy())


def _expected_precision(found: pl.DataFrame) -> float | None:
    if "probability" not in found.columns or found.is_empty():
        return None
    return float(found["probability"].cast(pl.Float64).to_numpy().mean())


def _strays(judged: pl.DataFrame, truth: Truth) -> int:
    left, right = (ids.n_unique() for ids in truth.sides)
    return judged.filter((pl.col("l") >= left) | (pl.col("r") >= right)).height
