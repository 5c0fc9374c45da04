"""Callbacks: each stage is posted when the task reaches it, or as its fault demands, until it is answered 200."""

import asyncio
import hashlib
import hmac
import math
import time
from base64 import b64encode
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from ..api.providers import KIE, KIE_JOBS, KIE_LEGACY, Provider
from ..api.updates import Stage
from ..log import log
from . import bodies
from .clock import Clock
from .counts import Counts
from .faults import (
    DelayCallbacks,
    DuplicateCallbacks,
    EarlyCallback,
    Fail,
    ForgeCallback,
    LoseCallbacks,
    ReorderCallbacks,
    Stuck,
)
from .loopback import is_loopback
from .runs import Run

__all__ = ["JSON", "CallbackSender", "Posted", "check_signing", "signature_headers"]

JSON = {"Content-Type": "application/json"}
TIMESTAMP, SIGNATURE = "X-Webhook-Timestamp", "X-Webhook-Signature"
TIMEOUT = 15
"""How long an answer may take, in seconds (docs/service.md#callbacks)."""
AT_ONCE = 100
"""Callbacks that are posted at the same time; so many connections aiohttp opens by default."""
SETTLED = 1000
"""How long an answer is waited for before time goes on, in milliseconds at least."""


ANYWHERE = "callbacks_anywhere=True"
"""The option that permits callbacks to other machines."""


class Posted(NamedTuple):
    """One callback as it was posted, an entry of `Emulator.posted`."""

    url: str
    headers: dict[str, str]
    body: bytes
    task_id: str
    stage: Stage
    """The stage that it reports."""
    statuses: list[int]
    """The HTTP status of each attempt so far, at most four; 0 for an attempt without an answer."""


class CallbackSender:
    """Posts callbacks to the addresses that jobs name, signed if there is a key.

    Args:
        clock: The emulator's clock.
        key: The key of the signatures; empty for none.
        posted: Where each callback is noted when it is first attempted.
        counts: Counts the attempts.
        anywhere: Whether addresses that are not on loopback are posted to.
    """

    # State, all of it: _following, an asyncio task for each run whose callbacks are not all posted; _due, when the next
    # of them is due, until it is answered; _session, opened by the first post, with _room for posts at the same time;
    # _warned, the hosts that were found not to be on loopback.

    def __init__(
        self, clock: Clock, key: str, posted: deque[Posted], counts: Counts, *, anywhere: bool = False
    ) -> None:
        self._following: dict[asyncio.Task[None], Run] = {}
        self._due: dict[Run, float] = {}
        self._session: aiohttp.ClientSession | None = None
        self._room = asyncio.Semaphore(AT_ONCE)  # aiohttp's limit of connections lets waiting for one count as time
        self._clock = clock
        self._key = key
        self._posted = posted
        self._counts = counts
        self._anywhere = anywhere
        self._warned: set[str] = set()

    async def follow(self, run: Run) -> None:
        """Post the callbacks of a run from now on, if its address may be posted to. With EarlyCallback this returns
        after the first of them.
        """
        if not run.asked.callback or not self._may_post_to(run.asked.callback):
            return
        answered = asyncio.Event()
        early = isinstance(run.fault, EarlyCallback)
        if early:
            run.reach_at_once(next(stage for stage in run.marks if run.family.posts(run, stage)))
        self._start(run, answered)
        if early:
            with suppress(TimeoutError):
                await asyncio.wait_for(answered.wait(), 1)

    @property
    def followed(self) -> Collection[Run]:
        """The runs whose callbacks are not all posted."""
        return self._following.values()

    def resume(self, run: Run, since: float) -> None:
        """Post those callbacks of a run whose time comes after a moment."""
        if self._may_post_to(run.asked.callback):
            self._start(run, asyncio.Event(), since)

    async def replay(self, posted: Posted, age: float) -> int:
        """Post a callback again; with an `age` as if it had been signed so many seconds earlier."""
        headers = posted.headers
        if age and self._key and TIMESTAMP in headers:
            headers = JSON | signature_headers(self._key, posted.task_id, int(headers[TIMESTAMP]) - round(age))
        return await self._send(posted.url, headers, posted.body)

    async def forge(
        self, run: Run, stage: Stage, url: str | None, body: bytes | None, headers: Mapping[str, str]
    ) -> int:
        """Post what somebody else could post."""
        url = urlsplit(run.asked.callback)._replace(query="", fragment="").geturl() if url is None else url
        if not url:
            raise ValueError(f"job {run.id} has no callback address")
        if not self._may_post_to(url):
            raise ValueError(f"{urlsplit(url).hostname} is not on loopback: start the emulator with {ANYWHERE}")
        if body is None and stage not in (*run.marks, Stage.FAILED):
            raise ValueError(f"nothing is posted of {run.kind.__name__} at {stage.name}")
        return await self._send(url, headers, _body(run, stage) if body is None else body)

    async def settled(self) -> None:
        """Return when the callbacks that are due now are answered, or are not after a second."""
        await asyncio.sleep(0)  # those that follow a run from this round on note when they are due
        for _ in range(SETTLED):
            if all(due > self._clock.now() for due in self._due.values()):
                return
            await asyncio.sleep(0.001)

    async def aclose(self) -> None:
        """Stop posting."""
        for following in self._following:
            following.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _may_post_to(self, url: str) -> bool:
        host = _host(url)
        if host.endswith(".invalid"):  # the client's default address, which means that no callbacks are wanted
            return False
        if self._anywhere or is_loopback(host):
            return True
        if host not in self._warned:
            self._warned.add(host)
            log.warning("no callbacks are posted to %s, which is not on loopback; %s permits it", host, ANYWHERE)
        return False

    def _start(self, run: Run, answered: asyncio.Event, since: float = -math.inf) -> None:
        following = asyncio.create_task(self._post_all(run, answered, since))
        self._following[following] = run
        following.add_done_callback(self._ended)

    def _ended(self, following: asyncio.Task[None]) -> None:
        self._due.pop(self._following.pop(following), None)

    async def _post_all(self, run: Run, answered: asyncio.Event, since: float) -> None:
        posted: set[Stage] = set()
        if isinstance(run.fault, ForgeCallback) and since == -math.inf:
            await self.forge(run, Stage.COMPLETE, None, None, {})

        def left() -> list[tuple[Stage, float]]:
            return [(one, mark) for one, mark in _schedule(run) if one not in posted and run.born + mark > since]

        def due() -> float:
            moment = self._due[run] = run.born + left()[0][1]
            return moment

        while left():
            await self._clock.wait_until(due)  # asked for anew, since the run may be made to end earlier
            stage = left()[0][0]
            posted.add(stage)
            times = 2 if isinstance(run.fault, DuplicateCallbacks) else 1
            if not all(await asyncio.gather(*(self._post(run, stage, answered) for _ in range(times)))):
                return  # the service stops, too (docs/service.md#callback-delivery)

    async def _post(self, run: Run, stage: Stage, answered: asyncio.Event) -> bool:
        """Post up to four times until the answer is 200 (docs/service.md#callback-delivery)."""
        headers = JSON | (signature_headers(self._key, run.id, int(time.time())) if self._key else {})
        posted = Posted(run.asked.callback, headers, _body(run, stage), run.id, stage, [])
        self._posted.append(posted)
        for pause in (0, 1, 1, 1):
            await asyncio.sleep(pause / max(self._clock.speed, 1))
            status = await self._send(posted.url, headers, posted.body)
            posted.statuses.append(status)
            self._counts.callback(status)
            log.debug("callback %s of %s: %s", stage.name, run.id, status or "no answer")
            answered.set()
            if posted.statuses[-1] == 200:
                return True
        return False

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post once, and return the HTTP status of the answer, or 0 if there is none in time."""
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=JSON, timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        try:
            async with (
                self._room,
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status
        except (aiohttp.ClientError, TimeoutError, UnicodeError, ValueError):
            return 0


def check_signing(key: str, provider: Provider) -> None:
    """Refuse a key for a provider whose signature is not known. ValueError."""
    if key and provider.name not in (KIE.name, KIE_JOBS.name, KIE_LEGACY.name):
        raise ValueError(f"no signature is known for callbacks of {provider.name}")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    # the service accepts these, too (docs/service.md#retries-and-idempotency); nobody can be posted to there
    except ValueError:
        return ""


def signature_headers(key: str, task_id: str, timestamp: int) -> dict[str, str]:
    """The headers of KIE's signature, which does not cover the body (docs/service.md#callback-signatures)."""
    mac = hmac.digest(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256)
    return {TIMESTAMP: str(timestamp), SIGNATURE: b64encode(mac).decode()}


def _body(run: Run, stage: Stage) -> bytes:
    return msgspec.json.encode(bodies.callback(run, stage))


def _schedule(run: Run) -> list[tuple[Stage, float]]:
    """The stages to post, in this order, and when, in seconds after the run was accepted."""
    marks = list(run.marks.items())
    match run.fault:
        case Stuck():
            marks = [(stage, mark if stage <= Stage.TEXT else math.inf) for stage, mark in marks]
        case Fail():
            marks[-1] = (Stage.FAILED, marks[-1][1])
        case DelayCallbacks(seconds):
            marks = [(stage, mark + seconds) for stage, mark in marks]
        case LoseCallbacks():
            return []
        case ReorderCallbacks():
            marks = [(stage, marks[-1][1]) for stage, _ in reversed(marks)]
        case _:
            pass
    return [(stage, mark) for stage, mark in marks if run.family.posts(run, stage)]
