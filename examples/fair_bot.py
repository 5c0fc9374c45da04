"""Two users of a bot, one with a batch and one with a song: places in the queue, progress and time left.

    python examples/fair_bot.py          on the built-in emulator

With `fair_by` the users take turns in the rate window: the song goes out with the next places, and the rest of the
batch after it.
"""

import asyncio
from typing import Any

from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import Emulator

SPEED = 10.0  # seconds of the service's time in one of ours
BATCH = 60


def user_of(context: dict[str, Any]) -> str:
    return str(context["user"])


async def batch(suno: SunoClient) -> None:
    view = suno.with_options(context={"user": "anna"}, priority=-1)
    jobs = (GenerateMusic(prompt=f"song number {number}") for number in range(BATCH))
    async for outcome in view.map(jobs, concurrency=BATCH):
        if outcome.error is not None:
            print(f"anna: {outcome.error}")
    print(f"anna: all {BATCH} songs are there")


async def song(suno: SunoClient) -> None:
    async def show(place: int) -> None:  # a bot would edit its message here
        print(f"bert: number {place} in the queue")

    task = await suno.submit(GenerateMusic(prompt="a slow train"), context={"user": "bert"}, on_queued=show)
    waiting = asyncio.create_task(task.get())
    while not waiting.done():
        print(f"bert: {bar(task.progress)} {left(task.eta)}")
        await asyncio.wait([waiting], timeout=2)
    print(f"bert: {bar(task.progress)} {len((await waiting).tracks)} tracks")


def bar(progress: float | None) -> str:
    return "[          ]" if progress is None else f"[{'#' * round(progress * 10):<10}]"


def left(eta: float | None) -> str:
    return "nobody knows how long" if eta is None else f"about {eta:.0f} s left"


async def main() -> None:
    async with (
        Emulator(speed=SPEED) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, fair_by=user_of) as suno,
    ):
        running = asyncio.create_task(batch(suno))
        await asyncio.sleep(1)
        await song(suno)
        await running


if __name__ == "__main__":
    asyncio.run(main())
