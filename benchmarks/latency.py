"""The default pace against how long songs take: how late the end is noticed, and with how many polls."""

import asyncio
from itertools import accumulate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from suno_async import KIE_LEGACY, GenerateMusic, SunoClient
from suno_async.tasks.pace import default_pace

from .receive import Addressed, posted
from .table import Row, row
from .waiting import run

# Files are there after 2 to 3 minutes (docs/service.md#task-life-cycle, sunoapi's quick start); evenly spread for want
# of better.
DURATIONS = [120 + 60 * n / 999 for n in range(1000)]


class Counting(Addressed):
    """A network that counts polls."""

    polls = 0

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Any:
        self.polls += method == "GET"
        return await super().send(method, url, body, fresh=fresh)


async def called_back() -> tuple[float, float]:
    """Polls a song, and the mean latency, where callbacks arrive: text at 10 s, first at 35 s, then the end.

    The first song of the client does not count: that callbacks arrive is known from its first callback on.
    """
    late = 0.0
    clock = asyncio.get_running_loop().time
    network = Counting()
    async with SunoClient(
        api_key="k", provider=KIE_LEGACY, transport=network, callback_url="https://b.example/suno"
    ) as suno:
        receiver = suno.receiver()
        for number, duration in enumerate([DURATIONS[0], *DURATIONS[::10]]):
            if number == 1:
                late, network.polls = 0.0, 0
            task = await suno.submit(GenerateMusic(prompt="x"))
            query, began = dict(parse_qsl(urlsplit(network.callback_url).query)), clock()
            waiting = asyncio.ensure_future(task.wait())
            for at, stage in ((10, "text"), (35, "first"), (duration, "complete")):
                await asyncio.sleep(began + at - clock())
                await receiver.receive(posted(task.id, stage), {}, query)
            await waiting
            late += clock() - began - duration
        polls = network.polls
    return polls / len(DURATIONS[::10]), late / len(DURATIONS[::10])


def suite(quick: bool) -> list[Row]:
    called, soon = run(called_back())
    late, polls = 0.0, 0
    for duration in DURATIONS:
        for count, at in enumerate(accumulate(default_pace(GenerateMusic).pauses()), 1):
            if at >= duration:
                late += at - duration
                polls += count
                break
    late, mean = late / len(DURATIONS), polls / len(DURATIONS)
    return [
        row("default.late", "default pace, the end noticed late by (mean)", "s", late, "≤ 6"),
        row("default.polls", "default pace, polls a song (mean)", "", mean, "≤ 14"),
        row("called.late", "the same where callbacks arrive, noticed late by", "s", soon, "≤ 6"),
        row("called.polls", "the same, polls a song after the first", "", called, "≤ 0"),
    ]
