"""`python -m benchmarks [--quick] [--json FILE] [NAME …]`: run them, print one table, write it as JSON.

Without names: those of the table in docs/performance.md, in at most five minutes.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from .figures import FIGURES, rewrite
from .table import Row, Suite, machine, show

USUAL = ("polls", "poller", "memory", "receive", "webhooks", "songs", "submits", "limits", "imports", "notice")
OTHERS = ("decode", "events", "stores", "latency", "emulator", "scale", "tests")
FIGURED = (*USUAL, "stores", "scale", "tests")
RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure, and compare side by side.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join((*USUAL, *OTHERS))}; default: the first {len(USUAL)}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds of less work")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are written")
    parser.add_argument("--figures", action="store_true", help="all that README and docs show, written into them")
    arguments = parser.parse_args()
    if unknown := {*arguments.names} - {*USUAL, *OTHERS}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    logging.getLogger("suno_async").setLevel(logging.ERROR)  # of clients that are closed before their tasks end
    rows = list[Row]()
    for name in arguments.names or (FIGURED if arguments.figures else USUAL):
        if sys.stderr.isatty():
            print(f"{name} …", file=sys.stderr, flush=True)
        suite: Suite = import_module(f".{name}", __package__).suite
        rows += suite(arguments.quick)
    print(show(rows))
    write(FIGURES if arguments.figures else arguments.json, rows)
    if arguments.figures:
        rewrite()


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write the results with what they were measured on."""
    body: dict[str, Any] = {"machine": machine(), "rows": msgspec.to_builtins(rows)}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
