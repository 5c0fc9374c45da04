"""What events, telemetry and accounts cost a song: when nobody asks for them, and when somebody does.

A song is a submit, a poll and its end, without a network. That they cost nothing when off is held against the same
client with its hooks taken out.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

from msgspec.structs import replace

from suno_async import GenerateMusic, Pace, SunoClient
from suno_async.http.request_events import RequestEvents
from suno_async.lifecycle import Lifecycle
from suno_async.stores import MemoryStore
from suno_async.wire.envelope import Reply

from .bodies import PAGE
from .rounds import measured
from .songs import UNLIMITED
from .table import Row, row
from .waiting import Idle

SONGS = 500
OFF = 2
"""Of the cases below, those in which nothing hears of anything."""
EAGER = replace(UNLIMITED, polls_per_second=10_000)
AT_ONCE = Pace(first=0.001, growth=1, cap=0.001)
MOST = 1.05
"""Times what a song costs without hooks: what the best of a few rounds can tell on a machine that has other work."""


class Finishing(Idle):
    """A network whose songs are complete at the first poll."""

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        if method == "GET":
            return Reply(200, PAGE)
        return await super().send(method, url, body, fresh=fresh)


async def songs(instrument: Callable[[SunoClient], None] | None, options: dict[str, Any]) -> float:
    suno = SunoClient(api_key="k", provider=EAGER, transport=Finishing(), store=MemoryStore(), pace=AT_ONCE, **options)
    if instrument is not None:
        instrument(suno)
    async with suno:
        began = time.process_time()
        await asyncio.gather(*(suno.run(GenerateMusic(prompt="x")) for _ in range(SONGS)))
        return (time.process_time() - began) / SONGS * 1e6


@contextmanager
def without_hooks() -> Generator[None]:
    """Take the places out at which events and telemetry would hear of something."""

    def heard(self: RequestEvents, sending: Any, about: object) -> Any:
        return sending

    def fed(self: Lifecycle, task: object, update: object) -> None: ...

    with mock.patch.object(RequestEvents, "heard", heard), mock.patch.object(Lifecycle, "fed", fed):
        yield


def by_telemetry(suno: SunoClient) -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    from suno_async.otel import instrument

    instrument(suno, tracer_provider=TracerProvider(), meter_provider=MeterProvider())


def suite(quick: bool) -> list[Row]:
    def ignored(*_: object) -> None: ...

    cases: dict[str, tuple[Callable[[SunoClient], None] | None, dict[str, Any]]] = {
        "nothing asked for": (None, {}),
        "account=": (None, {"account": "team-a"}),
        "on_request=": (None, {"on_request": ignored}),
        "on_update=": (None, {"on_update": ignored}),
        "OpenTelemetry, without exporters": (by_telemetry, {}),
    }
    ways = {case: partial(cost, instrument, options) for case, (instrument, options) in cases.items()}
    taken = measured({"bare": bare, **ways}, 2 if quick else 5)
    rows = [row("song.bare", "a song (submit, poll, end) without hooks", "µs CPU", taken["bare"])]
    for number, case in enumerate(cases):
        target = f"≤ {MOST}" if number < OFF else ""
        beside = ("against without hooks", taken["bare"])
        rows.append(row(f"song.events.{number}", f"the same, {case}", "µs CPU", taken[case], target, against=beside))
    return rows


def cost(instrument: Callable[[SunoClient], None] | None, options: dict[str, Any]) -> float:
    return asyncio.run(songs(instrument, options))


def bare() -> float:
    with without_hooks():
        return cost(None, {})
