"""The emulator as a process: how soon it is there, what 10 000 tasks cost in memory; and the help of the command."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from typing import Any

import aiohttp
from msgspec.structs import replace

from suno_async import KIE_LEGACY
from suno_async.api.limits import Rate
from suno_async.emulator import Emulator

from .imports import cost
from .rounds import Series, alternate, measured
from .table import Row, row

TASKS = 10_000
COMMAND = (sys.executable, "-m", "suno_async")
HELP = "import sys; sys.argv = ['suno-async', '--help']; sys.stdout = None; from suno_async.cli import main; main()"
UNLIMITED = replace(KIE_LEGACY, submits=Rate(1_000_000, 0.001))
"""Its own limit would stretch 10 000 submits over an hour and a half."""


async def serve() -> None:
    """Run the emulator whose memory is measured."""
    async with Emulator(provider=UNLIMITED, credits=1e9) as emulator:
        sys.stdout.write(f"{emulator.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def rss(process: int) -> float:
    """Resident memory of a process in MB."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def submit_and_poll(url: str) -> None:
    """Make the tasks, and poll each of them once."""
    key = {"Authorization": "Bearer emulator-key"}
    body: dict[str, Any] = {"prompt": "rain " * 40, "customMode": False, "instrumental": False, "model": "V5"}
    body["callBackUrl"] = "https://suno-async.invalid/callback"
    left = iter(range(TASKS))

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post("/api/v1/generate", json=body) as answer:
                id = (await answer.json())["data"]["taskId"]
            async with session.get("/api/v1/generate/record-info", params={"taskId": id}) as answer:
                assert (await answer.json())["data"]["taskId"] == id

    async with aiohttp.ClientSession(url, headers=key) as session:
        await asyncio.gather(*(work(session) for _ in range(20)))


def memory() -> float:
    """Resident memory of an emulator that has 10 000 tasks, in MB."""
    program = "import asyncio; from benchmarks.emulator import serve; asyncio.run(serve())"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            asyncio.run(submit_and_poll(process.stdout.readline().strip()))
            return rss(process.pid)
        finally:
            process.kill()


def start() -> tuple[float, float]:
    """Seconds from the start of the command to the line that says its address, and the CPU of them."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen([*COMMAND, "emulator", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        took = time.perf_counter() - began
        process.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def suite(quick: bool) -> list[Row]:
    rounds = 2 if quick else 5
    starts = alternate({"start": start}, rounds)["start"]
    seconds, cpu = (Series(values) for values in zip(*starts, strict=True))
    return [
        row("cli.help", "suno-async --help", "ms CPU", measured({"help": lambda: cost(HELP)}, rounds)["help"], "≤ 250"),
        row("emulator.cpu", "suno-async emulator, until it serves", "s CPU", cpu, "≤ 1"),
        row("emulator.seconds", "the same on the clock of the wall", "s", seconds),
        row("emulator.memory", "an emulator with 10 000 tasks, each polled once", "MB RSS", memory(), "≤ 200"),
    ]
