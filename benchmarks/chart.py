"""A small line chart as SVG: a logarithmic axis across, a straight one up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 180, 30, 60
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_UP_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Line:
    """A named line of (across, up, label) points; across is above 0."""

    name: str
    points: Sequence[tuple[float, float, str]]


@dataclass(frozen=True)
class Chart:
    """The lines and what the axes say. `limit`: a height to mark."""

    across: str
    up: str
    lines: Sequence[Line]
    limit: float | None = None

    def svg(self) -> str:
        """Return the chart as an SVG document."""
        x, y = self._scales()
        parts = [*self._grid(x, y), *self._axis_names(), *self._limit(y)]
        for number, line in enumerate(self.lines):
            parts += _drawn(line, number, x, y)
        box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        style = 'font-family="sans-serif" font-size="12" fill="#333"'
        body = "\n".join(parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} {style}>\n'
            f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
        )

    def _scales(self) -> tuple[Callable[[float], float], Callable[[float], float]]:
        low, high = (10.0**power for power in self._powers())
        bottom, top = self._heights()
        width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return (
            lambda value: _LEFT + width * log10(value / low) / log10(high / low),
            lambda value: _TOP + height * (top - value) / (top - bottom),
        )

    def _powers(self) -> tuple[int, int]:
        values = [point[0] for line in self.lines for point in line.points]
        low, high = floor(log10(min(values))), ceil(log10(max(values)))
        return low, max(high, low + 1)

    def _heights(self) -> tuple[float, float]:
        values = [0.0, self.limit or 0.0, *(point[1] for line in self.lines for point in line.points)]
        room = 0.05 * (max(values) - min(values) or 1.0)
        return min(values) - room, max(values) + room

    def _grid(self, x: Callable[[float], float], y: Callable[[float], float]) -> list[str]:
        low, high = self._powers()
        parts = []
        for power in range(low, high + 1):
            at = x(10.0**power)
            parts.append(_stroke((at, _TOP), (at, _HEIGHT - _BOTTOM)))
            parts.append(_text(at, _HEIGHT - _BOTTOM + 18, f"{10.0**power:g}", "middle"))
        bottom, top = self._heights()
        step = next((step for step in _UP_STEPS if (top - bottom) / step <= 8), _UP_STEPS[-1])
        for count in range(ceil(bottom / step), floor(top / step) + 1):
            at = y(count * step)
            parts.append(_stroke((_LEFT, at), (_WIDTH - _RIGHT, at)))
            parts.append(_text(_LEFT - 8, at + 4, f"{count * step:g}", "end"))
        return parts

    def _axis_names(self) -> list[str]:
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        return [
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 16, self.across, "middle"),
            f'<g transform="rotate(-90 18 {middle:g})">{_text(18, middle, self.up, "middle")}</g>',
        ]

    def _limit(self, y: Callable[[float], float]) -> list[str]:
        if self.limit is None:
            return []
        at = y(self.limit)
        dashed = 'stroke="#888" stroke-dasharray="6 4"'
        return [f'<line x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT}" y2="{at:.1f}" {dashed}/>']


def _drawn(
    line: Line, number: int, x: Callable[[float], float], y: Callable[[float], float]
) -> Sequence[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    places = [(x(across), y(up), label) for across, up, label in line.points]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up, _ in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for across, up, label in places:
        parts.append(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.5" fill="{colour}"/>')
        parts.append(_text(across + 6, up - 7, label, "start"))
    key = _TOP + 12 + 20 * number
    parts.append(f'<circle cx="{_WIDTH - _RIGHT + 16}" cy="{key - 4}" r="4" fill="{colour}"/>')
    parts.append(_text(_WIDTH - _RIGHT + 28, key, line.name, "start"))
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _stroke(start: tuple[float, float], end: tuple[float, float]) -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="#e2e2e2"/>'
