"""Makes the README's recording from a real run of the demo: `make recording`. A picture that plays in a browser."""

import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path
from unicodedata import east_asian_width

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"
LINE = re.compile(r"(\w+) +(.+?) +([\d.]+) s  (\w+) *(.*)")
REST = 4.0
"""Seconds for which the end stands still."""
LEFT, TOP, ROW, CHAR = 20, 62, 24, 8.4
COLOURS = {"accepted": "#8b949e", "text": "#d2a8ff", "first": "#79c0ff", "complete": "#7ee787", "saved": "#ffffff"}


def main() -> None:
    """Run the demo, and draw what it printed and when."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "examples" / "demo.py")]
        printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    PICTURE.write_text(drawn(printed), encoding="utf-8")


def drawn(printed: str) -> str:
    """Return the recording as an animated SVG.

    Args:
        printed: What the demo prints when it is not in a terminal: a line for each change.
    """
    jobs: dict[str, list[tuple[float, str, str]]] = {}
    for line in printed.splitlines():
        if found := LINE.fullmatch(line):
            kind, about, seconds, stage, how = found.groups()
            jobs.setdefault(f"{kind:<15} {padded(about)}", []).append((float(seconds), stage, how))
    total = max(changes[-1][0] for changes in jobs.values()) + REST
    height = TOP + ROW * len(jobs) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 {height}" font-family="ui-monospace, monospace"',
        ' font-size="14">',
        f"<style>.s{{opacity:0;animation:{total:.1f}s infinite step-end}}text{{white-space:pre;fill:#c9d1d9}}",
        "@media(prefers-reduced-motion:reduce){.s{animation:none!important}.last{opacity:1}}",
        *(
            keyframes(row, number, changes, total)
            for row, changes in enumerate(jobs.values())
            for number in range(len(changes))
        ),
        "</style>",
        f'<rect width="780" height="{height}" rx="8" fill="#0d1117"/>',
        f'<text x="{LEFT}" y="30">$ make demo</text>',
    ]
    for row, (job, changes) in enumerate(jobs.items()):
        y = TOP + ROW * row
        lines.append(f'<text x="{LEFT}" y="{y}">{escape(job)}</text>')
        for number, (seconds, stage, how) in enumerate(changes):
            last = " last" if number == len(changes) - 1 else ""
            lines.append(
                f'<g class="s{last}" style="animation-name:r{row}n{number}"><text x="{LEFT + 51 * CHAR:.0f}" y="{y}">'
                f'{seconds:5.1f} s  <tspan style="fill:{COLOURS[stage]}">{stage:<9}</tspan> {escape(how)}</text></g>'
            )
    return "\n".join((*lines, "</svg>\n"))


def keyframes(row: int, number: int, changes: list[tuple[float, str, str]], total: float) -> str:
    """Show one change from its time to that of the next."""
    begin = changes[number][0] / total * 100
    rest = changes[number + 1 :]
    end = f"{rest[0][0] / total * 100:.2f}%{{opacity:0}}" if rest else ""
    return f"@keyframes r{row}n{number}{{0%{{opacity:0}}{begin + 0.01:.2f}%{{opacity:1}}{end}}}"


def padded(about: str) -> str:
    """A text of the width of the longest, where some characters are two wide."""
    return about + " " * (34 - sum(2 if east_asian_width(char) in "WF" else 1 for char in about))


if __name__ == "__main__":
    main()
