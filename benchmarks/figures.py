"""The numbers in README and docs, made from the results that are committed: `make figures` measures and writes them.

python -m benchmarks.figures    writes them from benchmarks/figures.json as it is
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import msgspec

from .svg import Line, picture
from .table import Row, number

__all__ = ["BLOCKS", "FIGURES", "PAGES", "Results", "read", "rewrite", "rewritten"]

ROOT = Path(__file__).parents[1]
FIGURES = Path(__file__).with_name("figures.json")
PAGES = ("README.md", "docs/performance.md", "docs/scale.md")
"""Their blocks between `<!-- figures: NAME -->` and `<!-- end -->` are made here."""
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)


class Results(msgspec.Struct, frozen=True):
    """What a run measured, and on what."""

    machine: dict[str, Any]
    rows: list[Row]

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def value(self, name: str) -> str:
        """Return a number as people read it."""
        return number(self[name].value)


def read(path: Path = FIGURES) -> Results:
    """Return committed results."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def rewritten(page: str, results: Results) -> str:
    """Return a page with its blocks made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found[2]](results)}{found[3]}", page)


def rewrite() -> None:
    """Write the blocks of all pages, and the pictures, from the committed results."""
    results = read()
    for name in PAGES:
        page = ROOT / name
        page.write_text(rewritten(page.read_text("utf-8"), results), "utf-8")
    for path, drawn in pictures(results).items():
        path.write_text(drawn, "utf-8")


def pictures(results: Results) -> Mapping[Path, str]:
    """Return the pictures of measured numbers, by their path."""
    lines: dict[str, Line] = {
        what: [(size, max(results[f"scale.{size}.{key}"].value, 0.01)) for size in SIZES] for key, what in SCALE.items()
    }
    return {ROOT / "docs/images/scale.svg": picture("One process", "tasks that are waited for", "", lines)}


# ---- the blocks ------------------------------------------------------------------------------------------------------


def readme(results: Results) -> str:
    ours, hand, pending = map(results.value, ("poll.paced", "poll.paced.hand", "memory.pending"))
    return f"""\
With 2 000 songs at once, a poll takes {ours} µs of CPU; in a loop for each song, with aiohttp and `json.loads`,
{hand} µs. A pending task takes {pending} KB. All numbers are in [Performance](docs/performance.md)."""


def machine(results: Results) -> str:
    told = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in told["libraries"].items())
    said = (
        f"Measured on {told['cores']} cores of {told['cpu']}, {told['system']}, with Python {told['python']}, "
        f"nginx {told['nginx']}, {versions}."
    )
    return "\n".join(wrap(said, 128))


def targets(results: Results) -> str:
    pictured = _pictured(results)
    rows = ["| What | Measured | Target | Met |", "| --- | --- | --- | --- |"]
    for row in results.rows:
        if row.target:
            met = "yes" if row.met else "**no**"
            rows.append(f"| {row.what} | {_measured(row, pictured)} | {row.target} | {met} |")
    return "\n".join(rows)


def others(results: Results) -> str:
    pictured = _pictured(results)
    rows = [row for row in results.rows if not (row.target or row.name.startswith("scale."))]
    lines = [f"| {row.what} | {said} |" for row in rows if (said := _measured(row, pictured))]
    return "\n".join(["| What | Measured |", "| --- | --- |", *lines])


def _pictured(results: Results) -> set[float]:
    """The numbers that a picture shows."""
    return {results[name].value for block in BLOCKS.values() if isinstance(block, Bars) for name in block.rows.values()}


def _measured(row: Row, pictured: set[float]) -> str:
    """The ratio of a row if it has one, and its number unless a picture shows it, or it has a target."""
    value = f"{number(row.value)} {row.unit}".rstrip()
    if row.ratio is not None:
        ratio = f"{number(row.ratio)} × {row.beside.partition(' / ')[2]}"
        return ratio if row.value in pictured else f"{ratio} ({value})"
    if row.value in pictured and not row.target:
        return ""
    return value if row.low == row.high else f"{value} ({number(row.low)} to {number(row.high)})"


class Bars:
    """A table of two columns, which is a bar chart on the site."""

    def __init__(self, head: str, rows: Mapping[str, str]) -> None:
        self.head = head
        """What is measured, and its unit."""
        self.rows = rows
        """The names of the rows of the results, by what they are called there."""

    def __call__(self, results: Results) -> str:
        what, unit = self.head.rsplit(", ", 1)
        rows = [f"| {label} | {number(results[name].value).replace(' ', '')} |" for label, name in self.rows.items()]
        return "\n".join(["<!-- bars -->", f"| {what} | {unit} |", "| --- | --- |", *rows])


def poller(results: Results) -> str:
    return (
        f"The poller's share of it is {results.value('poller')} µs, at 100 000 waiting tasks. "
        "There is one timer for all of them."
    )


SIZES = (100, 1_000, 10_000, 100_000)
"""Of `benchmarks.scale`."""
SCALE = {
    "submit": "Submit, µs",
    "memory": "Memory of one, awaited, KB",
    "poll": "CPU of a poll, µs",
    "late": "Late, half, ms",
    "late99": "Late, 99 of 100, ms",
}
"""What is measured of each size, with its unit."""


def scale(results: Results) -> str:
    head = ["Tasks", *SCALE.values()]
    rows = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for size in SIZES:
        values = [number(results[f"scale.{size}.{key}"].value) for key in SCALE]
        rows.append(f"| {f'{size:,}'.replace(',', ' ')} | {' | '.join(values)} |")
    return "\n".join(rows)


def cores(results: Results) -> str:
    poll = results["poll.paced"].value
    busy = [f"{number(tasks / 11.5 * poll / 1e4)} %" for tasks in (10_000, 100_000)]
    return f"""\
With HTTP a poll is about {number(poll)} µs ([performance.md](performance.md)), so 10 000 tasks are {busy[0]} of a core
and 100 000 are {busy[1]}."""


BLOCKS: dict[str, Callable[[Results], str]] = {
    "readme": readme,
    "machine": machine,
    "targets": targets,
    "others": others,
    "paced": Bars(
        "CPU of one poll, µs",
        {
            "suno_async": "poll.paced",
            "one loop for each song, aiohttp and `json.loads`": "poll.paced.hand",
        },
    ),
    "busy": Bars(
        "CPU of one poll, µs",
        {
            "suno_async": "poll",
            "aiohttp and `json.loads`": "poll.hand",
            "suno-easy in threads": "poll.easy",
            "httpx and pydantic, 10 workers, which suit it best": "poll.httpx.few",
        },
    ),
    "poller": poller,
    "songs": Bars(
        "CPU of a song with 5 polls, µs",
        {
            "suno_async, a fresh connection for each submit": "song",
            "the same, connections kept alive": "song.kept",
            "`asyncio.gather` over coroutines, aiohttp and `json.loads`": "song.hand",
            "suno-easy in threads": "song.easy",
            "httpx and pydantic, 10 connections": "song.httpx",
        },
    ),
    "callbacks": Bars(
        "Callbacks through aiohttp.web in one process, a second",
        {
            "suno_async, token and signature checked": "callbacks.aiohttp.rate",
            "the same with SQLite": "callbacks.sqlite.rate",
            "the same checks by hand, `json.loads` and `hmac`": "callbacks.aiohttp.hand",
            "an empty handler": "callbacks.aiohttp.bare",
        },
    ),
    "memory": Bars(
        "Memory of a task, KB",
        {
            "pending": "memory.pending",
            "awaited by a coroutine, with what asyncio takes for that": "memory.awaited",
            "the same, with the text of two tracks": "memory.text",
            "in `map`": "memory.map",
        },
    ),
    "scale": scale,
    "cores": cores,
}


if __name__ == "__main__":
    rewrite()
