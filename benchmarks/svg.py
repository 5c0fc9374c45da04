"""Lines on logarithmic axes, as SVG."""

import math
from html import escape

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b")
LEFT, TOP, WIDTH, HEIGHT = 70, 40, 520, 300

Line = list[tuple[float, float]]


def picture(title: str, across: str, up: str, lines: dict[str, Line]) -> str:
    """Return a picture: each line by its name, with points whose numbers are all above 0."""
    points = [point for line in lines.values() for point in line]
    left, right = _powers([x for x, _ in points])
    low, high = _powers([y for _, y in points])

    def at(x: float, y: float) -> str:
        wide = (math.log10(x) - left) / (right - left) * WIDTH
        tall = (math.log10(y) - low) / (high - low) * HEIGHT
        return f"{LEFT + wide:.1f},{TOP + HEIGHT - tall:.1f}"

    parts = [_text(LEFT, 22, title, "font-weight='bold'")]
    for power in range(left, right + 1):
        x = LEFT + (power - left) / (right - left) * WIDTH
        parts.append(f"<path d='M{x:.1f},{TOP} v{HEIGHT}' stroke='#ddd'/>")
        parts.append(
            _text(
                x, TOP + HEIGHT + 18, f"{10.0**power:,.0f}".replace(",", "\N{NO-BREAK SPACE}"), "text-anchor='middle'"
            )
        )
    for power in range(low, high + 1):
        y = TOP + HEIGHT - (power - low) / (high - low) * HEIGHT
        parts.append(f"<path d='M{LEFT},{y:.1f} h{WIDTH}' stroke='#ddd'/>")
        parts.append(_text(LEFT - 6, y + 4, f"{10.0**power:g}", "text-anchor='end'"))
    parts.append(_text(LEFT + WIDTH / 2, TOP + HEIGHT + 38, across, "text-anchor='middle'"))
    parts.append(_text(LEFT, TOP - 4, up, "fill='#555'"))
    for row, (name, line) in enumerate(lines.items()):
        colour = COLOURS[row % len(COLOURS)]
        way = " ".join(at(x, y) for x, y in line)
        parts.append(f"<polyline points='{way}' fill='none' stroke='{colour}' stroke-width='2'/>")
        y = TOP + 14 + row * 18
        parts.append(f"<path d='M{LEFT + WIDTH + 12},{y - 4} h18' stroke='{colour}' stroke-width='2'/>")
        parts.append(_text(LEFT + WIDTH + 36, y, name))
    size = f"width='{LEFT + WIDTH + 270}' height='{TOP + HEIGHT + 50}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} font-family='sans-serif' font-size='12'>"
    return "\n".join([head, "<rect width='100%' height='100%' fill='white'/>", *parts, "</svg>", ""])


def _powers(numbers: list[float]) -> tuple[int, int]:
    """The powers of ten around numbers."""
    low = math.floor(math.log10(min(numbers)))
    return low, max(math.ceil(math.log10(max(numbers))), low + 1)


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {more}>{escape(words)}</text>"
