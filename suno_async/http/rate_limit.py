"""At most so many submissions in any window of time, as the service counts them: by arrival."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

import anyio

from ..api.limits import Rate
from ..errors import ConfigurationError, StoreError
from ..log import log

__all__ = ["MARGIN", "Place", "RateLimit", "SharedWindow"]

MARGIN = 1.02
"""The window is kept two per cent longer than the service states it, for clocks and the way there."""
ARRIVES_WITHIN = 5.0
"""Seconds. A request that is not answered yet is taken to have arrived at most so long after its place was taken."""


class SharedWindow(Protocol):
    """A window that other processes use, too."""

    async def reserve(self, place: str, rate: Rate) -> float:
        """Take a place, or move one that is taken to the present; return 0, or the seconds until one may be free."""
        ...

    async def give_back(self, place: str) -> None:
        """Free a place that was not used."""
        ...


class Place:
    """One place in the window."""

    __slots__ = ("arrived", "name")

    def __init__(self, arrived: float) -> None:
        self.arrived = arrived
        """When its request arrives at the service at the latest, by the loop's clock."""
        self.name = ""
        """Its name in the shared window; empty while it is in none."""


class RateLimit:
    """A sliding window over the requests that create tasks.

    Places are given in the order of asking. A place is taken before its request leaves and counts from the answer,
    so that a slow start cannot put more requests into one window of the service than it allows.
    """

    # State, all of it: _places (in the order of taking, without those before the first that counts), _held_until, _line
    # (the order of asking) with _waiting (how many ask), _shared_line with _waiting_for_shared (of those who found the
    # shared window full, one asks), _changed, _closed.

    def __init__(self, rate: Rate, shared: SharedWindow | None = None, arrivals: Iterable[float] = ()) -> None:
        self._rate = Rate(rate.calls, rate.seconds * MARGIN)
        self._shared = shared
        self._places = deque(Place(arrived) for arrived in arrivals)
        self._held_until = float("-inf")
        self._line = asyncio.Lock()
        self._shared_line = asyncio.Lock()
        self._waiting_for_shared = 0
        self._changed = asyncio.Event()
        self._waiting = 0
        self._closed = asyncio.Event()

    @property
    def arrivals(self) -> list[float]:
        """When the requests of the places arrived, for the window that replaces this one."""
        return [place.arrived for place in self._places]

    def used(self, now: float) -> int:
        """Return how many places are taken at a time of the loop's clock."""
        return sum(place.arrived > now - self._rate.seconds for place in list(self._places))

    async def take(self) -> Place:
        """Wait for a place in this process's window and take it. ConfigurationError if the client is closed."""
        self._waiting += 1
        try:
            return await self._take()
        finally:
            self._waiting -= 1

    async def _take(self) -> Place:
        async with self._line:
            self.check_open()
            while (wait := self._free_at() - anyio.current_time()) > 0:
                self._changed.clear()
                with anyio.move_on_after(wait):
                    await self._changed.wait()
                self.check_open()
            now = anyio.current_time()
            while self._places and self._places[0].arrived <= now - self._rate.seconds:
                self._places.popleft()  # all of them at each submit would be 60 µs where 2 000 a second are allowed
            place = Place(now + ARRIVES_WITHIN)
            self._places.append(place)
            return place

    async def share(self, place: Place) -> None:
        """Wait for a place in the window that other processes use, too, if there is one."""
        if self._shared is None:
            return
        name = place.name = secrets.token_hex(8)  # at once, since it may be taken although we do not hear of it
        if self._waiting_for_shared or await self._shared.reserve(name, self._rate) > 0:
            self._waiting_for_shared += 1
            try:
                async with self._shared_line:
                    while (wait := await self._shared.reserve(name, self._rate)) > 0:
                        await self.sleep(wait)
            finally:
                self._waiting_for_shared -= 1

    def leaves(self, place: Place) -> None:
        """Note that the request of a place leaves now."""
        place.arrived = anyio.current_time() + ARRIVES_WITHIN

    async def answered(self, place: Place) -> None:
        """Note that the request has arrived: by now at the latest."""
        place.arrived = min(place.arrived, anyio.current_time())
        self._changed.set()
        if self._shared is not None and place.name:
            try:
                await self._shared.reserve(place.name, self._rate)
            except StoreError as exc:  # the answer is there, and counts more than its place
                log.debug("the place of a request in the shared window stays as it was: %s", exc)

    def give_back(self, place: Place) -> None:
        """Free a place whose request never left."""
        if place in self._places:
            self._places.remove(place)
            self._changed.set()

    async def give_back_shared(self, place: Place) -> None:
        """The same in the window that other processes use, too."""
        self.give_back(place)
        if self._shared is not None and place.name:
            with suppress(StoreError):  # it leaves the window by itself
                await self._shared.give_back(place.name)

    def hold(self, seconds: float) -> None:
        """The service refused: nobody takes a place for so long."""
        self._held_until = max(self._held_until, anyio.current_time() + seconds)

    async def aclose(self) -> None:
        """End all waiting, with a ConfigurationError for each who waits."""
        self._closed.set()
        self._changed.set()
        while self._waiting:  # noqa: ASYNC110  they are on their way out
            await asyncio.sleep(0)

    def check_open(self) -> None:
        """Raise a ConfigurationError if the client is closed."""
        if self._closed.is_set():
            raise ConfigurationError("the client is closed")

    async def sleep(self, seconds: float) -> None:
        """Sleep, at most until the client is closed; ConfigurationError then."""
        self.check_open()
        with anyio.move_on_after(seconds):
            await self._closed.wait()
        self.check_open()

    def _free_at(self) -> float:
        """When a place may be taken."""
        if len(self._places) < self._rate.calls:
            return self._held_until
        arrivals = sorted(place.arrived for place in self._places)
        return max(arrivals[len(arrivals) - self._rate.calls] + self._rate.seconds, self._held_until)
