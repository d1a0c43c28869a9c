"""Writes the report of a run as one HTML file, which needs no network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from erblock.errors import visible
from erblock.evaluation.report.charts import svg
from erblock.evaluation.report.facts import RunFacts
from erblock.evaluation.report.match_sections import (
    calibration_section,
    cluster_section,
    probability_section,
    rule_section,
    training_section,
)
from erblock.evaluation.report.pair_sections import (
    bucket_section,
    coverage_section,
    recall_section,
    score_section,
    source_section,
)
from erblock.evaluation.report.section import Section, percent
from erblock.tables.differences import words_apart

_SECTIONS: tuple[Callable[[RunFacts], Section | None], ...] = (
    recall_section,
    score_section,
    probability_section,
    calibration_section,
    coverage_section,
    source_section,
    bucket_section,
    rule_section,
    cluster_section,
    training_section,
)
_PACKAGE, _TEMPLATE = "erblock.evaluation.report", "page.html.jinja"
_BUNDLE = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True)
class Figure:
    """A headline figure: name, value and remark."""

    name: str
    value: str
    remark: str = ""


def page(facts: RunFacts) -> str:
    """Return the report as HTML. Values from tables and files are escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    sections = sections_of(facts)
    environment = Environment(
        loader=PackageLoader(_PACKAGE, ""),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words_apart
    # The library that draws the charts escapes their text.
    drawn = [(section, Markup(svg(section.spec))) for section in sections]
    has_slider = any(section.steps for section in sections)
    return environment.get_template(_TEMPLATE).render(
        facts=facts,
        figures=list(_figures(facts)),
        sections=drawn,
        bundle=Markup(_bundle()) if has_slider else None,
    )


def sections_of(facts: RunFacts) -> list[Section]:
    """Return the sections for which the run has data."""
    made = (section(facts) for section in _SECTIONS)
    return [section for section in made if section is not None]


def _bundle() -> str:
    """Return Vega-Lite and its dependencies as one script without imports."""
    import vl_convert

    return str(vl_convert.javascript_bundle(_BUNDLE))


def _figures(facts: RunFacts) -> Iterator[Figure]:
    blocked, by_kind = facts.blocked, {each.kind: each for each in facts.measured}
    yield Figure("Records", " and ".join(f"{size:,}" for size in blocked.records))
    share = blocked.pairs / max(blocked.cross_product, 1)
    yield Figure("Pairs", f"{blocked.pairs:,}", f"{percent(share, 3)} of all {blocked.cross_product:,}")
    yield _estimate(facts)
    if None in by_kind:
        pairs = by_kind[None]
        remark = f"{pairs.hits:,} of {pairs.gold:,} known matches; {percent(pairs.pair_quality)} of the pairs"
        yield Figure("True recall", percent(pairs.pair_completeness), remark)
    if facts.matched is not None:
        right = percent(facts.matched.expected_precision)
        remark = f"{facts.matched.assign}; {right} of them are expected to be right"
        yield Figure("Matches", f"{facts.matched.matches:,}", remark)
    if "matches" in by_kind:
        found = by_kind["matches"]
        remark = f"precision {percent(found.precision)}, recall {percent(found.recall)}"
        yield Figure("F1 of matches", percent(found.f1), remark)
    if facts.matched is not None and facts.matched.sizes:
        found_of = by_kind.get("clusters")
        good = found_of.b_cubed if found_of is not None else None
        remark = "" if good is None else f"B-cubed F1 {percent(good.f1)}"
        yield Figure("Entities", f"{sum(facts.matched.sizes.values()):,}", remark)


def _estimate(facts: RunFacts) -> Figure:
    recall = facts.blocked.recall
    if recall is None:
        return Figure("Estimated recall", "not known", facts.blocked.recall_unknown or "")
    interval = f"{100 * recall.low:.1f} to {100 * recall.high:.1f}"
    lost = f"{recall.cut_off:,.0f} cut off by the budget, {recall.never_met:,.0f} share no bucket"
    matches = f"matches: {recall.kept:,.0f} kept, {lost}"
    return Figure("Estimated recall", percent(recall.value), f"{interval}; {matches}")
