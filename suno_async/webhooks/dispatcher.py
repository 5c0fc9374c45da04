"""Verified callbacks on their way to their tasks: whose each is, and what is done with it."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Coroutine
from typing import Any, NamedTuple, Protocol, TypeVar

from ..api.providers import Provider
from ..api.requests import Request
from ..api.requests.base import kind_by_token_id
from ..api.updates import COMPLETE, PENDING, SETTLED, Provisional, Stage, Update
from ..errors import StoreError
from ..log import fields, log
from ..stores.record import Record
from ..submissions import codec
from ..submissions.journal import Journal
from ..submissions.submitter import Submitter
from ..tasks.poller import Poller
from ..tasks.registry import TaskRegistry
from ..tasks.task import Task, TaskInfo
from ..wire import callbacks
from ..wire.callbacks import Callback
from ..wire.tokens import Token
from .delivery import CallbackDelivery
from .policy import CONFIRM, FEED, Decision, decide
from .verification import TOKEN, Proof, bind

__all__ = ["CallbackDispatcher", "DispatchSettings"]

R = TypeVar("R")

WAITS = 10.0
"""Seconds that a callback waits for the submission that it may have overtaken; the service allows 15."""
WAITING = 100
"""Callbacks that wait at the same time."""
WAITING_BYTES = 16 << 20
"""Bytes of them."""
A_MINUTE = 10
"""Callbacks in a minute that may have an effect with the token of one submission that nobody here knows."""
A_SECOND = 3
"""The same in a second, for all such tokens of a client."""
REMEMBERED = 1000
"""Such tokens that are counted."""


class Followers(Protocol):
    """Functions of the application that want to know of the tasks that callbacks speak of."""

    def __bool__(self) -> bool: ...

    def wants(self, task: Task[Any], /) -> bool:
        """Return whether a task is of interest and not followed yet."""
        ...

    def follow(self, task: Task[Any], record: Record, /) -> None:
        """Tell them of each stage of a task."""
        ...


class DispatchSettings(NamedTuple):
    """What the dispatcher must know of its client."""

    provider: Provider
    shared: bool
    """Whether other processes may use the store, too."""


class UnknownTokens:
    """Bounds what genuine tokens can cause whose submission neither this process nor its store knows.

    An address that became known could otherwise make the client poll invented task ids without end.
    """

    # State, all of it: _times by ref (of the newest REMEMBERED), _all.

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=A_SECOND)

    def allows(self, ref: str, now: float) -> bool:
        """Return whether one more callback with the token of this submission may cause something."""
        times = self._times.setdefault(ref, deque(maxlen=A_MINUTE))
        self._times.move_to_end(ref)
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        if len(times) == A_MINUTE and now - times[0] < 60:
            return False
        if len(self._all) == A_SECOND and now - self._all[0] < 1:
            return False
        times.append(now)
        self._all.append(now)
        return True


class CallbackDispatcher:
    """Takes verified callbacks for the tasks of a client."""

    # State, all of it: _taking (how many callbacks are being taken), _came_at (when the last verified one came),
    # _unknown (how often tokens came that nobody knows), _waiting with _waiting_bytes (callbacks
    # whose submission may be under way), _later (what the application said of tasks that nobody here holds yet),
    # _closed.

    def __init__(
        self,
        registry: TaskRegistry,
        journal: Journal,
        poller: Poller,
        submitter: Submitter,
        followers: Followers,
        settings: DispatchSettings,
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._poller = poller
        self._submitter = submitter
        self._followers = followers
        self._provider, self._shared = settings
        self._taking = 0
        self._came_at: float | None = None
        self._unknown = UnknownTokens()
        self._waiting: set[asyncio.Task[Task[Any] | None]] = set()
        self._waiting_bytes = 0
        self._later: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pending(self) -> int:
        """How many callbacks are being taken."""
        return self._taking + len(self._later)

    @property
    def came_at(self) -> float | None:
        """When the last verified callback came, by the loop's clock."""
        return self._came_at

    # ---- from the service ----------------------------------------------------------------------------------------

    async def dispatch(self, delivery: CallbackDelivery) -> Decision:
        """Decide about a callback and do it. StoreError if it must be written down and cannot be."""
        if self._closed:
            raise StoreError("the client is closed")
        self._taking += 1
        try:
            callback, proof, token, _ = delivery
            task = self._registry.find(callback.task_id)
            if task is not None and token is not None and _made(token, task):  # the usual case, which asks no store
                return await self._take(delivery, TOKEN, task, None)
            if token is not None:  # strangers do not come as far as the store
                proof = await self._bound(callback.task_id, token)
                if proof is Proof.WRONG:
                    return Decision.REFUSE
                if proof is Proof.UNBOUND and not self._unknown.allows(token.ref, asyncio.get_running_loop().time()):
                    return Decision.IGNORE
            task, record = await self._find(callback.task_id, proof, token)
            if task is None and proof is not Proof.NONE and self._submitter.under_way:
                task = await self._wait_for(callback)
            return await self._take(delivery, proof, task, record)
        finally:
            self._taking -= 1

    async def _take(
        self, delivery: CallbackDelivery, proof: Proof, task: Task[Any] | None, record: Record | None
    ) -> Decision:
        """Do what is to be done about a callback of a task, if it is of one; how far it is verified is known."""
        callback, confirm = delivery.callback, delivery.confirm
        if proof is TOKEN or proof is Proof.SIGNATURE:
            self._came_at = asyncio.get_running_loop().time()
            self._poller.callback_came(callback.task_id)
        if task is None:
            decision = decide(proof, COMPLETE, known=False, confirm=confirm)
            if decision is Decision.WAIT and self._submitter.under_way:
                raise StoreError(f"task {callback.task_id} is not known yet")
            return decision
        update = callbacks.unread(callback, task.kind, task.stage)
        if update is None:
            update = callbacks.update(callback, task.kind, task.model)
        settled = update.provisional is SETTLED
        if not settled:
            confirm = confirm or update.provisional is Provisional.CONTRADICTORY
        decision = decide(proof, _claimed(callback, update), known=True, confirm=confirm)
        if (decision is FEED or decision is CONFIRM) and self._followers:
            await self._follow(task, record)
        unsure = False
        if decision is FEED:
            self._after(task, update, await self._journal.apply_durably(task, update))
            unsure = not settled
        elif decision is CONFIRM or decision is Decision.WAKE:
            if proof is TOKEN:  # whose task it is, that is proven
                await self._journal.apply_durably(task, Update(task_id=task.id, stage=PENDING))
            self._poller.nudge(task)
            unsure = decision is CONFIRM
        if unsure and (self._followers or self._shared):  # somebody in another process may have an interest
            self._poller.confirm(task)
        return decision

    async def _bound(self, task_id: str, token: Token) -> Proof:
        """How far a genuine token verifies a callback of this task."""
        task = self._registry.find(task_id)
        if task is not None and task.ref:
            return bind(token, task_id, task.ref, None)
        record = await self._journal.find(ref=token.ref)
        owner = None if record is None else record.task_id
        other = None if owner else await self._journal.find(task_id=task_id)
        return bind(token, task_id, "" if other is None else other.ref, owner)

    async def _find(self, task_id: str, proof: Proof, token: Token | None) -> tuple[Task[Any] | None, Record | None]:
        """The task a callback speaks of, by its id, or by what a token of ours or the store tells; and its record."""
        task, record = self._registry.find(task_id), None
        ours = token is not None and proof is Proof.TOKEN
        if task is None and (ours or (self._shared and proof is Proof.SIGNATURE)):
            record = await self._journal.find(ref="" if token is None else token.ref, task_id=task_id)
            if record is not None and codec.known(record, self._provider):
                task = self._registry.restored(*self._journal.restore(record))
                self._registry.keep(task, task_id)
            elif record is not None and ours:  # of a class that others can read
                await self._journal.note_task_id(record, task_id)
        if token is None:
            return task, record
        kind = kind_by_token_id(token.token_id)
        if kind is not None and (task is None or task.kind.result is not kind.result):
            if task is not None and not ours:
                return None, None  # another kind's token, of a submission that nobody here knows
            task = self._new(task_id, kind, token.ref if ours else "")
        if task is not None and ours:
            task.learn(TaskInfo(task_id, task.kind, token.ref))
        return task, record

    def _new(self, task_id: str, kind: type[Request[R]], ref: str) -> Task[R]:
        task = self._registry.detached(kind, task_id)
        task.learn(TaskInfo(task_id, kind, ref))
        self._registry.keep(task, task_id)
        return task

    async def _wait_for(self, callback: Callback) -> Task[Any] | None:
        """The task of a submission that is under way and has become this task, if there is one."""
        if len(self._waiting) >= WAITING or self._waiting_bytes + len(callback.body) > WAITING_BYTES:
            raise StoreError("too many callbacks wait for submissions that are under way")
        waiting = asyncio.create_task(self._registry.wait_for(callback.task_id, WAITS))
        self._waiting.add(waiting)
        self._waiting_bytes += len(callback.body)
        try:
            await asyncio.wait([waiting])
        finally:
            waiting.cancel()
            self._waiting.discard(waiting)
            self._waiting_bytes -= len(callback.body)
        if waiting.cancelled():
            raise StoreError("the client is closed")
        return waiting.result()

    async def _follow(self, task: Task[Any], record: Record | None) -> None:
        """Let the functions of the application hear of this task from now on."""
        if self._followers.wants(task):
            known = record or await self._journal.find(ref=task.ref, task_id=task.id)
            self._followers.follow(task, known or Record(ref=task.ref, kind=codec.name_of(task.kind)))
            self._poller.put_off(task)  # it says what a poll would; what it leaves open is polled for below

    def _after(self, task: Task[Any], update: Update[Any], fed: bool) -> None:
        """Tell the poller what a callback that is believed did: it may wait, or must poll."""
        if update.provisional is not SETTLED:
            self._poller.nudge(task)
        elif fed:
            self._poller.put_off(task)

    # ---- from the application ------------------------------------------------------------------------------------

    def feed(self, callback: Callback) -> bool:
        """Take a callback that the application vouches for. Return whether it was new for a task that is held here."""
        task = self._registry.find(callback.task_id)
        if task is None:
            if len(self._later) < WAITING:
                self._do_later(self._feed_later(callback))
            else:
                extra = fields("refused", callback.task_id)
                log.warning("a callback of task %s was left: too many wait already", callback.task_id, extra=extra)
            return False
        return self._feed(task, callback)

    def _feed(self, task: Task[Any], callback: Callback) -> bool:
        update = callbacks.update(callback, task.kind, task.model)
        self._came_at = asyncio.get_running_loop().time()
        self._poller.callback_came(callback.task_id)
        fed = self._journal.apply_soon(task, update)
        self._after(task, update, fed)
        return fed

    async def _feed_later(self, callback: Callback) -> None:
        """The same for a task that nobody here holds (yet)."""
        task = await self._registry.wait_for(callback.task_id, WAITS) if self._submitter.under_way else None
        if task is None:
            try:
                record = await self._journal.find(task_id=callback.task_id)
            except StoreError as exc:
                extra = fields("refused", callback.task_id, reason=type(exc).__name__)
                log.warning("a callback of task %s was left: %s", callback.task_id, exc, extra=extra)
                return
            if record is not None and codec.known(record, self._provider):
                task = self._registry.restored(*self._journal.restore(record))
                self._followers.follow(task, record)
        if task is not None:
            self._feed(task, callback)

    def nudge(self, task_id: str) -> None:
        """Poll a task soon, if somebody has an interest in it; or as soon as its submission is accepted."""
        if (task := self._registry.find(task_id)) is not None:
            self._poller.nudge(task)
        elif self._submitter.under_way and len(self._later) < WAITING:
            self._do_later(self._nudge_later(task_id))

    async def _nudge_later(self, task_id: str) -> None:
        if (task := await self._registry.wait_for(task_id, WAITS)) is not None:
            self._poller.nudge(task)

    def _do_later(self, work: Coroutine[Any, Any, None]) -> None:
        later = asyncio.create_task(work)
        self._later.add(later)
        later.add_done_callback(self._later.discard)

    async def aclose(self) -> None:
        """Take nothing more; what waits is to be sent again."""
        self._closed = True
        ending = [*self._waiting, *self._later]
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


def _made(token: Token, task: Task[Any]) -> bool:
    """Whether a genuine token is of the submission that made this task, as far as the handle can tell."""
    kind = kind_by_token_id(token.token_id)
    return token.ref == task.ref and (kind is None or kind.result is task.kind.result)


def _claimed(callback: Callback, update: Update[Any]) -> Stage:
    """The stage a callback claims; an end where it says so by any of its words, or where that is not clear."""
    if update.provisional is not SETTLED:
        return COMPLETE
    return update.stage if update.stage is not PENDING or callback.stage else COMPLETE
