"""The submit limiter under an emulator that enforces the limit, over loopback, in real time."""

import asyncio

from suno_async import KIE, GenerateLyrics, Provider, Rate
from suno_async.emulator import Emulator
from suno_async.emulator.faults import Slow

from .table import Row, row

SLOW = 0.5
"""Seconds by which the service hears the first requests late, as behind connections that are opened only then."""


async def measure(provider: Provider, count: int) -> tuple[int, float]:
    """Refusals, and the share of the allowed windows that was used."""
    async with Emulator(provider=provider) as emulator, emulator.client() as suno:
        emulator.script(GenerateLyrics, [Slow(SLOW)] * 5)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(suno.generate_lyrics(prompt="x") for _ in range(count)))
        taken = asyncio.get_running_loop().time() - began
        refused = sum(seen.status != 200 for seen in emulator.log)
    calls, seconds = emulator.provider.submits
    return refused, (count - 1) / calls * seconds / taken


def suite(quick: bool) -> list[Row]:
    count = 21 if quick else 61  # the last submit comes with the next window
    provider = KIE.replace(submits=Rate(20, 4)) if quick else KIE
    refused, used = asyncio.run(measure(provider, count))
    return [
        row("limit.refused", f"{count} submits, the first slow: refused by an enforcing emulator", "", refused, "≤ 0"),
        row(
            "limit.used", f"{count} submits, the first slow: share of the window that was used", "%", used * 100, "≥ 95"
        ),
    ]
