"""One row a number, with what it is held against."""

import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

RESULTS = Path(__file__).parent / "results.json"


class Row(msgspec.Struct, frozen=True):
    """A measured number; `ratio` is against `beside`, `target` in words, `met` None where there is no target."""

    what: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


def show(rows: list[Row]) -> str:
    head = f"{'what':<58} {'value':>9} {'unit':<8} {'ratio':>6}  {'beside':<34} {'target':<28} met"
    lines = [head, "-" * len(head)]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        met = "" if row.met is None else "yes" if row.met else "NO"
        lines.append(
            f"{row.what:<58} {row.value:>9.4g} {row.unit:<8} {ratio:>6}  {row.beside:<34} {row.target:<28} {met}"
        )
    return "\n".join(lines)


def write(rows: list[Row]) -> None:
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    body: dict[str, Any] = {"machine": machine, "rows": [msgspec.to_builtins(row) for row in rows]}
    RESULTS.write_text(json.dumps(body, indent=2) + "\n")


Suite = Callable[[], list[Row]]
