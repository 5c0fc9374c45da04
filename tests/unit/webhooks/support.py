"""Collaborators for the tests of callbacks: real ones over a scripted network, wired without a client."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from suno_async import KIE, GenerateMusic, StoreError
from suno_async.api.requests import Request
from suno_async.api.updates import Stage, Update
from suno_async.stores import MemoryStore
from suno_async.stores.record import Record
from suno_async.submissions import codec
from suno_async.submissions.coordination import Alone
from suno_async.submissions.hooks import Observer
from suno_async.submissions.journal import Journal, JournalSettings
from suno_async.submissions.write_behind import WriteBehind
from suno_async.tasks.pace import Pace
from suno_async.tasks.poller import Poller
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import Holder, Interests, Task, TaskInfo
from suno_async.tasks.watch import Watch
from suno_async.webhooks.delivery import CallbackDelivery
from suno_async.webhooks.dispatcher import CallbackDispatcher, DispatchSettings
from suno_async.webhooks.observers import Observers
from suno_async.webhooks.policy import Decision
from suno_async.webhooks.verdict import Verdict

REF, OTHER_REF = "AAECAwQFBgcICQoL", "AAAAAAAAAAAAAAAA"
EVERY_FIVE = Pace(first=5, growth=1, cap=5, patience=100)


def clock() -> float:
    return 1_769_670_760 + asyncio.get_running_loop().time()


class Details:
    """Answers polls by script, the last answer for good, and notes when it was asked."""

    def __init__(self, *stages: Stage) -> None:
        self.stages: Sequence[Stage] = stages or [Stage.PENDING]
        self.polled_at: list[float] = []

    async def details(self, task: Task[Any], attempt: int) -> Update[Any]:
        self.polled_at.append(asyncio.get_running_loop().time())
        stage, self.stages = self.stages[0], self.stages[1:] or self.stages
        return Update(task_id=task.id, stage=stage)


class EveryFive:
    """Polls every task each five seconds, for a hundred."""

    def of(self, task: Task[Any]) -> Pace:
        return EVERY_FIVE

    def without_callbacks(self, task: Task[Any]) -> Pace:
        return EVERY_FIVE

    def next_poll(self, task: Task[Any], watch: Watch) -> float | None:
        return None

    def note_rise(self, task: Task[Any], watch: Watch, stage: Stage) -> None:
        """Nothing is learned."""

    def callback_came(self, task_id: str, *, here: bool) -> bool:
        return False

    def completed_by_poll(self, task: Task[Any]) -> None:
        """Nothing is concluded."""


class UnderWay:
    """Says whether a submission is under way, as a Submitter does."""

    def __init__(self, under_way: bool = False) -> None:
        self.under_way = under_way


class ToPoller(Interests):
    """Registers the interests of tasks with a poller that is made later."""

    poller: Poller

    def retain(self, task: Task[Any], holder: Holder) -> None:
        self.poller.retain(task, holder)

    def release(self, task: Task[Any], holder: Holder) -> None:
        self.poller.release(task, holder)

    def note_completed(self, task: Task[Any], since: float) -> None:
        """Nobody learns."""

    def timing(self, task: Task[Any], since: float) -> None:
        """Nobody knows."""

    def check_thread(self) -> None:
        """Every thread is right."""

    def fed(self, task: Task[Any], update: Update[Any]) -> None:
        """Nobody is told."""

    def whole(self, task: Task[Any], update: Update[Any]) -> Update[Any]:
        return codec.whole(update, task, KIE)


class Parts(NamedTuple):
    """What a dispatcher works with."""

    store: MemoryStore
    journal: Journal
    registry: TaskRegistry
    details: Details
    poller: Poller
    submitter: UnderWay
    observers: Observers
    dispatcher: CallbackDispatcher

    async def submitted(
        self, task_id: str = "t1", ref: str = REF, kind: type[Request[Any]] = GenerateMusic, *, held: bool = True
    ) -> tuple[Task[Any] | None, Record]:
        """A submission as the submitter leaves it: its record in the store, and its handle if somebody holds it."""
        record = Record(ref=ref, kind=kind.__name__, provider=KIE.name, request_json='{"prompt":"x"}', created=clock())
        await self.store.intend(record)
        if task_id:
            await self.journal.accepted(record, task_id)
        task = self.registry.add(TaskInfo(task_id, kind, ref)) if held and task_id else None
        stored = await self.store.get(ref=ref)
        assert stored is not None
        return task, stored


@asynccontextmanager
async def parts(*stages: Stage, observers: Sequence[Observer] = (), shared: bool = False) -> AsyncGenerator[Parts]:
    """The parts, closed in their order at the end; polls are answered with these stages."""
    store = MemoryStore(clock=clock)
    peers = Alone(store)
    journal = Journal(store, WriteBehind(store), peers, JournalSettings(KIE, True, clock))
    interests, details = ToPoller(), Details(*stages)
    registry = TaskRegistry(interests, KIE)
    poller = interests.poller = Poller(details, journal, peers, registry, EveryFive())
    submitter: Any = UnderWay()
    called = Observers(journal, poller, observers, clock)
    dispatcher = CallbackDispatcher(registry, journal, poller, submitter, called, DispatchSettings(KIE, shared))
    try:
        yield Parts(store, journal, registry, details, poller, submitter, called, dispatcher)
    finally:
        await poller.aclose()
        await dispatcher.aclose()
        await called.aclose()
        await journal.aclose()
        await store.aclose()


class Sink:
    """Takes deliveries as a client does, and decides as the test says."""

    def __init__(self, answer: Decision | StoreError = Decision.FEED) -> None:
        self.answer = answer
        self.deliveries: list[CallbackDelivery] = []

    async def dispatch(self, delivery: CallbackDelivery) -> Decision:
        self.deliveries.append(delivery)
        if isinstance(self.answer, StoreError):
            raise self.answer
        return self.answer

    def received(self, verdict: Verdict, began: float) -> None:
        """Nobody is told."""
