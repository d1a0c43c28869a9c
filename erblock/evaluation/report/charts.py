"""Charts of the report as Vega-Lite, and as SVG that needs no script.

Colours are CSS variables, so that a chart follows the light or dark mode of the page. They are the palette of
Okabe and Ito, which colour-blind people can tell apart. A dash or a word repeats what a colour says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

WIDTH, HEIGHT = 270, 180
INK, GRID, ONE, OTHER = "var(--ink)", "var(--grid)", "var(--one)", "var(--other)"
COUNT, SHARE, SHORT = ",d", "~%", ".3~s"
_STEP, _BARS = 24, 190
"""Pixels: the height of a horizontal bar with its gap, and the width of the axis below the bars."""

_SAID = {"type": "text", "color": INK, "fontSize": 11}
_WITH_DIGITS = {SHARE: ".2~%"}
_DASHES = {"estimated": [6, 3], "true": [1, 0]}

_AXIS = {"labelColor": INK, "titleColor": INK, "gridColor": GRID, "domainColor": INK, "tickColor": INK}
_CONFIG = {
    "aria": False,  # the figure element has the text for screen readers, and the table the numbers
    "background": None,
    # These fonts have the same widths, so that text measured here fits in the browser.
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {**_AXIS, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
    "legend": {"labelColor": INK, "labelFontSize": 12, "orient": "top", "title": None, "labelLimit": 260},
}


def svg(spec: Spec) -> str:
    """Return a chart as SVG that fits the width of the page."""
    import vl_convert

    drawn = str(vl_convert.vegalite_to_svg(spec))
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def number(field: str, title: str, form: str = COUNT, **more: Any) -> Spec:
    """Return an encoding of the numbers in `field` as positions on an axis; `more`: options of the scale."""
    axis = {"format": form, "tickCount": 5, "labelOverlap": True}
    return {"field": field, "type": "quantitative", "title": title, "axis": axis, "scale": more}


def kinds(names: Sequence[str], **more: Any) -> Spec:
    """Return an encoding of the field "kind", with one or two values, as colours; two have a legend."""
    scale = {"domain": list(names), "range": [ONE, OTHER][: len(names)]}
    legend = {"legend": None} if len(names) == 1 else {}
    return {"field": "kind", "type": "nominal", "scale": scale, **more, **legend}


def chart(rows: Rows, layers: Sequence[Spec], **more: Any) -> Spec:
    """Return a chart of `rows` with these layers."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": list(rows)},
        "layer": list(layers),
        "config": _CONFIG,
        **more,
    }


def histogram(rows: Rows, names: Sequence[str], title: str, form: str) -> Spec:
    """Return a histogram with stacked columns, from rows (low, high, kind, count)."""
    across = {**number("low", title, form, nice=False), "bin": "binned"}
    encoding = {"x": across, "x2": {"field": "high"}, "y": number("count", "pairs"), "color": kinds(names)}
    # The first colour is at the bottom of a stack.
    encoding["order"] = {"field": "kind", "sort": "ascending"}
    return chart(rows, [{"mark": {"type": "bar", "binSpacing": 1}, "encoding": encoding}])


def columns(rows: Rows, title: str, up: str) -> Spec:
    """Return a column chart of rows (label, count), in order, with the count above each column."""
    across = {"field": "label", "type": "nominal", "sort": None, "title": title, "axis": {"labelAngle": 0}}
    places = {"x": across, "y": number("count", up)}
    text = {"text": {"field": "count", "type": "quantitative", "format": COUNT}}
    layers = [_layer({"type": "bar", "color": ONE}, places), _layer({**_SAID, "dy": -7}, {**places, **text})]
    return chart(rows, layers)


def bars(rows: Rows, title: str, form: str, least: float = 1.0) -> Spec:
    """Return a chart of horizontal bars for rows (label, value), in order, with the value beside each bar.

    The axis extends to at least `least`, so that tiny values have tiny bars.
    """
    down = {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 140}}
    longest = max([least, *(row["value"] for row in rows)])
    places = {"y": down, "x": number("value", title, form, domain=[0, 1.2 * longest], nice=False)}
    text = {"text": {"field": "value", "type": "quantitative", "format": _WITH_DIGITS.get(form, form)}}
    layers = [
        _layer({"type": "bar", "color": ONE}, places),
        _layer({**_SAID, "align": "left", "dx": 4}, {**places, **text}),
    ]
    return chart(rows, layers, height={"step": _STEP}, width=_BARS)


def line(rows: Rows, across: Spec, up: Spec) -> Spec:
    """Return a line chart with a point for each row."""
    return chart(
        rows, [_layer({"type": "line", "color": ONE, "point": {"color": ONE}}, {"x": across, "y": up})]
    )


def reliability(rows: Rows) -> Spec:
    """Return a reliability diagram: a point for each row (said, found, pairs), and the diagonal."""
    ends = {"values": [{"said": 0, "found": 0}, {"said": 1, "found": 1}]}
    places = {
        "x": number("said", "probability that is stated", SHARE, domain=[0, 1]),
        "y": number("found", "share of known matches", SHARE, domain=[0, 1]),
    }
    size = {"field": "pairs", "type": "quantitative", "legend": None, "scale": {"range": [30, 250]}}
    exact = {"type": "line", "color": INK, "strokeDash": [4, 4], "opacity": 0.7}
    layers = [
        {"data": ends, **_layer(exact, places)},
        _layer({"type": "line", "color": ONE}, places),
        _layer({"type": "circle", "color": ONE, "opacity": 1}, {**places, "size": size}),
    ]
    return chart(rows, layers)


def cut_curve(rows: Rows, kept: int) -> Spec:
    """Return a chart of recall against the number of pairs, with a vertical line at one number of pairs.

    The rows have the fields step, pairs, recall, low, high and kind. The chart's parameter `cut` is the step
    of the line; it starts at `kept`, the step of the run's budget.
    """
    places = {
        "x": number("pairs", "pairs", "~s", type="log", nice=False),
        "y": number("recall", "recall", SHARE, domain=[0, 1]),
    }
    names = sorted({str(row["kind"]) for row in rows})
    scale = {"domain": names, "range": [_DASHES[name] for name in names]}
    dash = {"field": "kind", "type": "nominal", "scale": scale}
    color = kinds(names, legend={"symbolType": "stroke", "symbolSize": 400})
    band = {"x": places["x"], "y": {**places["y"], "field": "low"}, "y2": {"field": "high"}}
    at_cut = {"filter": "datum.step == cut"}
    layers = [
        {
            "transform": [{"filter": "isValid(datum.low)"}],
            **_layer({"type": "area", "color": ONE, "opacity": 0.2}, band),
        },
        _layer({"type": "line", "strokeWidth": 2}, {**places, "color": color, "strokeDash": dash}),
        {"transform": [at_cut], **_layer({"type": "rule", "color": INK}, {"x": places["x"]})},
        {
            "transform": [at_cut],
            **_layer({"type": "point", "filled": True, "size": 60, "opacity": 1}, {**places, "color": color}),
        },
    ]
    return chart(rows, layers, params=[{"name": "cut", "value": kept}], width=2 * WIDTH, height=240)


def _layer(mark: Spec, encoding: Spec) -> Spec:
    return {"mark": mark, "encoding": encoding}
