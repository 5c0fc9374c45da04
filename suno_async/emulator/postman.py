"""Callbacks out: each stage when it is reached, until it is taken."""

import asyncio

import aiohttp
import msgspec

from ..models import Stage
from . import pages
from .clock import Clock
from .families import Run
from .faults import Fault

__all__ = ["Postman"]


class Postman:
    """Posts what jobs have to say to where they asked for it."""

    def __init__(self, clock: Clock) -> None:
        self.rounds: set[asyncio.Task[None]] = set()
        """One for each job that is not told to the end."""
        self._clock = clock
        self._out = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))  # NOTES §5: 200 within 15 s

    def follow(self, run: Run) -> None:
        """Post of this job from now on."""
        going = asyncio.create_task(self._post_all(run))
        self.rounds.add(going)
        going.add_done_callback(self.rounds.discard)

    async def aclose(self) -> None:
        for going in self.rounds:
            going.cancel()
        await asyncio.gather(*self.rounds, return_exceptions=True)
        await self._out.close()

    async def _post_all(self, run: Run) -> None:
        for stage, mark in run.marks.items():
            await self._clock.until(run.born + mark)
            if run.fault is Fault.STUCK and stage > Stage.TEXT:
                return
            ends_badly = stage is Stage.COMPLETE and run.fault in (Fault.FAIL, Fault.REJECT)
            told = Stage.FAILED if ends_badly else stage
            if run.family.posts(run, told) and not await self._post(run, told):
                run.undelivered = True
                return

    async def _post(self, run: Run, stage: Stage) -> bool:
        """Up to four times until it is answered 200 (NOTES §5)."""
        body = msgspec.json.encode(pages.callback(run, stage))
        headers = {"Content-Type": "application/json"}
        for _ in range(4):
            try:
                async with self._out.post(run.asked.callback, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError, UnicodeError, ValueError):
                pass
            await asyncio.sleep(1 / max(self._clock.speed, 1))
        return False
