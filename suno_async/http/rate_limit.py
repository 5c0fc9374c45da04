"""At most so many submissions in any window of time, as the service counts them: by arrival."""

import asyncio
import secrets
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from copy import copy
from itertools import count
from typing import Protocol

import anyio

from ..api.limits import Rate
from ..errors import ConfigurationError, StoreError
from ..log import log
from .turns import FIRST_COME, FairQueue, Turn

__all__ = ["MARGIN", "Place", "RateLimit", "SharedWindow"]

MARGIN = 1.02
"""The window is kept two per cent longer than the service states it, for clocks and the way there."""
ARRIVES_WITHIN = 5.0
"""Seconds. A request that is not answered yet is taken to have arrived at most so long after its place was taken."""
DEFERENCE = 0.015
"""Part of the window's length by which a group that has had all places lets other processes ask first."""
LAST_MOVES = 5.0
"""Seconds that closing waits at most for the shared window, whose places end by themselves."""
CLOSED = "the client is closed"


class SharedWindow(Protocol):
    """A window that other processes use, too."""

    async def reserve(self, places: Sequence[str], rate: Rate) -> Sequence[float]:
        """Take places, or move those that are taken to the present.

        Returns:
            For each of them 0, or the seconds until one may be free.
        """
        ...

    async def give_back(self, place: str) -> None:
        """Free a place that was not used."""
        ...


class Place:
    """One place in the window."""

    __slots__ = ("arrived", "group", "name")

    def __init__(self, arrived: float, group: Hashable = None) -> None:
        self.arrived = arrived
        """When its request arrives at the service at the latest, by the loop's clock."""
        self.group = group
        """Whose it is."""
        self.name = ""
        """Its name in the shared window; empty while it is in none."""


class _Waiter:
    """Somebody who waits for a place."""

    __slots__ = ("given", "place", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.given: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self.place = 0
        """Where it stands in the queue, as its observer was told."""


class RateLimit:
    """A sliding window over the requests that create tasks.

    Places are given in fair turns (see `FairQueue`). A place is taken before its request leaves and counts from the
    answer, so that a slow start cannot put more requests into one window of the service than it allows.

    With a window that other processes use, too, each process asks for whoever has the next turn in it. While that
    window is full, it asks for one place at a time, and the later, the more of the last places its group has had, so
    that of several processes the one goes first whose group has had the fewest.
    """

    # State, all of it: _places (in the order of taking, without those before the first that counts), _held_until,
    # _queue (who waits), _timer (when the next place is free) or, with a shared window, _asking (who asks for places)
    # with _full_until (once it was found full: when a place may be free) and _at_once (how many are asked for), _name
    # and _numbers (for its places in the shared window), _answered (those of them whose requests are answered, until
    # that is noted there) with _moving, _changed, _observed (how many want to know where they stand) with _announcing,
    # _closed.

    def __init__(self, rate: Rate, shared: SharedWindow | None = None, arrivals: Iterable[float] = ()) -> None:
        self._rate = Rate(rate.calls, rate.seconds * MARGIN)
        self._shared = shared
        self._name, self._numbers = secrets.token_hex(8), count()
        self._places = deque(Place(arrived) for arrived in arrivals)
        self._held_until = float("-inf")
        self._queue = FairQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._full_until: float | None = None
        self._at_once = 1
        self._answered: list[str] = []
        self._moving: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._observed = 0
        self._announcing: asyncio.Handle | None = None
        self._closed = asyncio.Event()

    @property
    def arrivals(self) -> list[float]:
        """When the requests of the places arrived, for the window that replaces this one."""
        return [place.arrived for place in self._places]

    def used(self, now: float) -> int:
        """Return how many places are taken at a time of the loop's clock."""
        return sum(place.arrived > now - self._rate.seconds for place in list(self._places))

    async def take(self, turn: Turn = FIRST_COME) -> Place:
        """Wait for one's turn and a place, and take it, in the window that other processes use, too, if there is one.

        Raises:
            ConfigurationError: The client is closed.
            StoreError: The shared window cannot be asked.
        """
        self.check_open()
        waiter = _Waiter(turn)
        self._queue.join(waiter)
        self._observed += turn.observer is not None
        self._go_on()
        try:
            return await waiter.given
        except asyncio.CancelledError:
            if waiter.given.done() and not waiter.given.cancelled() and waiter.given.exception() is None:
                await self.give_back_shared(waiter.given.result())  # given at the moment of the cancellation
            raise
        finally:
            self._queue.leave(waiter)
            if turn.observer is not None:
                self._observed -= 1
                turn.observer.left()
            self._go_on()

    def _go_on(self) -> None:
        """Somebody came or left, or a place is free: give what there is."""
        self._changed.set()
        if self._shared is not None:
            if self._queue and self._asking is None and not self._closed.is_set():
                self._asking = asyncio.create_task(self._ask())
        else:
            self._give_all()
        if self._observed and self._announcing is None:
            self._announcing = asyncio.get_running_loop().call_soon(self._announce)

    def _give_all(self) -> None:
        """Give places while there are any; the timer gives the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            if (free_at := self._free_at()) > _now():
                self._timer = asyncio.get_running_loop().call_at(free_at, self._go_on)
                return
            if (waiter := self._next()) is not None:
                waiter.given.set_result(self._taken(waiter.turn.group))

    def _taken(self, group: Hashable = None) -> Place:
        """A new place in the window, which has room for it."""
        now = _now()
        while self._places and self._places[0].arrived <= now - self._rate.seconds:
            self._places.popleft()  # all of them at each submit would be 60 µs where 2 000 a second are allowed
        place = Place(now + ARRIVES_WITHIN, group)
        self._places.append(place)
        return place

    def _next(self) -> _Waiter | None:
        """Whoever has the next turn, which is over by that; None if nobody waits."""
        while self._queue:
            waiter: _Waiter = self._queue.take_first()
            if not waiter.given.done():  # else cancelled, and not gone yet
                return waiter
        return None

    def _announce(self) -> None:
        """Tell those who want to know where they stand."""
        self._announcing = None
        for place, waiter in enumerate(self._queue.in_order(), 1):
            if waiter.turn.observer is not None and waiter.place != place:
                waiter.place = place
                waiter.turn.observer.moved(place)

    # ---- with a window that other processes use, too -------------------------------------------------------------

    async def _ask(self) -> None:
        """Ask for places while somebody waits."""
        try:
            while self._queue:
                self._changed.clear()
                free_at = max(self._free_at(), self._asks_at())
                if (wait := free_at - _now()) > 0:
                    self._at_once = 1  # others may wait for the same moment
                    with anyio.move_on_after(wait):
                        await self._changed.wait()
                else:
                    await self._reserve()
                    await asyncio.sleep(0)  # a store in memory lets nobody else ask before the next question
        finally:
            self._asking, self._full_until = None, None

    def _asks_at(self) -> float:
        """When to ask for the next place after the shared window was found full: earlier for who has had fewer."""
        if self._full_until is None:
            return float("-inf")
        turn: Turn = self._queue.first().turn
        if turn.priority > 0:
            return self._full_until
        since = self._full_until - self._rate.seconds
        groups = [place.group for place in self._places if place.arrived > since]
        if len(groups) >= self._rate.calls - 1:  # all but the one that will be free: other processes have had none
            return self._full_until
        return self._full_until + DEFERENCE * self._rate.seconds * groups.count(turn.group) / self._rate.calls

    async def _reserve(self) -> None:
        """Ask for one place, or for more each time, until there was something to wait for.

        To begin with one again whenever nobody waits any more would cost a busy process a fifth of the CPU of a submit.
        """
        assert self._shared is not None
        wanted = 1 if self._full_until is not None else min(len(self._queue), self._at_once)
        places = [self._taken()]
        while len(places) < wanted and self._free_at() <= _now():
            places.append(self._taken())
        for place in places:
            place.name = f"{self._name}.{next(self._numbers)}"
        self._at_once = min(self._at_once * 2, self._rate.calls)
        try:
            answers = await self._shared.reserve([place.name for place in places], self._rate)
            given = [*zip(places, answers, strict=True)]
        except Exception as exc:  # whatever a store raises or gives: nobody may be left waiting for ever
            for place in places:
                self.give_back(place)
                if (waiter := self._next()) is not None:
                    waiter.given.set_exception(_again(exc))
            return
        for place, answer in given:
            if answer > 0:
                self.give_back(place)
                self._full_until = _now() + answer
            elif (waiter := self._next()) is not None:
                place.group = waiter.turn.group
                waiter.given.set_result(place)
            else:
                await self.give_back_shared(place)

    # ---- afterwards ----------------------------------------------------------------------------------------------

    def leaves(self, place: Place) -> None:
        """Note that the request of a place leaves now."""
        place.arrived = _now() + ARRIVES_WITHIN

    def answered(self, place: Place) -> None:
        """Note that the request has arrived: by now at the latest."""
        place.arrived = min(place.arrived, _now())
        self._go_on()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return  # perhaps by the end of the loop, which would destroy a task that is made now
        if self._shared is not None and place.name:
            self._answered.append(place.name)
            if self._moving is None or self._moving.done():
                self._moving = asyncio.create_task(self._move(self._shared))

    async def _move(self, shared: SharedWindow) -> None:
        """Move the places of what is answered to the present in the shared window, all at once; nobody waits for it."""
        while places := self._answered:
            self._answered = []
            try:
                await shared.reserve(places, self._rate)
            except Exception as exc:  # whatever a store raises: the requests are answered
                log.debug("the places of requests in the shared window stay as they were: %r", exc)

    def give_back(self, place: Place) -> None:
        """Free a place whose request never left."""
        if place in self._places:
            self._places.remove(place)
            self._go_on()

    async def give_back_shared(self, place: Place) -> None:
        """The same in the window that other processes use, too."""
        self.give_back(place)
        if self._shared is not None and place.name:
            with suppress(StoreError):  # it leaves the window by itself
                await self._shared.give_back(place.name)

    def hold(self, seconds: float) -> None:
        """The service refused: nobody takes a place for so long."""
        self._held_until = max(self._held_until, _now() + seconds)

    async def aclose(self) -> None:
        """End all waiting, with a ConfigurationError for each who waits."""
        self._closed.set()
        for waiter in list(self._queue.in_order()):
            if not waiter.given.done():
                waiter.given.set_exception(ConfigurationError(CLOSED))
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        while self._queue:  # noqa: ASYNC110  they are on their way out
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Wait until the shared window knows of all that is answered, if its store works."""
        if self._moving is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_MOVES):
                    await asyncio.gather(self._moving, return_exceptions=True)

    def check_open(self) -> None:
        """Raise a ConfigurationError if the client is closed."""
        if self._closed.is_set():
            raise ConfigurationError(CLOSED)

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


def _again(exc: Exception) -> Exception:
    """The same error for one more who waits, since a traceback grows by those who catch it."""
    try:
        return copy(exc)
    except Exception:  # not each class can be copied
        return exc


def _now() -> float:
    return asyncio.get_running_loop().time()  # anyio's asks for a task, and a timer has none
