"""Sections of the report on candidate pairs: recall against cost, scores, buckets, coverage."""

from itertools import pairwise

import numpy as np
import polars as pl

from erblock.evaluation.report import charts
from erblock.evaluation.report.facts import RunFacts
from erblock.evaluation.report.section import Section, Table, percent

ESTIMATED, TRUE = "estimated", "true"
MATCHES, OTHERS, ALL = "known matches", "other pairs", "pairs"
_POINTS, _BINS, _MOST_GROUPS = 60, 30, 24


def recall_section(facts: RunFacts) -> Section | None:
    """Return the section with recall against the number of pairs, and a slider for the budget."""
    curve = {point.pairs: point for point in facts.blocked.curve}
    true = _true_recall(facts, sorted(curve) or _spread(facts.pairs.height, facts.known or 1))
    sizes = sorted(curve.keys() | true.keys())
    if len(sizes) < 2:
        return None
    rows, steps, table = [], [], []
    for step, size in enumerate(sizes):
        point, hit, parts = curve.get(size), true.get(size), []
        if point is not None:
            rows.append(point.model_dump() | {"kind": ESTIMATED, "step": step})
            parts.append(f"{ESTIMATED} recall {percent(point.recall)} ({_interval(point.low, point.high)})")
        if hit is not None:
            rows.append({"pairs": size, "recall": hit, "kind": TRUE, "step": step})
            parts.append(f"{TRUE} recall {percent(hit)}")
        steps.append(f"{size:,} pairs: {', '.join(parts)}")
        said = ("", "") if point is None else (percent(point.recall), _interval(point.low, point.high))
        table.append((f"{size:,}", *said, "" if hit is None else percent(hit)))
    first = max(at for at, size in enumerate(sizes) if size <= max(facts.pairs.height, sizes[0]))
    return Section(
        "Recall against cost",
        "A point is the share of all matches among this number of best pairs: estimated and, with known "
        "matches, true. Where a line is flat, more pairs find no more matches.",
        f"This run kept {steps[first]}.",
        charts.cut_curve(rows, first),
        Table(("pairs", "estimated recall", "interval", "true recall"), table),
        tuple(steps),
        first,
    )


def _spread(pairs: int, known: int) -> list[int]:
    """Return budgets in pairs, in about equal ratios, from a fiftieth of the known matches to all pairs."""
    least = min(max(known / 50, 1), pairs)
    return np.unique(np.geomspace(least, pairs, _POINTS).round()).astype(int).tolist() if pairs else []


def _true_recall(facts: RunFacts, sizes: list[int]) -> dict[int, float]:
    """Return the true recall of the best pairs, keyed by the number of pairs, which is one of `sizes`."""
    if not facts.known or "hit" not in facts.pairs.columns:
        return {}
    hits = facts.pairs["hit"].cast(pl.Int64).cum_sum()
    return {size: hits[size - 1] / facts.known for size in sizes if 0 < size <= facts.pairs.height}


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def score_section(facts: RunFacts) -> Section | None:
    """Return the section with the histogram of scores."""
    scored = facts.pairs.filter(pl.col("score").is_finite())
    if scored.is_empty():
        return None
    scores = scored["score"].to_numpy()
    low, middle, high = np.quantile(scores, (0, 0.5, 1)).tolist()
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    return distribution(
        "Scores of pairs",
        "The score ranks the pairs, by the log odds of a match if these can be estimated. Two peaks are a "
        "good sign; with one peak, matches do not stand out.",
        f"{scored.height:,} pairs have scores from {low:.1f} to {high:.1f}, half of them above {middle:.1f}.",
        (scored, "score", edges, ".3~r"),
    )


def distribution(
    title: str, reading: str, found: str, what: tuple[pl.DataFrame, str, np.ndarray, str]
) -> Section:
    """Return a section with the histogram of a column of pairs, in which known matches are separate.

    `what`: a tuple (pairs, name of the column, edges of the bins, number format).
    """
    frame, column, edges, form = what
    parts = {ALL: frame}
    if "hit" in frame.columns:
        parts = {MATCHES: frame.filter("hit"), OTHERS: frame.filter(~pl.col("hit"))}
    counts = {kind: np.histogram(part[column].to_numpy(), edges)[0].tolist() for kind, part in parts.items()}
    rows = [
        {"low": float(low), "high": float(high), "kind": kind, "count": counts[kind][at]}
        for kind in parts
        for at, (low, high) in enumerate(pairwise(edges))
        if counts[kind][at]
    ]
    table = [
        (f"{low:.2f}", f"{high:.2f}", *(f"{counts[kind][at]:,}" for kind in parts))
        for at, (low, high) in enumerate(pairwise(edges))
    ]
    spec = charts.histogram(rows, list(parts), column, form)
    return Section(title, reading, found, spec, Table(("from", "to", *parts), table))


def bucket_section(facts: RunFacts) -> Section | None:
    """Return the section with the sizes of buckets."""
    join = facts.blocked.join
    if not any(join.sizes[1:]):
        return None
    labels = ["1", *(f"{2**i}-{2 ** (i + 1) - 1}" for i in range(1, len(join.sizes) - 1))]
    counts = join.sizes[1:]
    rows = [{"label": label, "value": count} for label, count in zip(labels, counts, strict=True)]
    table = [
        ("none", f"{join.sizes[0]:,}"),
        *((label, f"{n:,}") for label, n in zip(labels, counts, strict=True)),
    ]
    return Section(
        "Bucket sizes",
        "A bar counts bucket keys by the number of records of the other table in their bucket (in one "
        "table, the record itself counts). Long bars belong at the top: large buckets cost much and find "
        "little.",
        f"In {join.bands} bands, {join.distinct:,} pairs of records share a bucket; the largest bucket has "
        f"{join.largest_bucket:,} records.",
        charts.bars(rows, "bucket keys", charts.SHORT),
        Table(("records in the bucket", "keys"), table),
    )


def coverage_section(facts: RunFacts) -> Section | None:
    """Return the section on records without a candidate: all, and by missing column or source."""
    groups = facts.groups[:_MOST_GROUPS]
    if not groups:
        return None
    tables = len({group.table for group in groups})
    rows = [
        {"label": f"{group.table}: {group.what}" if tables > 1 else group.what, "value": group.share}
        for group in groups
    ]
    whole = [f"{g.uncovered:,} of the {g.records:,} of {g.table}" for g in groups if g.what == "all records"]
    table = [(g.table, g.what, f"{g.records:,}", f"{g.uncovered:,}", percent(g.share)) for g in groups]
    return Section(
        "Records without a candidate",
        "A bar is the share of a group's records that are in no pair, and so cannot be matched. A bar much "
        "longer than that of all records points at a column whose missing values cost matches.",
        f"Without a candidate are {' and '.join(whole)}.",
        charts.bars(rows, "share without a candidate", charts.SHARE, 0.01),
        Table(("table", "records", "count", "without a candidate", "share"), table),
    )


def source_section(facts: RunFacts) -> Section | None:
    """Return the section with the number of pairs between sources."""
    met = facts.sources
    if not met:
        return None
    rows = [{"label": f"{each.one} - {each.other}", "value": each.pairs} for each in met[:_MOST_GROUPS]]
    matched = met[0].matches is not None
    table = [
        (each.one, each.other, f"{each.pairs:,}", *((f"{each.matches:,}",) if matched else ()))
        for each in met
    ]
    names = {name for each in met for name in (each.one, each.other)}
    return Section(
        "Pairs by source",
        "A bar is the number of candidate pairs between two sources. Sources with many records in common "
        "and few pairs write them differently.",
        f"{len(names)} sources have pairs; {met[0].one} and {met[0].other} have the most, {met[0].pairs:,}.",
        charts.bars(rows, "pairs", charts.SHORT),
        Table(("source", "other source", "pairs", *(("matches",) if matched else ())), table),
    )
