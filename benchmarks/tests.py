"""How long the whole suite of tests takes."""

import re
import subprocess
import sys
import time
from pathlib import Path

from .table import Row, row

MAKEFILE = Path(__file__).parents[1] / "Makefile"


def suite(quick: bool) -> list[Row]:
    workers = re.findall(r"^WORKERS := (.*)$", MAKEFILE.read_text(), re.MULTILINE)[0].split()
    command = [sys.executable, "-m", "pytest", *workers, "-p", "no:cacheprovider"]
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return [row("tests", "the whole suite of tests", "s", time.perf_counter() - began, "≤ 120")]
