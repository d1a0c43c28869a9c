"""The page of `quality.py`: the summary over all data sets, then a table for each."""

from collections.abc import Iterator, Sequence
from typing import Any

from common import TARGETS, cut_cells, written_by
from summary import WRITTEN, interval, summary

Row = dict[str, Any]

HOW = """\
The floor is character 3-gram TF-IDF without any training or setting (`benchmarks/floor.py`): the 50
nearest of either table, ranked. Every method of erblock writes as many pairs as the floor did for the set,
all else is by default, and the rules are those in `benchmarks/rules`, written from columns and rows. One
seed. No gold pair and no test label is read before the candidates are written.

The summary: the geometric mean, over the sets where both reach a completeness, of the pairs that a method
needs for it as a multiple of the floor's (in brackets, how many sets); the largest multiple; how many sets
are *below the floor*: more pairs than the floor at .89, .95 or .97, or not reached where the floor reaches
it, or 0.2 points less held in all. *intervals hold*: of the estimates of recall for `--target-recall` .9,
.95, .97 and .99, those whose interval holds the true share of all known matches, be they examined or not.
*width*: the median of these intervals, in points. *of all written*: the same of the estimates for all pairs
that are written.
""".splitlines()

TABLES = """\
The cells give the fewest candidate pairs that reach a completeness of the full gold, and F1 of pair
completeness and pair quality there, in percent. *holds*: the completeness of all that is written;
*estimated*: the interval that was estimated for it. *examined*: the share of the cross product whose
similarity was computed. *fit*, *block*: seconds.
""".splitlines()

HEADS = ("method", ".89", ".95", ".97", ".99", "holds", "pairs", "estimated", "examined", "fit", "block")


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the page for docs/."""
    lines = ["# Blocking quality", "", written_by("bench-quality"), "", *HOW, "", *summary(rows), "", *TABLES]
    for name in dict.fromkeys(row["set"] for row in rows):
        of_set = [row for row in rows if row["set"] == name]
        lines += ["", f"## {name}", "", *_table(of_set), *_triplet_lines(of_set)]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| {' | '.join(HEADS)} |"
    yield f"{len(HEADS) * '|---'}|"
    for row in rows:
        yield f"| {' | '.join(_cells(row))} |"
        if "unseen_cheapest" in row:
            unseen = [
                *cut_cells(row["unseen_cheapest"]),
                f"{100 * row['unseen_completeness']:.1f}",
                *[""] * (len(HEADS) - len(TARGETS) - 2),
            ]
            yield f"| - of the gold not in the train split | {' | '.join(unseen)} |"


def _cells(row: Row) -> list[str]:
    if "failed" in row:
        return [row["method"], row["failed"], *[""] * (len(HEADS) - 2)]
    written = row.get("estimates", {}).get(WRITTEN)
    return [
        row["method"],
        *cut_cells(row["cheapest"]),
        f"{100 * row['pair_completeness']:.1f}",
        f"{row['pairs']:,}",
        interval(written) if written else "-",
        f"{100 * row['examined_share']:.2f} %",
        f"{row['fit_seconds']:.0f}" if "fit_seconds" in row else "-",
        f"{row['block_seconds']:.0f}",
    ]


def _triplet_lines(rows: Sequence[Row]) -> Iterator[str]:
    trained = next((row for row in rows if row["method"] == "neural, rules" and "triplets" in row), None)
    if trained:
        yield from ("", f"Triplets by rule ({trained['steps']} steps of training):", "")
        yield from (f"- {count:,}: `{rule}`" for rule, count in trained["triplets"].items())
