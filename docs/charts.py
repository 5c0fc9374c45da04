"""Bar charts for the tables of numbers."""

import re
from html import escape

__all__ = ["bars", "with_bars"]

_MARKED = re.compile(r"<!-- bars -->\n(\|.*\|)\n\|.*\|\n((?:\|.*\|\n)+)")
WIDTH, ROW = 680, 48


def with_bars(text: str) -> str:
    """Return a page with a bar chart instead of each table that follows `<!-- bars -->`.

    Args:
        text: The page. The tables have two columns: what, and how much.
    """
    return _MARKED.sub(lambda found: f"**{', '.join(_cells(found[1]))}**\n\n{bars(found[2])}\n", text)


def bars(rows: str) -> str:
    """Return a picture of the rows of a table with two columns.

    Args:
        rows: The rows in Markdown, without the head.
    """
    cells = [_cells(row.replace("`", "")) for row in rows.splitlines()]
    longest = max(float(value) for _, value in cells)
    said = "; ".join(f"{what}: {value}" for what, value in cells)
    lines = [f'<svg class="bars" viewBox="0 0 {WIDTH} {len(cells) * ROW}" role="img" aria-label="{escape(said)}">']
    for number, (what, value) in enumerate(cells):
        top, length = number * ROW, max(2.0, float(value) / longest * (WIDTH - 70))
        lines.append(f'<text x="0" y="{top + 15}">{escape(what)}</text>')
        lines.append(
            f'<rect class="bar-{min(number, 1)}" x="0" y="{top + 21}" width="{length:.0f}" height="18" rx="3"/>'
        )
        lines.append(f'<text x="{length + 8:.0f}" y="{top + 35}">{escape(value)}</text>')
    return "\n".join((*lines, "</svg>"))


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]
