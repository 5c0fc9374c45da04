"""What callbacks say, on its way to the tasks: whose it is, what is kept for later, and who looks."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from ..api.requests import TABLE, Request
from ..api.updates import Provisional, Source, Stage, Update
from ..errors import StoreError, SunoError
from ..log import log
from ..stores.record import Record
from ..submissions.codec import name_of
from ..submissions.ledger import Ledger
from ..tasks.poller import Poller
from ..tasks.task import Task
from ..wire import callbacks
from ..wire.callbacks import Callback
from ..wire.tokens import Token
from .hooks import Hooks
from .policy import Decision, decide
from .verification import Proof, bind

__all__ = ["Inbox", "Letter"]

R = TypeVar("R")

EARLY = 1000
"""Tasks that nobody knows yet, whose callbacks are kept for submits that are still under way."""
KEPT = 120.0
"""Seconds for which they are kept: no answer to a submit takes as long."""
RECENT = 1000
"""Tasks that only their callbacks told of, and that are held for the next one."""
BY_TOKEN_ID = {kind.token_id: kind for kind in TABLE if kind.token_id}


class Letter(NamedTuple):
    """A callback, how far it is proven, and what its receiver wants done with such."""

    callback: Callback
    proof: Proof
    token: Token | None = None
    confirm: bool = False
    hooks: Hooks | None = None


class Inbox:
    """Takes proven callbacks for the tasks of a client."""

    def __init__(
        self,
        tasks: MutableMapping[str, Task[Any]],
        ledger: Ledger,
        poller: Poller,
        look: Callable[[Task[Any]], Awaitable[Update[Any]]],
        spacing: float,
    ) -> None:
        self._tasks = tasks
        self._ledger = ledger
        self._poller = poller
        self._look = look
        self._spacing = spacing
        self._sending = 0
        self._held: OrderedDict[str, Task[Any]] = OrderedDict()
        self._early: OrderedDict[str, tuple[float, dict[str, Letter]]] = OrderedDict()
        self._errands: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._closed = False

    # ---- submits -------------------------------------------------------------------------------------------------

    def sending(self) -> None:
        """A submission leaves."""
        self._sending += 1

    def payload(self) -> None:
        """Its answer is there, or will not come."""
        self._sending -= 1
        if not self._sending:
            self._early.clear()

    def accepted(self, task_id: str, kind: type[Request[R]], ref: str) -> Task[R]:
        """The handle of a submission that has its task: the one that its callbacks made, if they came first."""
        waited = self._ledger.unsettled(ref)
        if waited is not None:
            self._ledger.settle(waited, task_id)
        held = self._held.pop(task_id, None) or self._tasks.get(task_id)
        if held is not None and held.kind is kind and held.ref in ("", ref):
            return held
        task = self._tasks[task_id] = self._ledger.new(task_id, kind, ref)
        return task

    async def deliver_early(self, task: Task[Any]) -> None:
        """Hand over what came before anybody knew this task."""
        if task.id in self._early:
            for letter in self._early.pop(task.id)[1].values():
                try:
                    await self.take(letter)
                except StoreError:  # it was answered 200, so it will not come again
                    self._ledger.note(task, task.last)
            self._poller.nudge(task)

    # ---- callbacks -----------------------------------------------------------------------------------------------

    async def bind(self, task_id: str, token: Token) -> Proof:
        """How far a genuine token proves a callback of this task."""
        task = self._tasks.get(task_id)
        if task is not None and task.ref:
            return bind(token, task_id, task.ref, None)
        record = await self._ledger.store.get(ref=token.ref)
        owner = None if record is None else record.task_id
        other = None if owner else await self._ledger.store.get(task_id=task_id)
        return bind(token, task_id, "" if other is None else other.ref, owner)

    async def take(self, letter: Letter) -> Decision:
        """Decide about a callback and do it. StoreError if it must be kept and cannot be."""
        if self._closed:
            raise StoreError("the client is closed")
        task = await self._task_of(letter)
        update = None if task is None else callbacks.update(letter.callback, task.kind, task.model)
        decision = decide(letter.proof, _claimed(letter.callback, update), task is not None, letter.confirm)
        if decision is Decision.KEEP:
            self.keep(letter.callback.task_id, letter)
        if task is None or update is None:
            return decision
        if letter.hooks is not None and decision in (Decision.FEED, Decision.CONFIRM):
            letter.hooks.follow(task, await self._record_of(task))
        if decision is Decision.FEED:
            self.rest(task, update, await self._ledger.apply_durably(task, update))
        elif decision in (Decision.CONFIRM, Decision.WAKE):
            if letter.proof is Proof.TOKEN:  # whose task it is, that is proven
                await self._ledger.apply_durably(task, Update(task_id=task.id, stage=Stage.PENDING))
            self._poller.nudge(task)
        unsure = decision is Decision.CONFIRM or (
            decision is Decision.FEED and update.provisional is not Provisional.NONE
        )
        wanted = letter.hooks is not None or self._ledger.shared  # by somebody in another process, maybe
        if wanted and unsure and not self._poller.waits_for(task):
            self._go_and_look(task)
        return decision

    async def _record_of(self, task: Task[Any]) -> Record:
        """What is known of a submission, for a hook."""
        known = await self._ledger.store.get(ref=task.ref, task_id=task.id)
        record = Record(ref=task.ref, kind=name_of(task.kind), context=task.context) if known is None else known
        return msgspec.structs.replace(record, task_id=task.id)

    def feed(self, task: Task[R], update: Update[R]) -> bool:
        """Tell a task what somebody vouches for."""
        fed = task.feed(update)
        self._ledger.note(task, update)
        self.rest(task, update, fed)
        return fed

    def rest(self, task: Task[Any], update: Update[Any], fed: bool) -> None:
        """Let the poller know what a believed callback did: it may rest, or must look."""
        if update.provisional is not Provisional.NONE:
            self._poller.nudge(task)
        elif fed:
            self._poller.put_off(task)

    def keep(self, task_id: str, letter: Letter | None = None) -> None:
        """Keep news of a task we don't know while a submit is under way whose answer it may have overtaken."""
        if not self._sending:
            return
        now = asyncio.get_running_loop().time()
        while self._early and next(iter(self._early.values()))[0] < now - KEPT:
            self._early.popitem(last=False)  # other processes' tasks
        if task_id not in self._early and len(self._early) >= EARLY:
            raise StoreError(f"callbacks of {EARLY} tasks that nobody knows are kept already")
        _, kept = self._early.setdefault(task_id, (now, {}))
        if letter is not None and len(kept) < len(Stage):
            kept.setdefault(letter.callback.stage, letter)  # a repeat of a stage says nothing new

    async def _task_of(self, letter: Letter) -> Task[Any] | None:
        """The task a callback speaks of, by its id, or by what a token of ours or the store tells."""
        id, token = letter.callback.task_id, letter.token
        task = self._tasks.get(id)
        ours = token is not None and letter.proof is Proof.TOKEN
        if task is None and (ours or (self._ledger.shared and letter.proof is Proof.SIGNATURE)):
            record = await self._ledger.store.get(ref=token.ref if token is not None else "", task_id=id)
            if record is not None and self._ledger.knows(record):
                task = self._hold(self._ledger.task_of(record), id)
            elif record is not None and ours:  # of a kind that others can read
                await self._ledger.keep_id(record, id)
        if token is None:
            return task
        kind = BY_TOKEN_ID.get(token.token_id)
        if kind is not None and (task is None or task.kind.result is not kind.result):
            if task is not None and not ours:
                return None  # another kind's token, of a submission that nobody here knows
            task = self._hold(self._ledger.new(id, kind, token.ref if ours else ""), id)
        if task is not None and ours:
            task.ref = token.ref
        return task

    def _hold(self, task: Task[R], id: str) -> Task[R]:
        """Hold a task that only a callback has told of, so that its stages are not forgotten between two of them."""
        if not task.id:
            self._ledger.settle(task, id)
        self._tasks[id] = self._held[id] = task
        if len(self._held) > RECENT:
            self._held.popitem(last=False)
        return task

    # ---- looks for hooks, where nobody waits -----------------------------------------------------------------------

    def _go_and_look(self, task: Task[Any]) -> None:
        """One look for a callback; those that come meanwhile share the next."""
        if task.id in self._errands:
            self._again.add(task.id)
        else:
            self._errands[task.id] = asyncio.get_running_loop().create_task(self._errand(task))

    async def _errand(self, task: Task[Any]) -> None:
        try:
            while True:
                self._again.discard(task.id)
                try:
                    update = await self._look(task)
                except SunoError as exc:
                    log.warning("a callback of task %s could not be confirmed: %s", task.id, exc)
                else:
                    if update.provisional is Provisional.NONE:
                        await self._ledger.tell(task, msgspec.structs.replace(update, source=Source.CONFIRMED))
                await asyncio.sleep(self._spacing)
                if task.id not in self._again:
                    break
        finally:
            del self._errands[task.id]

    async def aclose(self) -> None:
        """Take nothing more."""
        self._closed = True
        errands = list(self._errands.values())
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)


def _claimed(callback: Callback, update: Update[Any] | None) -> Stage:
    """The stage a callback claims; an end where it says so by any of its words, or where that is not clear."""
    if update is None or update.provisional is not Provisional.NONE:
        return Stage.COMPLETE
    return update.stage if update.stage is not Stage.PENDING or callback.stage else Stage.COMPLETE
