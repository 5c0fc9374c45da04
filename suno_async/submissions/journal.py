"""The records of a client's submissions: the only place where they are written."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from ..api.providers import Provider
from ..api.updates import Stage, Update, rises
from ..errors import StoreError, SubmissionUncertain, TaskFailed
from ..stores import transitions
from ..stores.base import Store
from ..stores.record import Record, State
from ..tasks.task import Task, TaskInfo
from ..tasks.task_log import log_stage
from . import codec
from .coordination import Alone
from .write_behind import Write, WriteBehind

__all__ = ["Journal", "JournalSettings", "StageTelemetry"]

R = TypeVar("R")

CALLBACKS_WITHIN = 1800.0
"""Seconds for which a callback may still tell what became of a submission whose answer was lost."""
RECENT = 60.0
"""Seconds since its submission for which a restored task is polled by its age; an older one is polled at once."""


class JournalSettings(NamedTuple):
    """What the journal must know of its client."""

    provider: Provider
    expects_callbacks: bool
    """Whether a callback can tell what became of a submission."""
    clock: Callable[[], float]
    """Unix seconds."""


class StageTelemetry(Protocol):
    """Notes the stages that tasks reach."""

    def reached(self, task: Task[Any], update: Update[Any], record: Record, /) -> None:
        """Note a stage that this process, and so no other, has written down; the record is as it is then."""
        ...


class Journal:
    """Writes down every submission before it is sent, its task when that is known, and each stage.

    What the store cannot take at once is written behind, except where it must be certain.
    """

    # State: none of its own; what is owed to the store is the WriteBehind's.

    def __init__(
        self,
        store: Store,
        write_behind: WriteBehind,
        peers: Alone,
        settings: JournalSettings,
        telemetry: StageTelemetry | None = None,
    ) -> None:
        self._telemetry = telemetry
        self.store = store
        self._write_behind = write_behind
        self._peers = peers
        self._provider, self._expects_callbacks, self._clock = settings

    # ---- submissions ---------------------------------------------------------------------------------------------

    async def by_key(self, key: str) -> Record | None:
        """Return the submission that holds an idempotency key, after what is owed about it is written."""
        await self._write_behind.flush(key=key)
        return await self.store.get(key=key)

    async def intend(self, record: Record) -> Record | None:
        """Write down that a submission will be sent, with a lease; return the record that holds its key, if one does.

        Raises:
            StoreError: It could not be written down, so it must not be sent.
        """
        if record.key:
            await self._write_behind.flush(key=record.key)
        try:
            with self._write_behind.health:
                return await self.store.intend(record, self._peers.owner, self._peers.lease)
        except StoreError:  # it may be written down all the same, and will not be sent
            if self._peers.shared:
                self.refused_soon(record)
            raise

    async def accepted(self, record: Record, task_id: str) -> Record | None:
        """Write down the task of a submission, now or as soon as that can be done.

        Returns:
            What the store knows of it, which may be more if a callback came first; None if that is not known.
        """
        now = self._clock()
        return await self._write_behind.now_or_later(
            Write(
                f"{record.kind} ({record.ref}) is task {task_id}",
                partial(transitions.accepted, task_id=task_id, now=now),
                *(record.ref, task_id, record.key),
                replace(record, task_id=task_id, state=State.RUNNING, updated=now),
                intended=record,
            )
        )

    async def lost(self, record: Record, error: Exception) -> Record:
        """Write down that the answer to a submission was lost; its record, which a callback may have given a task."""
        now, why = self._clock(), f"{type(error).__name__}: {error}".encode(errors="replace").decode()
        uncertain = replace(record, state=State.UNCERTAIN, error=why, updated=now)
        transition = partial(transitions.mark_uncertain, error=why, now=now)
        written = await self._write_behind.now_or_later(
            Write(f"the answer to {record.ref} was lost", transition, record.ref, "", record.key, uncertain)
        )
        return written or uncertain

    async def refused(self, record: Record) -> None:
        """Forget a submission: nothing was created."""
        await self._write_behind.now_or_later(_removal(record))

    def refused_soon(self, record: Record) -> None:
        """Forget it as soon as the store can be asked."""
        self._write_behind.later(_removal(record))

    @property
    def lease(self) -> float:
        """Seconds for which a lease on a submission holds; it is renewed while the submission is being sent."""
        return self._peers.lease

    async def extend(self, ref: str) -> None:
        """Renew the lease on a submission that is being sent."""
        await self._peers.extend(ref)

    # ---- updates -------------------------------------------------------------------------------------------------

    async def apply(self, task: Task[R], update: Update[R]) -> bool:
        """Write an update down, now or as soon as that can be done, and feed the task. Return whether it was new."""
        try:
            await self._write_behind.now_or_later(self._write(task, update))
        finally:
            fed = _feed(task, update)
        return fed

    async def apply_durably(self, task: Task[R], update: Update[R]) -> bool:
        """The same, for an update that is sent again if it cannot be written now. StoreError then."""
        owes = self._write_behind.owes(task.ref, task.id)
        if not owes and update.stage and not rises(task.stage, update.stage):
            return False  # repeated, and written before
        write = self._write(task, update)
        try:
            if owes:
                await self._write_behind.flush(ref=task.ref, task_id=task.id)
            await self._write_behind.perform(write)
        except StoreError:
            self._write_behind.later(write)  # it may be sent too few times
            raise
        finally:
            fed = _feed(task, update)
        return fed

    def apply_soon(self, task: Task[R], update: Update[R]) -> bool:
        """The same, for those who cannot wait."""
        self._write_behind.later(self._write(task, update))
        return _feed(task, update)

    async def note_task_id(self, record: Record, task_id: str) -> None:
        """Write down which task a submission has become, where nothing else can be believed or read."""
        update: Update[Any] = Update(task_id=task_id, stage=Stage.PENDING)
        await self.store.change(partial(transitions.updated, update=update, now=self._clock()), ref=record.ref)

    async def mark_observed(self, task: Task[Any], stage: Stage) -> bool:
        """Note that observers are called for a stage. Return whether no process has noted that before."""
        try:
            await self._write_behind.flush(ref=task.ref, task_id=task.id)
            transition = partial(transitions.mark_observed, stage=stage)
            if await self.store.change(transition, ref=task.ref, task_id=task.id) is not None:
                return True
            return await self.store.get(ref=task.ref, task_id=task.id) is None  # without a record nobody can know
        except StoreError:
            return True  # better twice than never

    async def mark_delivered(self, ref: str, task_id: str) -> bool:
        """Note that a result is handed on. Return whether that was not noted before."""
        await self._write_behind.flush(ref=ref, task_id=task_id)
        return await self.store.change(transitions.mark_delivered, ref=ref, task_id=task_id) is not None

    def _write(self, task: Task[Any], update: Update[Any]) -> Write:
        transition = partial(transitions.updated, update=update, now=self._clock())
        then = None if self._telemetry is None else partial(self._telemetry.reached, task, update)
        return Write(update, transition, task.ref, task.id, then=then)

    # ---- what is known -------------------------------------------------------------------------------------------

    async def find(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        """Return a record by its ref, else by its task id, else by its key, with what is owed applied."""
        with self._write_behind.health:
            record = await self.store.get(ref=ref, task_id=task_id, key=key)
        if record is None or self._write_behind.removes(record.ref):
            return None
        return self._write_behind.applied(record)

    def restore(self, record: Record) -> tuple[TaskInfo, Update[Any] | None]:
        """Return what a record knows of its task, and the last update it was written from."""
        info, update = codec.restore(record, self._provider)
        age = self._clock() - record.created
        if record.task_id:
            now = asyncio.get_running_loop().time()
            accepted = (
                record.created if record.stage else record.updated
            )  # a task that is pending changes at no other time
            info = info._replace(begun=now - max(0.0, self._clock() - accepted))
            if 0 <= age < RECENT:
                info = info._replace(accepted_at=now - age)
        return info, update

    async def current(self, ref: str) -> Record | None:
        """Return a record as it is, after it is found out whether the process is alive that is said to send it."""
        record = await self.find(ref=ref)
        if record is None or record.state is not State.SENDING or await self._peers.alive(ref):
            return record
        error = "the process that sent it ended before its answer came"
        changed = await self.store.change(partial(transitions.mark_uncertain, error=error, now=self._clock()), ref=ref)
        return changed or await self.find(ref=ref)

    async def fate(self, task: Task[R]) -> Update[R]:
        """Return what is known of a submission that has no task yet.

        Raises:
            TaskFailed: It was refused where it was submitted.
            SubmissionUncertain: Nothing can tell any more what became of it.
        """
        record = await self.current(task.ref)
        if record is None:
            raise TaskFailed("", "refused", None, "it was refused where it was submitted, and nothing was created")
        if record.task_id:
            restored = codec.restore_update(record, task.kind, self._provider, task.model)
            return restored or Update(task_id=record.task_id, stage=Stage.PENDING)
        age = abs(self._clock() - record.created)  # a clock that was set back must not make it young for hours
        waits = self._expects_callbacks and age < CALLBACKS_WITHIN
        if record.state in (State.UNCERTAIN, State.DISMISSED) and not waits:
            raise SubmissionUncertain(record.ref, codec.job_of(record))
        return Update(task_id="", stage=Stage.PENDING)

    # ---- what a person decides -----------------------------------------------------------------------------------

    async def adopt(self, ref: str, task_id: str) -> Record | None:
        """Note which task came of a submission; its record, which may have one already, or the one with this task."""

        now = self._clock()  # a transition may run in another thread

        def transition(record: Record) -> Record | None:
            known = record.task_id or record.state is State.FINISHED
            return None if known else transitions.accepted(record, task_id, now)

        other = await self.store.get(task_id=task_id)
        if other is not None and other.ref != ref:
            return other
        return await self.store.change(transition, ref=ref) or await self.store.get(ref=ref)

    async def dismiss(self, ref: str, seen: State | None) -> bool:
        """Give a submission up, if it is still in the state that was seen (None: in any open state)."""
        transition = partial(transitions.dismissed, seen=seen, now=self._clock())
        return await self.store.change(transition, ref=ref) is not None

    # ---- the end -------------------------------------------------------------------------------------------------

    @property
    def owed(self) -> list[Write]:
        """What the store is owed."""
        return self._write_behind.owed

    @property
    def pending(self) -> int:
        """How many writes the store is owed."""
        return self._write_behind.pending

    async def aclose(self) -> None:
        """Write what is owed, if the store takes it soon."""
        await self._write_behind.aclose()


def _feed(task: Task[R], update: Update[R]) -> bool:
    fed = task.feed(update)
    if fed:
        log_stage(task, update)
    return fed


def _removal(record: Record) -> Write:
    return Write(f"nothing was created of {record.ref}", None, record.ref, "", record.key)
