"""How long the whole suite of tests takes."""

import subprocess
import sys
import time

from .table import Row, row

WORKERS = ("-n", "6", "--maxschedchunk", "16")
"""As the Makefile has them."""


def suite(quick: bool) -> list[Row]:
    command = [sys.executable, "-m", "pytest", *WORKERS, "-p", "no:cacheprovider"]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return [row("tests", "the whole suite of tests", "s", time.perf_counter() - began, "≤ 120")]
