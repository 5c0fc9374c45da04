"""The CPU of importing the package, a request and the client, against the packages that are needed to send."""

import compileall
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import suno_async

from .rounds import measured
from .table import Row, row

CODES = {
    "package": "import suno_async",
    "job": "from suno_async import GenerateMusic",
    "client": "from suno_async import SunoClient",
    "needed": "import aiohttp, msgspec, anyio",
}


def cost(code: str) -> float:
    """ms of CPU of a process that runs nothing else."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def suite(quick: bool) -> list[Row]:
    # As installers do; without it a checkout may be compiled anew each time, and what it needs is not.
    compileall.compile_dir(Path(suno_async.__file__).parent, quiet=1)
    taken = measured({name: partial(cost, code) for name, code in CODES.items()}, 3 if quick else 9)
    beside = ("ours / aiohttp, msgspec, anyio", taken["needed"])
    return [
        row("import", CODES["package"], "ms CPU", taken["package"], "≤ 0.5", against=beside),
        row("import.job", CODES["job"], "ms CPU", taken["job"], "≤ 0.5", against=beside),
        row("import.client", CODES["client"], "ms CPU", taken["client"], "≤ 0.65", against=beside),
    ]
