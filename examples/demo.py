"""Eight songs and two lyrics at once, against the emulator: `make demo`.

Most updates come by callback; two songs are made by a client without a callback address, which polls instead.
"""

import asyncio
import socket
import sys
import time
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from aiohttp import web

from suno_async import GenerateLyrics, GenerateMusic, Job, Lyrics, Music, Pace, SunoClient
from suno_async.emulator import Emulator

SPEED = 15.0  # seconds of the service's time in one of ours
FOLDER = Path("demo-output")
JOBS: list[Job[Any]] = [
    GenerateMusic(prompt="a calm piano track for a rainy evening"),
    GenerateMusic(prompt="surf rock about a lost sandal"),
    GenerateMusic(title="Paper Moon", style="slow waltz, accordion", lyrics="[Verse]\nPaper moon over the quay"),
    GenerateMusic(title="Night Bus", style="synthwave, driving", instrumental=True),
    GenerateMusic(prompt="ein fröhliches Wanderlied", model="V5"),
    GenerateMusic(prompt="下雨天的爵士钢琴"),
    GenerateLyrics(prompt="rain in Lisbon"),
    GenerateLyrics(prompt="a letter never sent"),
]
LOOKED_AT: list[Job[Any]] = [
    GenerateMusic(prompt="gospel choir greets the sun"),
    GenerateMusic(prompt="eight-bit chase through a castle", instrumental=True),
]


class Board:
    """One line a task: drawn over in a terminal, printed as it changes elsewhere."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self.began = time.monotonic()
        self.lines: dict[str, str] = {}

    def say(self, job: Job[Any], text: str) -> None:
        about = str(getattr(job, "title", None) or getattr(job, "prompt", ""))[:34]
        pad = " " * (34 - sum(2 if east_asian_width(char) in "WF" else 1 for char in about))
        line = f"{type(job).__name__:<15} {about}{pad} {time.monotonic() - self.began:5.1f} s  {text}"
        up = f"\x1b[{len(self.lines)}A" if self.lines else ""
        self.lines[about] = line
        print(up + "\n".join(f"\x1b[2K{line}" for line in self.lines.values()) if self.live else line)


async def follow(suno: SunoClient, job: Job[Any], board: Board) -> tuple[Music | Lyrics, list[Path]]:
    task = await suno.submit(job)
    board.say(job, "accepted")
    async for update in task:
        board.say(job, f"{update.stage.name.lower():<9} by {update.source.value}")
    result = await task
    paths = await suno.download(result, FOLDER)
    if paths:
        board.say(job, f"saved     {len(paths)} files")
    return result, paths


async def main() -> None:
    door = socket.create_server(("127.0.0.1", 0))
    callback_url = f"http://127.0.0.1:{door.getsockname()[1]}/suno"
    async with (
        Emulator(speed=SPEED, media_seconds=15) as emulator,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, callback_url=callback_url) as suno,
        SunoClient(api_key=emulator.api_key, base_url=emulator.url, pace=Pace(first=1, cap=1)) as looking,
    ):
        app = web.Application()
        app.router.add_post("/suno", suno.receiver().aiohttp)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, door).start()
        board = Board()
        ended = await asyncio.gather(
            *(follow(suno, job, board) for job in JOBS), *(follow(looking, job, board) for job in LOOKED_AT)
        )
        credits = await suno.get_credits()
        await runner.cleanup()
    print()
    for result, paths in ended:
        for audio, cover in zip(paths[::2], paths[1::2], strict=True):
            print(f"{audio.stat().st_size:>7,} bytes  {audio}  and its cover {cover.suffix}")
        if isinstance(result, Lyrics):
            print(f"{len(result.variants):>7} texts  {(result.variants[0].text or '').splitlines()[-1]}")
    polls = sum(seen.path.endswith("record-info") for seen in emulator.log)
    print(f"\n{len(ended)} tasks, {polls} polls, {credits:g} credits left, {time.monotonic() - board.began:.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
