"""Draws lines over a logarithmic axis as an SVG document, without a plotting library."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 260, 40, 50
COLOURS = ("#1b6ca8", "#c0392b", "#27864b", "#8e44ad", "#b9770e", "#34495e", "#148f8b", "#7d6608")
TICKS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


def line_chart(
    title: str, sizes: Sequence[float], lines: Mapping[str, Sequence[float]], *, limit: float
) -> str:
    """Draw ratios over sizes, both axes logarithmic; `limit` is a dashed horizontal line."""
    highest = max([limit, 2.0, *(value for line in lines.values() for value in line)])
    lowest = min([0.5, *(value for line in lines.values() for value in line)])

    def x(size: float) -> float:
        span = log10(sizes[-1] / sizes[0]) or 1.0
        return LEFT + (WIDTH - LEFT - RIGHT) * log10(size / sizes[0]) / span

    def y(value: float) -> float:
        share = log10(value / lowest) / log10(highest / lowest)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    right = WIDTH - RIGHT
    parts = [_text(LEFT, 20, title, 'font-weight="bold"')]
    for tick in TICKS:
        if lowest <= tick <= highest:
            parts.append(_line((LEFT, y(tick)), (right, y(tick)), 'stroke="#ddd"'))
            parts.append(_text(LEFT - 40, y(tick) + 4, f"{tick:g} ×"))
    parts += [_text(x(size) - 20, HEIGHT - BOTTOM + 20, f"{size:,.0f}") for size in sizes]
    dashes = 'stroke="#000" stroke-dasharray="6 4"'
    parts.append(_line((LEFT, y(limit)), (right, y(limit)), dashes))
    for nth, (name, values) in enumerate(lines.items()):
        colour = COLOURS[nth % len(COLOURS)]
        points = " ".join(
            f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, values, strict=True)
        )
        dash = "" if nth < len(COLOURS) else ' stroke-dasharray="2 2"'
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts.append(_text(right + 10, TOP + 18 * nth, name, f'fill="{colour}"'))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        + "\n".join(['<rect width="100%" height="100%" fill="#fff"/>', *parts])
        + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f"{style}/>"
    )
