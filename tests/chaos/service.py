"""The service of a round: an emulator that is slow, makes mistakes, and notes which submissions have reached it."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from aiohttp import web

from suno_async.api.updates import Stage
from suno_async.emulator import (
    DelayCallbacks,
    Drop,
    DropAfterAccepting,
    DuplicateCallbacks,
    EarlyCallback,
    Emulator,
    Fail,
    Fault,
    LoseCallbacks,
    ReorderCallbacks,
    Run,
    Truncate,
)
from suno_async.wire import tokens

from .program import API_KEY, PROVIDER

__all__ = ["AWAY", "FAULTS", "SPEED", "Service", "ref_of", "serving"]

SPEED = 80.0
"""Of the emulator: a song takes about two seconds."""
AWAY = 0.08
"""Seconds that a request or its answer takes on its way, at most."""
FAULTS: dict[Fault | None, int] = {
    None: 60,
    DropAfterAccepting(): 6,
    Truncate(): 3,
    Drop(): 4,
    DuplicateCallbacks(): 6,
    EarlyCallback(): 6,
    DelayCallbacks(): 6,
    ReorderCallbacks(): 6,
    LoseCallbacks(): 3,
    Fail(): 6,
}
"""What goes wrong, and in how many of so many jobs."""


class Service:
    """The emulator, and how often a request of each submission has reached it whole."""

    def __init__(self, away: float) -> None:
        self.seen: Counter[str] = Counter()
        """By ref."""
        self._away = away
        self.emulator: Emulator
        self.given = 0.0

    def start(self, *, jobs: int, seed: int, speed: float) -> Emulator:
        """Return the emulator, to be entered."""
        self.given = 100.0 * jobs
        self.emulator = Emulator(
            api_key=API_KEY,
            provider=PROVIDER,
            speed=speed,
            credits=self.given,
            seed=seed,
            media_seconds=2,
            middlewares=[self._slowly],
        )
        return self.emulator

    @web.middleware
    async def _slowly(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Adds latency, so that kills come before a request has arrived and before its answer has."""
        if request.method != "POST":
            return await handler(request)
        if request.path.startswith("/api/v1"):  # uploads are streamed
            self._note(await request.read())  # it has arrived, whatever becomes of its sender
        await asyncio.sleep(random.uniform(0, self._away))
        answer = await handler(request)
        await asyncio.sleep(random.uniform(0, self._away))
        return answer

    def _note(self, body: bytes) -> None:
        try:
            asked: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if ref := _ref_in(str(asked.get("callBackUrl"))):
            self.seen[ref] += 1

    # ---- judging -------------------------------------------------------------------------------------------------

    def runs(self) -> Mapping[str, list[Run]]:
        """Return the runs by their prompts, which are the keys of their jobs."""
        found: dict[str, list[Run]] = defaultdict(list)
        for run in self.emulator.runs.values():
            found[str(run.params["prompt"])].append(run)
        return found

    async def settle(self) -> None:
        """Wait for the end of every run, known to somebody or not."""
        emulator = self.emulator
        while any(run.stage(emulator.now()) < Stage.COMPLETE for run in emulator.runs.values()):
            await asyncio.sleep(0.05)

    def balance(self) -> list[str]:
        """Return what is wrong with the account."""
        emulator = self.emulator
        now = emulator.now()
        spent = sum(run.cost for run in emulator.runs.values() if run.state(now)[0] is not Stage.FAILED)
        gone = self.given - emulator.credits
        return [] if gone == spent else [f"{gone} credits are gone, and the runs cost {spent}"]


@asynccontextmanager
async def serving(
    *,
    jobs: int,
    seed: int,
    speed: float = SPEED,
    faults: Mapping[Fault | None, int] | None = None,
    away: float = AWAY,
) -> AsyncGenerator[Service]:
    """A service for one round.

    Args:
        jobs: How many there will be, to be paid from the account.
        seed: Makes faults, ids and durations repeatable.
        speed: Seconds of the emulator's clock in a second.
        faults: How often each fault happens (default: none does).
        away: Seconds that a request or its answer takes on its way, at most.
    """
    service = Service(away)
    async with service.start(jobs=jobs, seed=seed, speed=speed) as emulator:
        if faults:
            emulator.script(None, random.Random(seed).choices(list(faults), list(faults.values()), k=5 * jobs))
        yield service


def ref_of(run: Run) -> str:
    """Return our own id of the submission that made a run, from its callback address."""
    return _ref_in(run.asked.callback)


def _ref_in(address: str) -> str:
    given = parse_qs(urlsplit(address).query).get(tokens.NAME, [""])[0]
    token = tokens.read(given, [tokens.secret_of(API_KEY)]) if given else None
    return "" if token is None else token.ref
