"""A section of the page: a chart with its text, and the numbers behind it as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from erblock.evaluation.report.charts import Spec


@dataclass(frozen=True)
class Table:
    """Numbers as text: the names of the columns, and the rows."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One chart. `reading`: how to read it; `found`: what it shows, in words; `steps`: what a slider says.

    `steps` is empty where there is no slider; each is a budget in the order of the parameter `cut` of `spec`.
    """

    title: str
    reading: str
    found: str
    spec: Spec
    table: Table
    steps: tuple[str, ...] = ()
    first: int = 0


def percent(share: float, digits: int = 1) -> str:
    """Return a share as text."""
    return f"{100 * share:.{digits}f} %"
