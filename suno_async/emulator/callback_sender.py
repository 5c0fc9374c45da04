"""Callbacks out: each stage when it is reached, until it is taken, or as it shall go wrong."""

import asyncio
import hashlib
import hmac
import time
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import msgspec

from ..api.updates import Stage
from . import bodies
from .clock import Clock
from .families import Run
from .faults import Fault

__all__ = ["Posted", "Postman", "signed"]

JSON = {"Content-Type": "application/json"}
TIMESTAMP, SIGNATURE = "X-Webhook-Timestamp", "X-Webhook-Signature"
LATE = 60
"""Seconds of the service's time."""


class Posted(NamedTuple):
    """One callback as it was posted."""

    url: str
    headers: dict[str, str]
    body: bytes
    task_id: str
    stage: Stage
    statuses: list[int]
    """The answers to its attempts so far, at most four; 0 for none."""


class Postman:
    """Posts what jobs have to say to where they asked for it, signed if there is a key."""

    def __init__(self, clock: Clock, key: str, posted: deque[Posted]) -> None:
        self.rounds: set[asyncio.Task[None]] = set()
        """One for each job that is not told to the end."""
        self._clock = clock
        self._key = key
        self._posted = posted
        self._out = aiohttp.ClientSession(headers=JSON, timeout=aiohttp.ClientTimeout(total=15))  # 15 s: NOTES §5

    async def follow(self, run: Run) -> None:
        """Post of this job from now on; of one that overtakes its answer, the first callback before this returns."""
        answered = asyncio.Event()
        if run.fault is Fault.OVERTAKING:
            first = next(stage for stage in run.marks if run.family.posts(run, stage))
            run.marks[first] = 0  # its details page says so, too
        going = asyncio.create_task(self._post_all(run, answered))
        self.rounds.add(going)
        going.add_done_callback(self.rounds.discard)
        if run.fault is Fault.OVERTAKING:
            with suppress(TimeoutError):
                await asyncio.wait_for(answered.wait(), 1)

    async def again(self, posted: Posted, age: float) -> int:
        """Post once more what was posted, as if it had been signed so many seconds earlier."""
        headers = posted.headers
        if age and self._key and TIMESTAMP in headers:
            headers = JSON | signed(self._key, posted.task_id, int(headers[TIMESTAMP]) - round(age))
        return await self._send(posted.url, headers, posted.body)

    async def pretend(
        self, run: Run, stage: Stage, url: str | None, body: bytes | None, headers: Mapping[str, str]
    ) -> int:
        """Post what somebody else could."""
        url = urlsplit(run.asked.callback)._replace(query="", fragment="").geturl() if url is None else url
        if not url:
            raise ValueError(f"job {run.id} has no callback address")
        if body is None and stage not in (*run.marks, Stage.FAILED):
            raise ValueError(f"nothing is posted of {run.kind.__name__} at {stage.name}")
        return await self._send(url, headers, _written(run, stage) if body is None else body)

    async def aclose(self) -> None:
        for going in self.rounds:
            going.cancel()
        await asyncio.gather(*self.rounds, return_exceptions=True)
        await self._out.close()

    async def _post_all(self, run: Run, answered: asyncio.Event) -> None:
        for stage, mark in _plan(run):
            await self._clock.until(run.born + mark)
            times = 2 if run.fault is Fault.DUPLICATED else 1
            if not all(await asyncio.gather(*(self._post(run, stage, answered) for _ in range(times)))):
                run.undelivered = True
                return

    async def _post(self, run: Run, stage: Stage, answered: asyncio.Event) -> bool:
        """Up to four times until it is answered 200 (NOTES §5)."""
        headers = JSON | (signed(self._key, run.id, int(time.time())) if self._key else {})
        posted = Posted(run.asked.callback, headers, _written(run, stage), run.id, stage, [])
        self._posted.append(posted)
        for pause in (0, 1, 1, 1):
            await asyncio.sleep(pause / max(self._clock.speed, 1))
            posted.statuses.append(await self._send(posted.url, headers, posted.body))
            answered.set()
            if posted.statuses[-1] == 200:
                return True
        return False

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post once; the status of the answer, or 0 if there is none in time."""
        try:
            async with self._out.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, UnicodeError, ValueError):
            return 0


def signed(key: str, task_id: str, timestamp: int) -> dict[str, str]:
    """The headers of KIE's signature, which does not cover the body (NOTES §5)."""
    mac = hmac.digest(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256)
    return {TIMESTAMP: str(timestamp), SIGNATURE: b64encode(mac).decode()}


def _written(run: Run, stage: Stage) -> bytes:
    return msgspec.json.encode(bodies.callback(run, stage))


def _plan(run: Run) -> list[tuple[Stage, float]]:
    """What is posted, in this order, and when: in seconds of the service's time after the job was made."""
    marks = list(run.marks.items())
    match run.fault:
        case Fault.STUCK:
            marks = [(stage, mark) for stage, mark in marks if stage <= Stage.TEXT]
        case Fault.FAIL | Fault.REJECT:
            marks[-1] = (Stage.FAILED, marks[-1][1])
        case Fault.DELAYED:
            marks = [(stage, mark + LATE) for stage, mark in marks]
        case Fault.REORDERED:
            marks = [(stage, marks[-1][1]) for stage, _ in reversed(marks)]
        case _:
            pass
    return [(stage, mark) for stage, mark in marks if run.family.posts(run, stage)]
