"""Submissions: each written down before it is sent, sent once, and seen through once it is under way."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

from msgspec.structs import replace

from ..api import validation
from ..api.providers import Provider
from ..api.requests import Request
from ..api.updates import Update
from ..errors import (
    AlreadyExists,
    ConfigurationError,
    ConnectError,
    InvalidJob,
    Problem,
    RateLimited,
    StoreError,
    SubmissionUncertain,
    SunoError,
)
from ..http.api_client import ApiClient
from ..http.rate_limit import Place
from ..http.retry import NOT_ACCEPTED, retry
from ..log import log
from ..stores.record import Record, State
from ..tasks.pace import Pace, check_pace
from ..tasks.registry import TaskRegistry
from ..tasks.task import Task, TaskInfo
from ..wire import encoding, envelope
from . import codec
from .calls import Calls
from .journal import Journal

__all__ = ["Follower", "SubmitSettings", "Submitter"]

R = TypeVar("R")
T = TypeVar("T")

LONGEST_KEY = 512
"""Characters of an idempotency key."""
NOT_ENDED: tuple[type[SunoError], ...] = (*NOT_ACCEPTED, ConfigurationError)
"""How retries end when nothing was created: the last refusal, or the closing of the client."""
ELSEWHERE = 900.0
"""Seconds that we wait, by our own clock, for another process to send the submission that holds a key."""


class Follower(Protocol):
    """Somebody who wants to know of every task that is submitted here."""

    def follow(self, task: Task[Any], record: Record, /) -> None: ...


class SubmitSettings(NamedTuple):
    """What a submission needs to know of its client."""

    provider: Provider
    model: str
    validate: bool
    shared: bool
    """Whether other processes may use the store, too."""
    callback_url: Callable[[type[Request[Any]], str], str]
    """The callback address of a submission, from its class and its ref."""
    clock: Callable[[], float]
    """Unix seconds."""


class _KeyTaken(Exception):
    """Another submission holds the key."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.record = record


class _Submission:
    """One submission on its way."""

    __slots__ = ("attempt", "body", "pace", "record", "request", "written")

    def __init__(self, request: Request[Any], record: Record, body: bytes, pace: Pace | None) -> None:
        self.request = request
        self.record = record
        self.body = body
        self.pace = pace
        self.written = False
        """Whether its record is in the store."""
        self.attempt: asyncio.Task[Any] | None = None
        """What may not be cut off at present."""


class Submitter:
    """Sends the jobs of one client."""

    # State, all of it: _under_way (submissions by ref, from the first write until the outcome is written), _renewing
    # (keeps their leases), _locks (for each idempotency key that is in use).

    def __init__(
        self,
        api: ApiClient,
        calls: Calls,
        journal: Journal,
        registry: TaskRegistry,
        follower: Follower,
        settings: SubmitSettings,
    ) -> None:
        self._api = api
        self._calls = calls
        self._journal = journal
        self._registry = registry
        self._follower = follower
        self._settings = settings
        self._under_way: dict[str, _Submission] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def under_way(self) -> bool:
        """Whether something is being sent."""
        return bool(self._under_way)

    async def submit(self, given: Request[R], pace: Pace | None, key: str, context: Any) -> Task[R]:
        """Send a job and return its task; with a key only if no other submission has it."""
        self._api.window.check_open()
        request = self._checked(given, pace, key, context)
        if not key:
            return cast("Task[R]", await self._submit(given, request, pace, "", context))
        async with self._locks.setdefault(key, asyncio.Lock()):
            return cast("Task[R]", await self._submit_once(given, request, pace, key, context))

    def _checked(self, given: Request[R], pace: Pace | None, key: str, context: Any) -> Request[R]:
        """The request with its model. InvalidJob or ConfigurationError before anything is written or sent."""
        if not isinstance(given, Request):
            raise InvalidJob("submit", [Problem("job", "must be a Job, for example GenerateMusic(prompt=…)", given)])
        name = type(given).__name__
        if pace is not None:
            check_pace(pace)
        request = given.with_model(self._settings.model)
        if self._settings.validate:
            validation.check(request, self._settings.provider)
        codec.check_context(name, context)
        _check_key(name, key)
        return request

    # ---- keys ----------------------------------------------------------------------------------------------------

    async def _submit_once(
        self, given: Request[Any], request: Request[Any], pace: Pace | None, key: str, context: Any
    ) -> Task[Any]:
        """The task of the submission that holds the key, or of a new one."""
        held = await self._journal.by_key(key)
        while True:
            if held is not None:
                self._check_same(held, given)
                task = await self._task_of(held, pace)
                if task is not None:
                    return task
            try:
                return await self._submit(given, request, pace, key, context)
            except _KeyTaken as exc:
                held = exc.record

    def _check_same(self, held: Record, given: Request[Any]) -> None:
        """Refuse a key that was given to another job, or at another gateway."""
        name = type(given).__name__
        if held.provider != self._settings.provider.name:
            raise InvalidJob(name, [Problem("key", f"belongs to a job at {held.provider}", held.key)])
        if held.fingerprint != codec.fingerprint(given):
            raise InvalidJob(name, [Problem("key", f"belongs to another job ({held.kind}, ref {held.ref})", held.key)])

    async def _task_of(self, held: Record, pace: Pace | None) -> Task[Any] | None:
        """The task of the submission that holds a key, once it has one; None if nothing was created."""
        record: Record | None = held
        pause, until = 0.02, asyncio.get_running_loop().time() + ELSEWHERE
        while record is not None and record.state is State.SENDING:
            if asyncio.get_running_loop().time() > until:
                raise SubmissionUncertain(record.ref, codec.job_of(record))
            await self._api.window.sleep(pause)
            pause = min(pause * 2, 0.5)
            record = await self._journal.current(held.ref)
        if record is None or record.state is State.DISMISSED:
            return None
        if record.state is State.UNCERTAIN:
            raise SubmissionUncertain(record.ref, codec.job_of(record))
        return self._restored(record, pace)

    def _restored(self, record: Record, pace: Pace | None = None) -> Task[Any]:
        info, update = self._journal.restore(record)
        return self._registry.restored(info._replace(pace=pace), update)

    # ---- one submission ------------------------------------------------------------------------------------------

    async def _submit(
        self, given: Request[Any], request: Request[Any], pace: Pace | None, key: str, context: Any
    ) -> Task[Any]:
        request = await self._calls.with_uploads(request)
        submission = self._prepared(given, request, pace, key, context)
        try:
            task: Task[Any] = await retry(
                partial(self._attempt, submission),
                on=NOT_ACCEPTED,
                sleep=self._api.window.sleep,
                before_retry=self._hold,
            )
        except NOT_ENDED:
            if submission.written:
                await self._journal.refused(submission.record)
            raise
        except asyncio.CancelledError:
            if submission.written and submission.attempt is None:  # it waits for another try: nothing was created
                self._journal.refused_soon(submission.record)
            raise
        finally:
            if submission.attempt is None:
                self._under_way.pop(submission.record.ref, None)
        return task

    def _prepared(
        self, given: Request[Any], request: Request[Any], pace: Pace | None, key: str, context: Any
    ) -> _Submission:
        """A new submission: its record and what will be sent."""
        settings, now = self._settings, self._settings.clock()
        record = Record(
            ref=secrets.token_urlsafe(12),
            kind=codec.name_of(type(request)),
            provider=settings.provider.name,
            request_json=codec.to_json(request),
            fingerprint=codec.fingerprint(given) if key else "",
            key=key,
            context=context,
            created=now,
            updated=now,
        )
        body = encoding.encode(request, settings.provider, settings.callback_url(type(request), record.ref))
        return _Submission(request, record, body, pace)

    async def _attempt(self, submission: _Submission) -> Task[Any]:
        """Try once: wait for a place, write down, send. Who is cancelled while waiting has sent nothing."""
        window = self._api.window
        place = await window.take()
        try:
            if not submission.written and self._settings.shared:
                await self._see_through(submission, self._intend(submission))
            await window.share(place)
        except BaseException:
            await window.give_back_shared(place)
            raise
        return await self._see_through(submission, self._send(submission, place))

    async def _intend(self, submission: _Submission) -> None:
        """Write down that it will be sent."""
        held = await self._journal.intend(submission.record)
        if held is not None:
            raise _KeyTaken(held)
        submission.written = True

    async def _send(self, submission: _Submission, place: Place) -> Task[Any]:
        """Send it, and write down what became of it."""
        request, record = submission.request, submission.record
        if not submission.written:
            try:
                await self._intend(submission)
            except BaseException:
                self._api.window.give_back(place)
                raise
        try:
            answer = await self._api.submit(type(request), submission.body, place)
        except Exception as exc:
            return await self._failed(submission, exc)
        if isinstance(answer, Update):  # a call that the jobs API answers at once
            task = self._registry.add(TaskInfo("", type(request), record.ref, context=record.context))
            await self._journal.apply(task, answer)
            return task
        return await self._accepted(submission, answer)

    async def _accepted(self, submission: _Submission, task_id: str) -> Task[Any]:
        """The task that a submission has become: the one that its callbacks made, if they came first."""
        request, record = submission.request, submission.record
        log.debug("%s accepted as task %s", type(request).__name__, task_id)
        accepted_at = asyncio.get_running_loop().time()
        known = await self._journal.accepted(record, task_id)
        model = getattr(request, "model", None) or ""
        info = TaskInfo(task_id, type(request), record.ref, model, record.context, submission.pace, accepted_at)
        task = self._registry.add(info)
        if known is not None and known.stage:
            task = self._restored(known, submission.pace)
        self._follower.follow(task, known or replace(record, task_id=task_id, state=State.RUNNING))
        return task

    async def _failed(self, submission: _Submission, exc: Exception) -> Task[Any]:
        """What to do after an attempt that was not accepted."""
        record = submission.record
        if isinstance(exc, AlreadyExists) and exc.existing_task_id:
            return await self._existing(submission, exc.existing_task_id)
        if isinstance(exc, NOT_ACCEPTED):
            raise exc  # it may be tried again
        if isinstance(exc, ConnectError) or envelope.created_nothing(exc):
            await self._journal.refused(record)
            raise exc
        found = await self._journal.lost(record, exc)
        if not found.task_id:
            raise SubmissionUncertain(record.ref, submission.request) from exc
        return self._restored(found, submission.pace)  # a callback told of its task

    async def _existing(self, submission: _Submission, task_id: str) -> Task[Any]:
        """The task that was created by an earlier request for the same thing."""
        record, kind = submission.record, type(submission.request)
        log.info("%s exists already as task %s", kind.__name__, task_id)
        try:
            earlier = await self._journal.find(task_id=task_id)
        except StoreError:
            earlier = None
        if earlier is not None and not record.key:
            await self._journal.refused(record)
        else:
            await self._journal.accepted(record, task_id)
        task = self._registry.attach(kind, task_id)
        ours = not task.ref and earlier is None
        task.learn(
            TaskInfo(task_id, kind, record.ref if ours else "", "", record.context if ours else None, submission.pace)
        )
        return task

    def _hold(self, error: SunoError, wait: float) -> None:
        if isinstance(error, RateLimited):
            self._api.window.hold(wait)

    # ---- seeing it through ---------------------------------------------------------------------------------------

    async def _see_through(self, submission: _Submission, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end, although the caller is cancelled: what is being paid for must not be lost."""
        attempt: asyncio.Task[T] = asyncio.create_task(work)
        submission.attempt = attempt
        self._under_way[submission.record.ref] = submission
        if self._settings.shared and self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
        try:
            result = await asyncio.shield(attempt)
        except asyncio.CancelledError:
            if attempt.done() and not attempt.cancelled():
                submission.attempt = None
                self._abandoned(submission, attempt)
            else:
                attempt.add_done_callback(partial(self._abandoned, submission))
            raise
        except BaseException:
            submission.attempt = None
            raise
        submission.attempt = None
        return result

    def _abandoned(self, submission: _Submission, ended: asyncio.Task[Any]) -> None:
        """Say what became of a submission whose caller was cancelled."""
        request, record = submission.request, submission.record
        submission.attempt = None
        self._under_way.pop(record.ref, None)
        name = type(request).__name__
        if ended.cancelled():
            log.error("cut off by the end of the loop: %s", SubmissionUncertain(record.ref, request))
            return
        exc = ended.exception()
        if exc is None and isinstance(task := ended.result(), Task):
            made: Task[Any] = task  # pyright: ignore[reportUnknownVariableType]
            log.warning(
                "a submit whose caller was cancelled was accepted: %s, task %s", name, made.id or made.last.result
            )
        elif exc is None or isinstance(exc, NOT_ACCEPTED):  # written and not sent, or sent and not accepted
            self._journal.refused_soon(record)
        else:
            log.warning("a submit whose caller was cancelled failed: %s: %s", name, exc)

    async def _renew(self) -> None:
        """Let other processes know that we are still there, while an answer takes its time."""
        try:
            while self._under_way:
                await asyncio.sleep(self._journal.lease / 3)
                for ref in list(self._under_way):
                    await self._journal.extend(ref)
        finally:
            self._renewing = None

    async def finish(self) -> None:
        """Wait for what is under way, and until it is written what became of it."""
        while self._under_way:
            attempts = [one.attempt for one in self._under_way.values() if one.attempt is not None]
            if attempts:
                await asyncio.wait(attempts)
            await asyncio.sleep(0)  # who waits for them goes on first
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)


def _check_key(kind: str, key: object) -> None:
    usable = isinstance(key, str) and len(key) <= LONGEST_KEY and "\0" not in key
    try:
        usable = usable and isinstance(key, str) and (not key or bool(key.strip() and key.encode()))
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise InvalidJob(kind, [Problem("key", f"must be text of at most {LONGEST_KEY} characters, not blank", key)])
