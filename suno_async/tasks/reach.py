"""Whether callbacks reach us: it decides the pace, and is said once when they do not."""

import asyncio
from collections import OrderedDict
from typing import Any, Protocol

from ..api.updates import Stage
from ..log import log
from .pace import Pace, PacePolicy
from .task import Task
from .watch import Watch

__all__ = ["CallbackReach"]

GRACE = 45.0
"""Seconds that a callback may come later than the poll that shows the same; a warning within a minute is promised."""
HEARD = 1000
"""Tasks of which it is remembered that a callback came."""
NOTED = 60.0
"""Seconds between two notes for other processes that callbacks come."""
UNREACHED = ": can the service reach that address? Until callbacks come, tasks are polled"
LOST = ", although those of other tasks do: the service waits 15 s for an answer, and stops after three retries"


class Peers(Protocol):
    """Other processes with the same store."""

    @property
    def shared(self) -> bool:
        """Whether there may be any."""
        ...

    async def note_callback(self, address: str, /) -> None:
        """Let the others know that callbacks reach an address."""
        ...

    async def callbacks_come(self, address: str, /) -> bool:
        """Return whether one of the others has noted that lately."""
        ...


class CallbackReach:
    """Knows which callbacks have come, and complains once of those that have not.

    Until the first verified callback polls keep their ordinary pace, since an address may be one that the service
    cannot reach.
    """

    # State, all of it: _heard (the newest HEARD tasks of which a callback came), _missed (a timer for each task that
    # ended by a poll, and no callback came yet), _noted (when the others were told last), _asking (what is under way),
    # _warned.

    def __init__(self, policy: PacePolicy, peers: Peers, address: str) -> None:
        """Set where callbacks are posted to; empty if nothing is posted here."""
        self._policy = policy
        self._peers = peers
        self._address = address
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._missed: dict[str, asyncio.TimerHandle] = {}
        self._noted = float("-inf")
        self._asking: set[asyncio.Task[None]] = set()
        self._warned = False
        self.next_poll = policy.next_poll  # of the policy itself, since each poll asks twice
        """Return when to poll a task next by what was learned; None to follow its pace."""

    def of(self, task: Task[Any]) -> Pace:
        """Return the pace of a task."""
        return self._policy.of(task)

    def without_callbacks(self, task: Task[Any]) -> Pace:
        """Return the pace of a task of which a callback did not come."""
        return self._policy.without_callbacks(task)

    def note_rise(self, task: Task[Any], watch: Watch, stage: Stage) -> None:
        """Learn from a poll that a task has reached a stage, before the task is told."""
        self._policy.note_rise(task, watch, stage)

    def callback_came(self, task_id: str, *, here: bool) -> bool:
        """Note a verified callback, of this process or another. Return whether it is the first, which sets the pace."""
        if not self._address:
            return False
        self._heard[task_id] = None
        if len(self._heard) > HEARD:
            self._heard.popitem(last=False)
        if (timer := self._missed.pop(task_id, None)) is not None:
            timer.cancel()
        if here and self._peers.shared:
            now = asyncio.get_running_loop().time()
            if now - self._noted >= NOTED:
                self._noted = now
                self._start(self._peers.note_callback(self._address))
        return self._policy.callback_seen()

    def callbacks_end(self) -> None:
        """Callbacks may reach this process no more, since it is about to end; their absence is no news."""
        self._policy.callbacks_end()
        self._rest()
        self._warned = True

    def completed_by_poll(self, task: Task[Any]) -> None:
        """A poll has shown the end of a task: its callback should be there soon, if it is not yet."""
        wanted = self._address and task.ref and self._policy.expects_callbacks and not self._warned
        if wanted and task.id not in self._heard and task.id not in self._missed and len(self._missed) < HEARD:
            loop = asyncio.get_running_loop()
            self._missed[task.id] = loop.call_later(GRACE, self._miss, task.id)

    def _miss(self, task_id: str) -> None:
        self._missed.pop(task_id, None)
        if self._peers.shared:
            self._start(self._ask_and_warn(task_id))
        else:
            self._warn(task_id)

    async def _ask_and_warn(self, task_id: str) -> None:
        """Warn, unless callbacks come to another process with the same address."""
        if await self._peers.callbacks_come(self._address):
            self._policy.callback_seen()
        elif task_id not in self._heard:
            self._warn(task_id)

    def _warn(self, task_id: str) -> None:
        if self._warned:
            return
        self._warned = True
        log.warning(
            "task %s is complete, as a poll shows, but no callback of it has come to %s%s",
            task_id,
            self._address.partition("?")[0],
            LOST if self._heard else UNREACHED,
        )
        self._rest()

    def _start(self, work: Any) -> None:
        started: asyncio.Task[None] = asyncio.create_task(work)
        self._asking.add(started)
        started.add_done_callback(self._asking.discard)

    def _rest(self) -> None:
        for timer in self._missed.values():
            timer.cancel()
        self._missed.clear()

    async def aclose(self) -> None:
        """Ask and warn no more."""
        self._rest()
        self._warned = True
        asking = list(self._asking)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
