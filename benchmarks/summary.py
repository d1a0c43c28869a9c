"""What the rows of `quality.py` say over all data sets: against the floor, and of the estimated recall."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import mean, median
from typing import Any

from methods import FITS, FLOOR

HELD_TARGETS = ("0.89", "0.95", "0.97")
"""The completeness at which a method's pairs are held against those of the floor."""
LESS_HELD = 0.002
"""A method is below the floor if it holds so much less of the matches in all."""
SURE, FAR_BELOW = 0.95, 0.85
"""An estimate is too sure that says so much, where the truth is below the second."""
WRITTEN = "written"
"""The name, beside the target recalls, of the estimate for all that is written."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """The pairs of a method on one set beside the floor's, at one target; None where it is not reached."""

    row: Row
    target: str
    floor: int | None
    ours: int | None

    @property
    def ratio(self) -> float | None:
        """How many times the floor's pairs; None where either does not reach the target."""
        return self.ours / self.floor if self.ours and self.floor else None

    @property
    def below(self) -> bool:
        """Whether the floor reaches the target, and the method only with more pairs or not at all."""
        return self.floor is not None and (self.ours is None or self.ours > self.floor)


def held_of(rows: Sequence[Row]) -> list[Held]:
    """Return the rows of every method but the floor beside the floor's, at each target."""
    floors = {row["set"]: row for row in rows if row["method"] == FLOOR}
    return [
        Held(row, target, _pairs_at(floors[row["set"]], target), _pairs_at(row, target))
        for row in rows
        if row["method"] != FLOOR and row["set"] in floors
        for target in HELD_TARGETS
    ]


def _pairs_at(row: Row, target: str) -> int | None:
    cut = row["cheapest"].get(target)
    return cut["pairs"] if cut else None


def holding_less(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the rows that hold fewer matches in all than the floor does, each with the floor's."""
    floors = {row["set"]: row for row in rows if row["method"] == FLOOR}
    pairs = [(row, floors[row["set"]]) for row in rows if row["set"] in floors]
    return [
        (row, floor)
        for row, floor in pairs
        if row["pair_completeness"] < floor["pair_completeness"] - LESS_HELD
    ]


def summary(rows: Sequence[Row]) -> list[str]:
    """Return the lines of Markdown that say it: one row for each method, then what is below the floor."""
    methods = [method for method in FITS if any(row["method"] == method for row in rows)]
    heads = ("method", "sets", ".89", ".95", ".97", "worst", "below the floor", "intervals hold", "width")
    lines = [f"| {' | '.join(heads)} | of all written |", f"{(len(heads) + 1) * '|---'}|"]
    for method in methods:
        cells = _method_cells(method, [row for row in rows if row["method"] in (method, FLOOR)])
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_below_lines(rows), "", *_too_sure_lines(rows)]


def _method_cells(method: str, rows: Sequence[Row]) -> list[str]:
    held = held_of(rows)
    own = [row for row in rows if row["method"] == method]
    below = {at.row["set"] for at in held if at.below} | {row["set"] for row, _ in holding_less(rows)}
    means = (_mean_cell([at for at in held if at.target == target]) for target in HELD_TARGETS)
    return [method, str(len(own)), *means, _worst_cell(held), str(len(below)), *_coverage_cells(own)]


def _mean_cell(held: Iterable[Held]) -> str:
    """Return the geometric mean of the ratios, and over how many sets."""
    ratios = [at.ratio for at in held if at.ratio]
    return f"{exp(mean(map(log, ratios))):.2f} ({len(ratios)})" if ratios else "-"


def _worst_cell(held: Iterable[Held]) -> str:
    ratio, name, target = max(
        ((at.ratio, at.row["set"], at.target) for at in held if at.ratio), default=(None, "", "")
    )
    return "-" if ratio is None else f"{name} {ratio:.2f} at {target.removeprefix('0')}"


def _coverage_cells(rows: Iterable[Row]) -> list[str]:
    cells = [(aim, cell) for row in rows for aim, cell in row.get("estimates", {}).items()]
    cuts = [cell for aim, cell in cells if aim != WRITTEN]
    written = [cell for aim, cell in cells if aim == WRITTEN]
    width = f"{median(100 * (cell['high'] - cell['low']) for cell in cuts):.1f}" if cuts else "-"
    held = [f"{sum(map(holds, each))} of {len(each)}" for each in (cuts, written)]
    return [held[0], width, held[1]]


def holds(cell: Row) -> bool:
    """Whether the interval of an estimate holds the true recall."""
    return bool(cell["low"] <= cell["true"] <= cell["high"])


def too_sure(rows: Iterable[Row]) -> Iterator[tuple[Row, str, Row]]:
    """Yield rows, cuts and estimates that are of 95 % or more, where the truth is below 85 %."""
    for row in rows:
        for aim, cell in row.get("estimates", {}).items():
            if cell["value"] >= SURE and cell["true"] < FAR_BELOW:
                yield row, aim, cell


def _below_lines(rows: Sequence[Row]) -> list[str]:
    lines = ["| below the floor | method | at | floor | ours |", "|---|---|---|---|---|"]
    for at in held_of(rows):
        if at.below:
            ours = "-" if at.ours is None else f"{at.ours:,}"
            target = at.target.removeprefix("0")
            lines.append(f"| {at.row['set']} | {at.row['method']} | {target} | {at.floor:,} | {ours} |")
    for row, floor in holding_less(rows):
        shares = [f"{100 * each['pair_completeness']:.1f} %" for each in (floor, row)]
        lines.append(f"| {row['set']} | {row['method']} | holds | {' | '.join(shares)} |")
    return lines if len(lines) > 2 else ["Nothing is below the floor."]


def _too_sure_lines(rows: Sequence[Row]) -> list[str]:
    lines = ["| too sure | method | cut | estimated | interval | true |", "|---|---|---|---|---|---|"]
    for row, aim, cell in too_sure(rows):
        cells = (row["set"], row["method"], aim, f"{100 * cell['value']:.1f}", interval(cell))
        lines.append(f"| {' | '.join(cells)} | {100 * cell['true']:.1f} |")
    return lines if len(lines) > 2 else ["No estimate of 95 % or more stands where the truth is below 85 %."]


def interval(cell: Row) -> str:
    """Return the interval of an estimate in percent."""
    return f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f}"
