"""The CPU of importing the package, a request and the client, against the packages that are needed to send."""

import compileall
import resource
import subprocess
import sys
from pathlib import Path

import suno_async

from .table import Row

ROUNDS = 15


def cost(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def suite() -> list[Row]:
    # As installers do; without it a checkout may be compiled anew each time, and what it needs is not.
    compileall.compile_dir(Path(suno_async.__file__).parent, quiet=1)
    codes = {
        "package": "import suno_async",
        "job": "from suno_async import GenerateMusic",
        "client": "from suno_async import SunoClient",
        "needed": "import aiohttp, msgspec, anyio",
    }
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(ROUNDS):
        for name, code in codes.items():
            taken[name].append(cost(code))
    package, job, client, needed = (min(taken[name]) for name in codes)
    beside = "aiohttp, msgspec, anyio"
    return [
        Row("import suno_async", package, "ms CPU", beside, package / needed, "≤ 0.5", package / needed <= 0.5),
        Row("from suno_async import GenerateMusic", job, "ms CPU", beside, job / needed, "≤ 0.5", job / needed <= 0.5),
        Row(
            "from suno_async import SunoClient",
            client,
            "ms CPU",
            beside,
            client / needed,
            "≤ 0.65",
            client / needed <= 0.65,
        ),
    ]
