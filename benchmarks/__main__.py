"""`python -m benchmarks [name …]`: run them, print one table, write it as JSON."""

import sys

from . import callback, decode, emulator, events, imports, latency, limits, notice, polls, stores, submits, waiting
from .table import RESULTS, Row, Suite, show, write

SUITES: dict[str, Suite] = {
    "decode": decode.suite,
    "callback": callback.suite,
    "polls": polls.suite,
    "submits": submits.suite,
    "waiting": waiting.suite,
    "events": events.suite,
    "limits": limits.suite,
    "stores": stores.suite,
    "imports": imports.suite,
    "latency": latency.suite,
    "notice": notice.suite,
    "emulator": emulator.suite,
}


def main() -> None:
    wanted = sys.argv[1:] or list(SUITES)
    rows: list[Row] = []
    for name in wanted:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += SUITES[name]()
    print(show(rows))
    write(rows)
    print(f"\nwritten to {RESULTS}")


if __name__ == "__main__":
    main()
