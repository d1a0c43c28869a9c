"""The page of `buckets.py`: one table over all sets and ways, and what it says over all."""

from collections.abc import Iterator, Sequence
from typing import Any

from common import written_by

Row = dict[str, Any]
ALLOWED = 0.5
"""Points of completeness that buckets may cost."""

HOW = """\
What do buckets cost in completeness? For each set the hash is fitted by default, untrained (the language
model as it comes) or trained, and without or with the rules in `benchmarks/rules`; both tables are sketched
once. *Rows*: what the buckets join, before pairs that meet in several bands become one. *Touched*: the
share of the cross product whose similarity is computed. *Held*: the share of the known matches in it.
*Lost*: how many points more exact search holds in as many pairs. It takes all pairs and keeps every
record's nearest, from either side, by the same similarity: first all nearest, then all second ones, and so
on. Below zero buckets hold more. *Ranked*: the points lost where both are ranked as `erblock block` ranks
them, at equal numbers of candidates, the worst of where exact search, of the nearest 20 of either side,
reaches 0.89 to 0.99, and of one, two and five for each record of the left table.

*As fitted*: the buckets that `fit` makes, for a number of rows and not for a share of the pairs. Ten
million rows take a second or two and are most of the pairs of small tables, which leaves little to lose. *3
%*: what touches more is held against buckets made for 3 % of the cross product as well: the same projection
with more cells, and longer keys of n-grams, whose rows stand to those of cells as in large tables. On
tables of some hundreds of records that is a few pairs for each record: nobody needs to save there, but it
shows what the buckets of larger tables lose.
""".splitlines()

HEADS = ("set", "hash", "steps", "as fitted: rows", "touched", "held", "lost", "ranked")
TIGHT_HEADS = ("3 %: touched", "held", "lost", "ranked")


def as_line(row: Row) -> str:
    """Return one row for the terminal."""
    start = f"{row['set']:24} {row['way']:20}"
    if "failed" in row:
        return f"{start} {row['failed']}"
    parts = [
        f"{name}: {100 * found['share']:.2f} % holds {100 * found['held']:.2f} lost {found['lost']:+.2f} "
        f"ranked {found['lost_ranked']:+.2f}"
        for name, found in ((name, row[name]) for name in ("as fitted", "tight"))
    ]
    return f"{start} {'  '.join(parts)}  {row['seconds']:.0f} s"


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the page for docs/."""
    lines = ["# Buckets against exact search", "", written_by("bench-buckets"), "", *HOW, "", *_summary(rows)]
    heads = (*HEADS, *TIGHT_HEADS)
    lines += ["", f"| {' | '.join(heads)} |", len(heads) * "|---" + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in rows)]) + "\n"


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    """Yield for each way how many sets lose no more than is allowed, and which lose more."""
    yield "| hash | sets | as fitted: lose more than 0.5 points | 3 %: lose more than 0.5 points |"
    yield "|---|---|---|---|"
    for way in dict.fromkeys(row["way"] for row in rows):
        measured = [row for row in rows if row["way"] == way and "failed" not in row]
        over = [_over(measured, name) for name in ("as fitted", "tight")]
        yield f"| {way} | {len(measured)} | {over[0]} | {over[1]} |"


def _over(rows: Sequence[Row], name: str) -> str:
    found = [f"{row['set']} {row[name]['lost']:.2f}" for row in rows if row[name]["lost"] > ALLOWED]
    return ", ".join(found) or "none"


def _cells(row: Row) -> list[str]:
    start = [row["set"], row["way"]]
    if "failed" in row:
        return [*start, row["failed"], *[""] * (len(HEADS) + len(TIGHT_HEADS) - 3)]
    fitted, tight = row["as fitted"], row["tight"]
    is_one = fitted["pairs"] == tight["pairs"]
    cells = ["", "", "", ""] if is_one else _figures(tight)
    return [*start, str(row["steps"]), f"{fitted['rows']:,}", *_figures(fitted), *cells]


def _figures(found: Row) -> list[str]:
    percent = [f"{100 * found[name]:.2f}" for name in ("share", "held")]
    return [f"{percent[0]} %", percent[1], f"{found['lost']:+.2f}", f"{found['lost_ranked']:+.2f}"]
