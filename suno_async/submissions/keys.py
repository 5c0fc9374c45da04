"""Idempotency keys: which submission holds one, and what became of it."""

import asyncio
from typing import TYPE_CHECKING

from ..api.providers import Provider
from ..api.requests import Request
from ..errors import InvalidJob, Problem, SubmissionUncertain
from ..http.rate_limit import RateLimit
from ..stores.record import Record, State
from . import codec

if TYPE_CHECKING:
    from .journal import Journal

__all__ = ["Keys", "check_key"]

LONGEST_KEY = 512
"""Characters of an idempotency key."""
ELSEWHERE = 900.0
"""Seconds that we wait, by our own clock, for another process to send the submission that holds a key."""


class Keys:
    """Finds the submission that holds an idempotency key."""

    # State: none.

    def __init__(self, journal: "Journal", window: RateLimit, provider: Provider) -> None:
        self._journal = journal
        self._window = window
        self._provider = provider

    async def holder(self, key: str) -> Record | None:
        """Return the submission that holds a key; None if it is free."""
        return await self._journal.by_key(key)

    async def ended(self, held: Record, given: Request[object]) -> Record | None:
        """Wait until the submission that holds a key is sent, and return its record; None if nothing was created.

        Raises:
            InvalidJob: The key was given to another job, or at another gateway.
            SubmissionUncertain: Its answer was lost, or it is not sent within 15 minutes.
        """
        self._check_same(held, given)
        record: Record | None = held
        pause, until = 0.02, asyncio.get_running_loop().time() + ELSEWHERE
        while record is not None and record.state is State.SENDING:
            if asyncio.get_running_loop().time() > until:
                raise SubmissionUncertain(record.ref, codec.job_of(record))
            await self._window.sleep(pause)
            pause = min(pause * 2, 0.5)
            record = await self._journal.current(held.ref)
        if record is None or record.state is State.DISMISSED:
            return None
        if record.state is State.UNCERTAIN:
            raise SubmissionUncertain(record.ref, codec.job_of(record))
        return record

    def _check_same(self, held: Record, given: Request[object]) -> None:
        name = type(given).__name__
        if self._provider.api_named(held.provider) is None:
            raise InvalidJob(name, [Problem("key", f"belongs to a job at {held.provider}", held.key)])
        if held.fingerprint != codec.fingerprint(given):
            raise InvalidJob(name, [Problem("key", f"belongs to another job ({held.kind}, ref {held.ref})", held.key)])


def check_key(kind: str, key: object) -> None:
    """Refuse what can be no idempotency key. InvalidJob."""
    usable = isinstance(key, str) and len(key) <= LONGEST_KEY and "\0" not in key
    try:
        usable = usable and isinstance(key, str) and (not key or bool(key.strip() and key.encode()))
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise InvalidJob(kind, [Problem("key", f"must be text of at most {LONGEST_KEY} characters, not blank", key)])
