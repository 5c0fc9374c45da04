"""The wiring of one event loop's parts, in one place."""

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from .http.api_client import ApiClient
from .http.base import Transport
from .http.rate_limit import RateLimit
from .http.request_events import RequestEvents, RequestTelemetry
from .http.under_way import UnderWay
from .settings import Settings
from .status import Status
from .stores.record import Record
from .submissions.calls import Calls, CallSettings
from .submissions.coordination import Alone, Coordination
from .submissions.events import EventSettings, Told, UpdateEvents
from .submissions.hooks import Observer
from .submissions.housekeeping import Housekeeping
from .submissions.journal import Journal, JournalSettings, StageTelemetry
from .submissions.learned import LearnedTimes
from .submissions.recovery import Recovery
from .submissions.submitter import SubmitSettings, SubmitTelemetry, Submitter
from .submissions.write_behind import Write, WriteBehind
from .tasks.pace import PacePolicy
from .tasks.poller import Poller, PollLimits, PollTelemetry
from .tasks.reach import CallbackReach
from .tasks.registry import TaskRegistry
from .tasks.task import Task
from .webhooks.dispatcher import CallbackDispatcher, DispatchSettings
from .webhooks.observers import Followers, Observers
from .webhooks.verdict import Verdict

__all__ = ["Carried", "Runtime", "Telemetry"]


class Telemetry(RequestTelemetry, StageTelemetry, SubmitTelemetry, PollTelemetry, Protocol):
    """Notes what a client does, for `suno_async.otel`."""

    def received(self, verdict: Verdict, trace: str, began: float, /) -> None:
        """Note a callback that was answered.

        Args:
            verdict: What was answered.
            trace: The `traceparent` of its task; empty if that is not known.
            began: When it came: seconds by `time.time`.
        """
        ...

    def downloaded(
        self, trace: str, began: float, /, *, files: int, size: int | None = None, error: BaseException | None = None
    ) -> None:
        """Note a download that has ended.

        Args:
            trace: The `traceparent` of the task whose files they are; empty if that is not known.
            began: When it began: seconds by `time.time`.
            files: How many files are there now.
            size: Bytes of them, if that is known.
            error: Why it failed.
        """
        ...


DRAIN_PAUSE = 0.05
"""Seconds between two looks while a client drains: who has awaited a task goes on to its download meanwhile."""


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
    told: Told = Told()
    """What `on_update` of the client hears of."""


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
        telemetry: Telemetry | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.pid = os.getpid()
        self.thread = threading.get_ident()
        self._settings = settings
        provider, store, clock = settings.provider, settings.store, settings.clock
        self._write_behind = WriteBehind(store, carried.owed)
        if settings.shared:
            health = self._write_behind.health
            peers: Alone = Coordination(store, carried.owner, provider=provider, health=health)
        else:
            peers = Alone(store, carried.owner)
        self._peers = peers
        self._window = RateLimit(provider.submits, peers if settings.shared else None, carried.arrivals)
        self._requests = RequestEvents(settings.on_request, telemetry)
        self._api = ApiClient(settings.transport(), self._window, settings, self._requests)
        expects_callbacks = bool(settings.callback_url)
        journal_settings = JournalSettings(provider, expects_callbacks, clock)
        self.journal = Journal(store, self._write_behind, peers, journal_settings, telemetry)
        polls = PollLimits(provider.polls_per_second, provider.polls_at_once)
        self._reach = CallbackReach(policy, peers, settings.callback_url)
        self.poller = Poller(self._api, self.journal, peers, registry, self._reach, polls, telemetry)
        self._observers = Observers(self.journal, self.poller, observers, clock)
        self.downloads = UnderWay()
        event_settings = EventSettings(settings.on_update, clock)
        self.events = UpdateEvents(self.journal, self.poller, peers, event_settings, carried.told)
        followers = Followers(self._observers, self.events)
        call_settings = CallSettings(provider, settings.validate, settings.max_retries, settings.fair_by)
        self.calls = Calls(self._api, call_settings)
        submit_settings = SubmitSettings(
            provider=provider,
            model=settings.model,
            validate=settings.validate,
            callback_url=settings.callback_url_of,
            clock=clock,
            max_retries=settings.max_retries,
            fair_by=settings.fair_by,
            telemetry=telemetry,
        )
        self.submitter = Submitter(self._api, self.calls, self.journal, registry, followers, submit_settings)
        self.recovery = Recovery(self.journal, registry, provider, self.poller, followers)
        self._housekeeping = Housekeeping(store, self.recovery, peers.owner, settings.housekeeping)
        self.dispatcher = CallbackDispatcher(
            registry,
            self.journal,
            self.poller,
            self.submitter,
            followers,
            DispatchSettings(provider, settings.shared),
        )
        self._learned = LearnedTimes(store, policy.learned) if settings.shared and policy.learned is not None else None
        self._write_behind.start()
        self._housekeeping.start()
        if self._learned is not None:
            self._learned.start()
        for task, record in carried.followed:
            self._observers.follow(task, record)

    @property
    def transport(self) -> Transport:
        """The network, for downloads."""
        return self._api.transport

    def abandon(self) -> Carried:
        """Let go of a loop that is closed; return what the next runtime goes on with."""
        followed, told = self._observers.abandon(), self.events.abandon()
        self.poller.abandon()
        if os.getpid() != self.pid:
            return Carried()  # what is owed, the parent process writes
        return Carried(self._peers.owner, self._write_behind.owed, self._window.arrivals, followed, told)

    def status(self, *, closed: bool) -> Status:
        """Return what the parts do at present; each tells its own."""
        now, rate, health = self.loop.time(), self._settings.provider.submits, self._write_behind.health
        ahead = self._settings.clock() - now  # of the loop's clock
        credits, credits_seen = self.calls.credits or (None, None)
        oldest = self.poller.oldest
        return Status(
            state="closed" if closed else "draining" if self.submitter.draining else "open",
            waiting=self.poller.pending,
            oldest=None if oldest is None else now - oldest,
            last_poll=_sum(ahead, self.poller.answered_at),
            last_callback=_sum(ahead, self.dispatcher.came_at),
            submits=self.submitter.pending,
            calls=self.calls.pending,
            downloads=len(self.downloads),
            callbacks=self.dispatcher.pending,
            observer_calls=self._observers.pending + self.events.pending,
            store_reachable=health.reachable,
            store_failed=_sum(ahead, health.failed_at),
            store_error=health.error,
            store_owed=self.journal.pending,
            window_used=self._window.used(now),
            window_size=rate.calls,
            window_seconds=rate.seconds,
            credits=credits,
            credits_seen=_sum(ahead, credits_seen),
        )

    @property
    def busy(self) -> bool:
        """Whether something is under way or awaited."""
        functions = (self._observers, self.events, self._housekeeping)
        parts = (self.submitter, self.calls, self.poller, self.dispatcher, *functions, self.journal)
        return len(self.downloads) > 0 or any(part.pending for part in parts)

    async def drain(self, seconds: float) -> None:
        """Take no new submit, and wait for what is under way and what is awaited, at most so long."""
        self.submitter.refuse()
        self._reach.callbacks_end()  # web servers stop to listen before they tell the application
        self.poller.speed_up()
        until = self.loop.time() + seconds
        quiet = 0
        while quiet < 2 and (left := until - self.loop.time()) > 0:
            quiet = 0 if self.busy else quiet + 1
            await asyncio.sleep(min(DRAIN_PAUSE, left))

    async def aclose(self) -> None:
        """Close the parts in order: nothing new, then the polls, then what is under way, and the network last."""
        try:
            await self._housekeeping.aclose()
            await self._window.aclose()
            await self.poller.aclose()
            await self.submitter.finish()
            await self.calls.finish()
            await self._window.finish()
            await self.dispatcher.aclose()
            await self._reach.aclose()
            await self._observers.aclose()
            await self.events.aclose()
            await self._requests.aclose()
            if self._learned is not None:
                await self._learned.aclose()
            await self.journal.aclose()
            if self._settings.own_store:
                await self._settings.store.aclose()
        finally:
            await self._api.transport.aclose()


def _sum(ahead: float, time: float | None) -> float | None:
    return None if time is None else ahead + time
