"""Figures of a candidate set held against limits: the checks of a data-quality gate.

recall      share of the known matches that are found, or the estimate of the run
pairs       distinct pairs; of matches, those judged to be one
bucket      records in the fullest bucket
uncovered   share of the records of the smaller table without a pair
quality     share of the pairs that are matches: known, or expected
duplicates  share of the records of one table that repeat another
drift       how far volume, coverage, scores and skew are from those of a baseline
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from erblock.config import CheckConfig
from erblock.errors import ConfigError

Status = Literal["passed", "warning", "failed"]

_LEAST = {"recall": "min_recall", "quality": "min_quality"}
_MOST = {
    "pairs": "max_pairs",
    "bucket": "max_bucket",
    "uncovered": "max_uncovered",
    "duplicates": "max_duplicates",
}
_COUNTS = {"pairs", "bucket"}
_NEEDS = {
    "recall": "--gold FILE, or the run: erblock block --json > run.json, then erblock check run.json",
    "quality": "--gold FILE, probabilities of matches, or the run that erblock block --json printed",
    "bucket": "KEYS, or the run that erblock block --json printed",
    "duplicates": "the matches of one table",
    "pairs": "pairs or matches",
    "uncovered": "pairs or matches",
}


def _no_rows(_limit: float) -> pl.DataFrame:
    return pl.DataFrame()


@dataclass(frozen=True)
class Figure:
    """One figure of a candidate set; `value` is None where it cannot be told, and `said` why.

    `low`, `high`: the interval of an estimate. `rows`: what breaks a limit, given the limit.
    """

    value: float | None
    said: str = ""
    low: float | None = None
    high: float | None = None
    rows: Callable[[float], pl.DataFrame] = _no_rows


@dataclass(frozen=True)
class Figures:
    """What is known of a candidate set: figures by the name of their check, and what drift is told by.

    `scores`: of the pairs, by what they are called. `busiest`: counts the most pairs of one record.
    """

    by_name: Mapping[str, Figure]
    scores: Mapping[str, pl.Series] = field(default_factory=dict)
    busiest: Callable[[], int] = int


@dataclass(frozen=True)
class Check:
    """A figure beside its limit and its value in the baseline; `rows` break the limit, if it is broken."""

    name: str
    status: Status
    value: float | None
    limit: float | None
    baseline: float | None
    said: str
    rows: pl.DataFrame

    def shown(self, value: float | None) -> str:
        """Return a value of this check as text."""
        if value is None:
            return "-"
        return f"{value:,.0f}" if self.name in _COUNTS else f"{100 * value:.1f} %"

    @property
    def sentence(self) -> str:
        """What was found and what was expected, on one line."""
        bound = "at least" if self.name in _LEAST else "at most"
        found = "not known" if self.value is None else self.shown(self.value)
        said = f" ({self.said})" if self.said else ""
        return f"{self.name}: expected {bound} {self.shown(self.limit)}, found {found}{said}"


def judge(limits: CheckConfig, now: Figures, before: Figures | None) -> list[Check]:
    """Return one check for each limit; a figure whose interval holds the limit is a warning.

    Raises:
        ConfigError: if nothing is limited, or a limit is on a figure that is not known of what is checked.
    """
    checks = [*_limited(limits, now, before), *_drifts(limits, now, before)]
    if not checks:
        raise ConfigError(
            "nothing to check: give a limit such as --max-pairs 100000, or one below [check] in erblock.toml"
        )
    return checks


def _limited(limits: CheckConfig, now: Figures, before: Figures | None) -> Iterator[Check]:
    for name, key in (_LEAST | _MOST).items():
        limit = getattr(limits, key)
        if limit is None:
            continue
        figure = now.by_name.get(name)
        if figure is None:
            raise ConfigError(f"--{key.replace('_', '-')} needs {_NEEDS[name]}")
        earlier = None if before is None else before.by_name.get(name)
        status = _status(figure, limit, least=name in _LEAST)
        baseline = None if earlier is None else earlier.value
        yield _check(name, status, figure, (limit, baseline), limits)


def _status(figure: Figure, limit: float, *, least: bool) -> Status:
    if figure.value is None or (figure.value < limit if least else figure.value > limit):
        return "failed"
    edge = figure.low if least else figure.high
    return "passed" if edge is None or (edge >= limit if least else edge <= limit) else "warning"


def _check(
    name: str, status: Status, figure: Figure, ends: tuple[float, float | None], limits: CheckConfig
) -> Check:
    if status == "warning" and limits.fail_on == "warning":
        status = "failed"
    elif status == "failed" and limits.fail_on == "error" and name.split(maxsplit=1)[0] in limits.warn:
        status = "warning"
    rows = pl.DataFrame() if status == "passed" else figure.rows(ends[0])
    return Check(name, status, figure.value, *ends, figure.said, rows)


def _drifts(limits: CheckConfig, now: Figures, before: Figures | None) -> Iterator[Check]:
    limit = limits.max_drift
    if limit is None:
        return
    if before is None:
        raise ConfigError(
            "--max-drift needs --baseline: an earlier file of pairs or matches, or an earlier run"
        )
    for name, figure in _drift_figures(now, before).items():
        yield _check(f"drift of {name}", _status(figure, limit, least=False), figure, (limit, None), limits)


def _drift_figures(now: Figures, before: Figures) -> dict[str, Figure]:
    """Return how far the candidates have moved: 0 for not at all."""
    drifts = {}
    for name, key in (("volume", "pairs"), ("bucket", "bucket")):
        ends = (now.by_name.get(key), before.by_name.get(key))
        if ends[0] and ends[1]:
            drifts[name] = _relative(ends[0].value or 0, ends[1].value or 0)
    if "uncovered" in now.by_name and "uncovered" in before.by_name:
        gone, was = now.by_name["uncovered"], before.by_name["uncovered"]
        said = f"records without a pair: {100 * (was.value or 0):.1f} %, now {100 * (gone.value or 0):.1f} %"
        drifts["coverage"] = Figure(abs((gone.value or 0) - (was.value or 0)), said, rows=gone.rows)
    drifts |= _drift_of_scores(now, before)
    most = now.busiest(), before.busiest()
    if all(most):
        drifts["skew"] = _relative(*most)
    return drifts


def _relative(now: float, before: float) -> Figure:
    return Figure(abs(now - before) / max(before, 1), f"{before:,.0f}, now {now:,.0f}")


def _drift_of_scores(now: Figures, before: Figures) -> dict[str, Figure]:
    """Return the Kolmogorov-Smirnov distance of the first kind of score that both sets have."""
    for name, scores in now.scores.items():
        if name in before.scores:
            from scipy.stats import ks_2samp  # slow to load, and only drift needs it

            found = ks_2samp(scores.to_numpy(), before.scores[name].to_numpy(), method="asymp")
            means = f"mean {name} {_mean(before.scores[name]):.3f}, now {_mean(scores):.3f}"
            return {"scores": Figure(float(found.statistic), f"Kolmogorov-Smirnov; {means}")}
    return {}


def _mean(scores: pl.Series) -> float:
    return float(scores.to_numpy().mean())
