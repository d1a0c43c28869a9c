"""A section of the report: a chart with its text, and the numbers of the chart as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from erblock.evaluation.report.charts import Spec


@dataclass(frozen=True)
class Table:
    """A table of text: the names of the columns, and the rows."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One chart with its text. `reading`: how to read the chart; `found`: what it shows.

    `steps`: the texts of a slider over budgets, one for each value of the parameter `cut` of `spec`; empty
    without a slider. `first`: the step at the start.
    """

    title: str
    reading: str
    found: str
    spec: Spec
    table: Table
    steps: tuple[str, ...] = ()
    first: int = 0


def percent(share: float, digits: int = 1) -> str:
    """Return a share as text in percent."""
    return f"{100 * share:.{digits}f} %"
