"""Charts as inline SVG: lines, bars, intervals. Colours come from the page's style, so they follow light and dark.

Each is drawn about as wide as a phone, and a wide page puts several side by side, so that words in it are never scaled
down. Built as an element tree: whatever a label says, it stays a label. The same three from matplotlib are 9 to 17 KB each
instead of 2 to 3, in colours that do not follow the page, without a value on a bar that one points at.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from markupsafe import Markup

from flows.report.numbers import figure, share
from flows.report.text import plain

WIDTH = 344
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 34

Point = tuple[float, float]
Format = Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An accuracy with its 95 % interval."""

    value: float
    low: float
    high: float


def line_chart(points: Sequence[Point], *, label: str, x_label: str, height: int = 190) -> Markup:
    """Draw one measured curve over steps or tokens.

    Args:
        points: x and y; x grows. What is not finite is left out.
        label: What a screen reader says.
        x_label: Name of the x axis.
        height: Height in CSS pixels.
    """
    points = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    root = _root(height, label)
    if not points:
        return _done(root)
    x_ticks, y_ticks = ticks(points[0][0], points[-1][0], 5), ticks(*_range([y for _, y in points]), 4)
    across = _scale(points[0][0], points[-1][0], _LEFT, WIDTH - _RIGHT)
    up = _scale(y_ticks[0], y_ticks[-1], height - _BOTTOM, _TOP)
    _grid(root, [(up(value), _even(value, y_ticks)) for value in y_ticks])
    for value in (value for value in x_ticks if points[0][0] <= value <= points[-1][0]):
        _text(root, across(value), height - _BOTTOM + 16, figure(value), "middle")
    _text(root, WIDTH - _RIGHT, height - 3, x_label, "end", "caption")
    positions = [(across(x), up(y)) for x, y in thinned(points)]
    Xml.SubElement(root, "polyline", {"points": " ".join(f"{x:.1f},{y:.1f}" for x, y in positions), "class": "curve"})
    _dot(root, *positions[-1], "end-point")
    return _done(root)


def bar_chart(
    bars: Sequence[tuple[str, float | None]], *, label: str, y_format: Format = figure, height: int = 150
) -> Markup:
    """Draw one bar per night, the last one in full colour, its value above it; a night without a value has no bar."""
    root = _root(height, label)
    finite = [value for _, value in bars if value is not None and math.isfinite(value)]
    y_ticks = ticks(0, max([*finite, 0]) or 1, 3)
    up = _scale(0, y_ticks[-1], height - _BOTTOM + 8, _TOP + 6)
    _grid(root, [(up(value), y_format(value)) for value in y_ticks])
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(bars), 7)
    for index, (name, value) in enumerate(bars):
        x, last = _LEFT + slot * index, index == len(bars) - 1
        middle = x + slot / 2
        if value is not None and math.isfinite(value):
            shape = {"x": f"{x + slot * 0.14:.1f}", "width": f"{slot * 0.72:.1f}", "rx": "2"}
            shape |= {"y": f"{up(value):.1f}", "height": f"{max(up(0) - up(value), 0.5):.1f}"}
            bar = Xml.SubElement(root, "rect", {**shape, "class": "bar now" if last else "bar"})
            Xml.SubElement(bar, "title").text = f"{plain(name)}: {y_format(value)}"
            if last:
                _text(root, middle, up(value) - 4, y_format(value), "middle", "strong")
        if last or index == 0 or (len(bars) <= 7 and slot > 44):
            _text(root, middle, height - 8, name[-5:], "middle")
    return _done(root)


def interval_chart(groups: Sequence[tuple[str, Estimate, Estimate]], *, label: str) -> Markup:
    """Draw accuracies before and after with their intervals, two lines per group, on the scale from 0 to 1."""
    height = 30 + 58 * len(groups)
    root = _root(height, label)
    left, right = 12, WIDTH - 12
    across = _scale(0, 1, left, right)
    for value in (0, 0.25, 0.5, 0.75, 1):
        _line(root, across(value), 6, across(value), height - 22, "grid")
        _text(root, across(value), height - 6, f"{value:g}", "middle")
    for index, (name, before, after) in enumerate(groups):
        top = 20 + 58 * index
        _text(root, left, top, name, "start", "strong")
        for row, (kind, estimate) in enumerate((("before", before), ("after", after))):
            y = top + 13 + 15 * row
            _line(root, across(estimate.low), y, across(estimate.high), y, f"interval {kind}")
            dot = _dot(root, across(estimate.value), y, f"dot {kind}")
            Xml.SubElement(
                dot, "title"
            ).text = f"{kind}: {share(estimate.value)} [{share(estimate.low)}, {share(estimate.high)}]"
    return _done(root)


_ALONE = (
    "text{font:11.5px system-ui,sans-serif;fill:#5b606d}.strong{fill:#23262f;font-weight:600}"
    ".grid{stroke:#e3dfd6}.bar{fill:#bcd2cf}.now{fill:#2f8277}"
)


def standalone(chart: Markup) -> str:
    """Return a chart as an image of its own, with the colours that it otherwise has from the page."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="688" '
    style = f"<style>{_ALONE}</style>"
    opened, _, rest = str(chart).removeprefix("<svg ").partition(">")
    return f'{head}{opened}><rect width="100%" height="100%" fill="#faf8f4"></rect>{style}{rest}'


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers, evenly apart, that enclose a range; about `most` of them."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def thinned(points: Sequence[Point], most: int = 240) -> list[Point]:
    """Return at most so many points and keep the shape: of each stretch the lowest and the highest, in their order."""
    if len(points) <= most:
        return list(points)
    stretch = math.ceil(2 * (len(points) - 2) / (most - 2))
    kept = [points[0]]
    for start in range(1, len(points) - 1, stretch):
        part = points[start : min(start + stretch, len(points) - 1)]
        low, high = (pick(part, key=lambda point: point[1]) for pick in (min, max))
        kept += [low] if low == high else sorted([low, high])
    return [*kept, points[-1]]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """From zero where that costs little; never so close that noise looks like a trend."""
    low, high = min(values), max(values)
    if 0 < low < 0.6 * high:
        return 0.0, high
    least = 0.1 * max(abs(low), abs(high))
    spare = max(least - (high - low), 0) / 2
    return low - spare, high + spare


def _even(value: float, all_ticks: Sequence[float]) -> str:
    """Write a tick with as many decimals as tell it from the next one."""
    step = all_ticks[1] - all_ticks[0]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    decimals += abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6  # a step of 0.25 has one more
    return f"{value:,.{decimals}f}" if decimals < 6 else f"{value:.1e}"


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _root(height: int, label: str) -> Xml.Element:
    return Xml.Element(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-label": plain(label, 600), "class": "chart"},
    )


def _done(root: Xml.Element) -> Markup:
    return Markup(Xml.tostring(root, encoding="unicode", short_empty_elements=False))  # noqa: S704 - the tree escapes


def _grid(root: Xml.Element, rows: Sequence[tuple[float, str]]) -> None:
    for y, text in rows:
        _line(root, _LEFT, y, WIDTH - _RIGHT, y, "grid")
        _text(root, _LEFT - 6, y + 4, text, "end")


def _line(root: Xml.Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> Xml.Element:
    positions = {name: f"{value:.1f}" for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
    return Xml.SubElement(root, "line", {**positions, "class": kind})


def _dot(root: Xml.Element, x: float, y: float, kind: str) -> Xml.Element:
    return Xml.SubElement(root, "circle", {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "4", "class": kind})


def _text(root: Xml.Element, x: float, y: float, text: str, anchor: str, kind: str = "tick") -> None:
    element = Xml.SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": kind})
    element.text = plain(text, 48)
