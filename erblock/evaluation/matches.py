"""How good matches are: precision and recall over all known matches, and over labelled pairs alone."""

from dataclasses import dataclass

import polars as pl

from erblock.evaluation.calibration import Calibration, calibration
from erblock.evaluation.rows import numbered


@dataclass(frozen=True)
class Quality:
    """`found` pairs are said to be matches, `hits` of them are; `known` matches there are in all."""

    found: int
    hits: int
    known: int

    @property
    def precision(self) -> float:
        """Share of the found pairs that are matches; 0 without any."""
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of the known matches that are found; 0 without any."""
        return self.hits / self.known if self.known else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / (self.found + self.known) if self.hits else 0.0


@dataclass(frozen=True)
class Truth:
    """What is known: the ids of the tables (`right_ids` None: one table), the matches, labelled pairs.

    `gold` has the columns of GOLD, `labels` those of LABELS.
    """

    left_ids: pl.Series
    right_ids: pl.Series | None
    gold: pl.DataFrame
    labels: pl.DataFrame | None = None

    @property
    def one_table(self) -> bool:
        """Whether both sides are the same table."""
        return self.right_ids is None

    @property
    def sides(self) -> tuple[pl.Series, pl.Series]:
        """The ids of the left and of the right side."""
        return self.left_ids, self.left_ids if self.right_ids is None else self.right_ids


@dataclass(frozen=True)
class MatchEvaluation:
    """How good the matches of a file are.

    `matches`: over all known matches; one that the file lacks is missed. `labelled`: over the labelled pairs
    only; one that the file lacks is said to be no match. `reachable`: the known matches that the file lists,
    as matches or not. `expected_precision`: the mean probability of the matches.
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
    """Return the evaluation of `pairs`: left_id, right_id, is_match and, for the calibration, probability.

    Of a pair that is listed twice the first row counts; in one table (a, b) is (b, a).

    Raises:
        TableError: if a column is missing, or ids have not the type they have in the tables.
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
    """Return how good the verdicts `found` on the rows of `labels` (pair, label) are; a pair counts once."""
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
