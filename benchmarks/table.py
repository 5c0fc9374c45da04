"""One row a number, with what it is held against."""

import os
import platform
import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from .nginx import nginx_version
from .rounds import Series

__all__ = ["Row", "Suite", "machine", "row", "show"]

LIBRARIES = ("aiohttp", "msgspec", "anyio", "uvloop", "httpx", "pydantic", "suno-easy", "starlette", "uvicorn", "redis")


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measured number, the median of its rounds, with the least and the greatest of them.

    With `beside` there is a ratio, the median of the rounds' quotients, and the target is for that; else for the value.
    """

    name: str
    what: str
    unit: str
    value: float
    low: float
    high: float
    beside: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    target: str = ""
    """≤ or ≥ and a number."""
    met: bool | None = None


Suite = Callable[[bool], list[Row]]
"""Measures and returns rows; quickly and less exactly, if asked to."""


def row(
    name: str,
    what: str,
    unit: str,
    taken: Series | float,
    target: str = "",
    against: tuple[str, Series] | None = None,
) -> Row:
    """Return the row of a number.

    Args:
        name: The name by which documents take it from the results.
        what: What was measured, for people.
        unit: Its unit.
        taken: The rounds; a number where there is one only.
        target: What the ratio, if there is one, or else the value must be: "≤ 0.5".
        against: What the ratio is, "ours / by hand", and the rounds of the other side.
    """
    taken = taken if isinstance(taken, Series) else Series((taken,))
    beside, ratio = ("", None) if against is None else (against[0], taken.over(against[1]))
    met = None
    if target:
        sign, limit = target.split()
        judged = (ratio or taken).median
        met = judged <= float(limit) if sign == "≤" else judged >= float(limit)
    return Row(
        name=name,
        what=what,
        unit=unit,
        value=taken.median,
        low=min(taken.values),
        high=max(taken.values),
        beside=beside,
        ratio=None if ratio is None else ratio.median,
        ratio_low=None if ratio is None else min(ratio.values),
        ratio_high=None if ratio is None else max(ratio.values),
        target=target,
        met=met,
    )


def show(rows: Sequence[Row]) -> str:
    """Return a table for a terminal."""
    head = f"{'what':<62} {'median':>9} {'least to greatest':<17} {'unit':<9} {'ratio':>7} {'of':<26} {'target':<8} met"
    lines = [head, "-" * len(head)]
    for one in rows:
        ratio = "" if one.ratio is None else number(one.ratio)
        spread = "" if one.low == one.high else f"{number(one.low)} to {number(one.high)}"
        met = "" if one.met is None else "yes" if one.met else "NO"
        lines.append(
            f"{one.what:<62} {number(one.value):>9} {spread:<17} {one.unit:<9} {ratio:>7} {one.beside:<26} "
            f"{one.target:<8} {met}".rstrip()
        )
    return "\n".join(lines)


def number(value: float) -> str:
    """Return three digits of a number, or all before the point."""
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.{0 if value >= 100 or not value else 1 if value >= 10 else 2}f}"


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on, and with."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.*)$", told, re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "nginx": nginx_version(),
    }
