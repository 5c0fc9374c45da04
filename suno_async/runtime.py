"""The wiring of one event loop's parts, in one place."""

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from .http.api_client import ApiClient
from .http.rate_limit import RateLimit
from .http.transport import Transport
from .settings import Settings
from .stores.record import Record
from .submissions.calls import Calls, CallSettings
from .submissions.coordination import Alone, Coordination
from .submissions.housekeeping import Housekeeping
from .submissions.journal import Journal, JournalSettings
from .submissions.recovery import Recovery
from .submissions.submitter import SubmitSettings, Submitter
from .submissions.write_behind import Write, WriteBehind
from .tasks.pace import PacePolicy
from .tasks.poller import Poller, PollLimits
from .tasks.reach import CallbackReach
from .tasks.registry import TaskRegistry
from .tasks.task import Task
from .webhooks.dispatcher import CallbackDispatcher, DispatchSettings
from .webhooks.observers import Observer, Observers

__all__ = ["Carried", "Runtime"]


class Carried(NamedTuple):
    """What the parts of one event loop leave to those of the next."""

    owner: str = ""
    """The name in leases and claims; a new process takes a new one."""
    owed: Sequence[Write] = ()
    """What the store is owed."""
    arrivals: Sequence[float] = ()
    """The rate window."""
    followed: Sequence[tuple[Task[Any], Record]] = ()
    """What observers hear of."""


class Runtime:
    """All parts of a client that belong to one event loop in one process.

    The parts make what belongs to the loop freely and are never reset: another loop gets another runtime.
    """

    # State: none of its own. All parts are made here, once, and nothing is assigned to them later.

    def __init__(
        self,
        settings: Settings,
        registry: TaskRegistry,
        policy: PacePolicy,
        observers: Sequence[Observer],
        carried: Carried,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.pid = os.getpid()
        self.thread = threading.get_ident()
        self._settings = settings
        provider, store, clock = settings.provider, settings.store, settings.clock
        if settings.shared:
            peers: Alone = Coordination(store, carried.owner, provider=provider)
        else:
            peers = Alone(store, carried.owner)
        self._peers = peers
        self._window = RateLimit(provider.submits, peers if settings.shared else None, carried.arrivals)
        self._api = ApiClient(settings.transport(), self._window, settings)
        self._write_behind = WriteBehind(store, carried.owed)
        expects_callbacks = bool(settings.callback_url)
        self.journal = Journal(store, self._write_behind, peers, JournalSettings(provider, expects_callbacks, clock))
        polls = PollLimits(provider.polls_per_second, provider.polls_at_once)
        self._reach = CallbackReach(policy, peers, settings.callback_url)
        self.poller = Poller(self._api, self.journal, peers, registry, self._reach, polls)
        self._observers = Observers(self.journal, self.poller, observers, clock)
        self.calls = Calls(self._api, CallSettings(provider, settings.validate, settings.max_retries))
        submit_settings = SubmitSettings(
            provider=provider,
            model=settings.model,
            validate=settings.validate,
            shared=settings.shared,
            callback_url=settings.callback_url_of,
            clock=clock,
            max_retries=settings.max_retries,
        )
        self.submitter = Submitter(self._api, self.calls, self.journal, registry, self._observers, submit_settings)
        self.recovery = Recovery(self.journal, registry, provider)
        self._housekeeping = Housekeeping(store, self.recovery, peers.owner, settings.housekeeping)
        self.dispatcher = CallbackDispatcher(
            registry,
            self.journal,
            self.poller,
            self.submitter,
            self._observers,
            DispatchSettings(provider, settings.shared),
        )
        self._write_behind.start()
        self._housekeeping.start()
        for task, record in carried.followed:
            self._observers.follow(task, record)

    @property
    def transport(self) -> Transport:
        """The network, for downloads."""
        return self._api.transport

    def abandon(self) -> Carried:
        """Let go of a loop that is closed; return what the next runtime goes on with."""
        followed = self._observers.abandon()
        self.poller.abandon()
        if os.getpid() != self.pid:
            return Carried()  # what is owed, the parent process writes
        return Carried(self._peers.owner, self._write_behind.owed, self._window.arrivals, followed)

    async def aclose(self) -> None:
        """Close the parts in order: nothing new, then the polls, then what is under way, and the network last."""
        try:
            await self._housekeeping.aclose()
            await self._window.aclose()
            await self.poller.aclose()
            await self.submitter.finish()
            await self.calls.finish()
            await self.dispatcher.aclose()
            await self._reach.aclose()
            await self._observers.aclose()
            await self.journal.aclose()
            if self._settings.own_store:
                await self._settings.store.aclose()
        finally:
            await self._api.transport.aclose()
