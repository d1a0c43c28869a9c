"""Checks statistics of candidate pairs, matches or keys against limits, as a data-quality gate.

recall      share of the known matches that are found, or the estimate of the run
pairs       distinct pairs; in a file of matches, the distinct matches
bucket      records in the largest bucket
uncovered   share of the smaller table's records without a pair
quality     share of the pairs that are matches, known or expected
duplicates  share of one table's records that repeat another record
drift       change of volume, coverage, scores and skew from a baseline
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
    """One statistic of a candidate set.

    `value`: None if it is unknown. `said`: a remark, such as why it is unknown. `low` and `high`: the
    confidence interval of an estimate. `rows`: a function that returns, for a limit, the rows that break it.
    """

    value: float | None
    said: str = ""
    low: float | None = None
    high: float | None = None
    rows: Callable[[float], pl.DataFrame] = _no_rows


@dataclass(frozen=True)
class Figures:
    """All statistics of a candidate set, keyed by the name of their check, and the data to measure drift.

    `scores`: columns of scores, keyed by name. `busiest`: a function that returns the largest number of pairs
    of one record.
    """

    by_name: Mapping[str, Figure]
    scores: Mapping[str, pl.Series] = field(default_factory=dict)
    busiest: Callable[[], int] = int


@dataclass(frozen=True)
class Check:
    """The result of one check: value, limit, value in the baseline, and the rows that break the limit."""

    name: str
    status: Status
    value: float | None
    limit: float | None
    baseline: float | None
    said: str
    rows: pl.DataFrame

    def shown(self, value: float | None) -> str:
        """Return a value as text: a count, or a share in percent."""
        if value is None:
            return "-"
        return f"{value:,.0f}" if self.name in _COUNTS else f"{100 * value:.1f} %"

    @property
    def sentence(self) -> str:
        """The expected and the found value, on one line."""
        bound = "at least" if self.name in _LEAST else "at most"
        found = "not known" if self.value is None else self.shown(self.value)
        said = f" ({self.said})" if self.said else ""
        return f"{self.name}: expected {bound} {self.shown(self.limit)}, found {found}{said}"


def judge(limits: CheckConfig, now: Figures, before: Figures | None) -> list[Check]:
    """Return one check for each limit.

    A check warns if the value keeps to the limit, but an end of its confidence interval does not.

    Raises:
        ConfigError: if there is no limit, or a limit needs a statistic that the file does not have.
    """
    checks = [*_limited(limits, now, before), *_drifts(limits, now, before)]
    if not checks:
        raise ConfigError(
            "nothing to check: set a limit such as --max-pairs 100000, or one in [check] of erblock.toml"
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
    """Return the drift of each statistic between two candidate sets, keyed by its name; 0 is no change."""
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
    """Return the drift of the scores: the Kolmogorov-Smirnov distance between the scores of both sets.

    It is measured on the first column of scores that both sets have; the result is empty if there is none.
    """
    for name, scores in now.scores.items():
        if name in before.scores:
            from scipy.stats import ks_2samp  # slow to import, and only drift needs it

            found = ks_2samp(scores.to_numpy(), before.scores[name].to_numpy(), method="asymp")
            means = f"mean {name} {_mean(before.scores[name]):.3f}, now {_mean(scores):.3f}"
            return {"scores": Figure(float(found.statistic), f"Kolmogorov-Smirnov; {means}")}
    return {}


def _mean(scores: pl.Series) -> float:
    return float(scores.to_numpy().mean())
