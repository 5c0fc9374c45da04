"""The submit limiter under an emulator that enforces the limit, over loopback, in real time."""

import asyncio

from suno_async import SunoClient
from suno_async.emulator import Emulator

from .table import Row

COUNT = 61  # four windows: the last submit comes with the fourth


async def measure() -> tuple[int, float]:
    """Refusals, and the share of the allowed windows that was used."""
    async with Emulator() as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(suno.generate_lyrics(prompt="x") for _ in range(COUNT)))
        taken = asyncio.get_running_loop().time() - began
        refused = sum(seen.status != 200 for seen in emulator.log)
    calls, seconds = emulator.provider.submits
    return refused, (COUNT - 1) / calls * seconds / taken


def suite() -> list[Row]:
    refused, used = asyncio.run(measure())
    return [
        Row("submit limiter, refusals by an enforcing emulator", refused, "", "", None, "0", refused == 0),
        Row("submit limiter, share of the window used", used * 100, "%", "", None, "≥ 97 %", used >= 0.97),
    ]
