"""Submissions: each written down before it is sent, sent once, and seen through once it is under way."""

import asyncio
import enum
import logging
import secrets
from collections.abc import Callable, Coroutine, Hashable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

from msgspec.structs import replace

from ..api import validation
from ..api.pricing import estimate
from ..api.providers import Provider
from ..api.requests import Job, Request
from ..api.updates import Update
from ..errors import (
    AlreadyExists,
    ConfigurationError,
    InsufficientCredits,
    InvalidJob,
    Problem,
    RateLimited,
    ResponseLost,
    StoreError,
    SubmissionUncertain,
    SunoError,
    Unauthorized,
)
from ..http.api_client import ApiClient
from ..http.rate_limit import Place
from ..http.retry import MAX_RETRIES, NOT_ACCEPTED, retry
from ..http.turns import Turn
from ..http.under_way import UnderWay
from ..log import fields, log
from ..stores.record import Record, State
from ..tasks.pace import Pace
from ..tasks.registry import TaskRegistry
from ..tasks.task import Task, TaskInfo
from ..wire import encoding, envelope
from . import codec
from .calls import Calls, ids_of
from .journal import Journal
from .keys import Keys, check_key
from .options import Options, check_options
from .queueing import turn_of

__all__ = ["Follower", "SubmitSettings", "SubmitTelemetry", "Submitter"]

R = TypeVar("R")
Check = Callable[[], None]

NOT_CREATED: tuple[type[SunoError], ...] = (
    *(*NOT_ACCEPTED, ConfigurationError, StoreError),
    *(InsufficientCredits, Unauthorized),
)
"""How attempts end when nothing was created: the last refusal, the closing of the client, a store that is away, or the
caller's check.
"""


class Follower(Protocol):
    """Somebody who wants to know of every task that is submitted here."""

    def follow(self, task: Task[Any], record: Record, /) -> None: ...


class SubmitTelemetry(Protocol):
    """Notes submissions."""

    def submitting(self, kind: type[Request[Any]], /) -> AbstractContextManager[Callable[[Task[Any]], None]]:
        """Enclose a submission of this kind, from its check to its answer; what it gives is told the task."""
        ...

    def traceparent(self) -> str:
        """Return the W3C `traceparent` of what encloses the present code; empty if nothing does."""
        ...


class SubmitSettings(NamedTuple):
    """What a submission needs to know of its client."""

    provider: Provider
    model: str
    validate: bool
    callback_url: Callable[[type[Request[Any]], str, Provider], str]
    """The callback address of a submission, from its class, its ref and the API it goes to."""
    clock: Callable[[], float]
    """Unix seconds."""
    max_retries: int = MAX_RETRIES
    fair_by: Callable[[Any], Hashable] | None = None
    """Tells from a context which group takes turns with others in the rate window."""
    telemetry: SubmitTelemetry | None = None


class _KeyTaken(Exception):
    """Another submission holds the key."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.record = record


class _Phase(enum.Enum):
    """How far a submission is."""

    NEW = enum.auto()
    """Nothing of it is in the store."""
    WRITTEN = enum.auto()
    """Its record is in the store, or may be, and nothing was created of it."""
    SENT = enum.auto()
    """It may have left."""
    ENDED = enum.auto()
    """It is written what became of it."""


class _Submission:
    """One submission on its way."""

    __slots__ = (
        *("api", "attempt", "attempts", "body", "check", "left", "options", "phase", "record", "request", "waiting"),
    )

    def __init__(
        self,
        request: Request[Any],
        record: Record,
        body: bytes,
        options: Options,
        api: Provider,
        check: Check | None,
    ) -> None:
        self.request = request
        self.api = api
        """The gateway by the API that it goes to."""
        self.record = record
        self.body = body
        self.options = options
        self.check = check
        """Raises if it shall not be sent any more."""
        self.phase = _Phase.NEW
        self.attempts = 0
        """How often it was sent."""
        self.attempt: asyncio.Task[Any] | None = None
        """What may not be cut off at present."""
        self.waiting: asyncio.Future[None]
        """The future on which its caller waits for the attempt; cancelled with the caller."""
        self.left = False
        """Its caller waits for it no more."""


class Submitter:
    """Sends the jobs of one client."""

    # State, all of it: _asked (how many callers wait), _draining, _under_way (submissions by ref, until nobody waits
    # for them and it is written what became of them) with _idle, _leased (the refs of those that are written down) with
    # _renewal (the timer that renews their leases) and _renewing, _locks (for each idempotency key that is in use).

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
        self._keys = Keys(journal, api.window, settings.provider)
        self._asked = UnderWay()
        self._draining = False
        self._under_way: dict[str, _Submission] = {}
        self._idle = asyncio.Event()
        self._leased: set[str] = set()
        self._renewal: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def under_way(self) -> bool:
        """Whether something is being sent."""
        return bool(self._under_way)

    @property
    def pending(self) -> int:
        """How many submits have begun and not ended, those that wait for a place or for their uploads included."""
        left = sum(submission.left for submission in list(self._under_way.values()))  # their callers were cancelled
        return len(self._asked) + left

    @property
    def draining(self) -> bool:
        """Whether new submits are refused."""
        return self._draining

    def refuse(self) -> None:
        """Take no new submit from now on; those that have begun go on."""
        self._draining = True

    async def submit(self, given: Request[R], options: Options, check: Check | None = None) -> Task[R]:
        """Send a job and return its task; with a key only if no other submission has it.

        `check` is called when it is about to be sent, after all waiting; what it raises ends the submission.
        """
        if (telemetry := self._settings.telemetry) is None:
            return await self._submit_checked(given, options, check)
        with telemetry.submitting(type(given)) as accepted:
            task = await self._submit_checked(given, options, check)
            accepted(task)
            return task

    async def _submit_checked(self, given: Request[R], options: Options, check: Check | None) -> Task[R]:
        self._api.window.check_open()
        if self._draining:
            raise ConfigurationError("the client is being closed: it finishes what has begun and takes no new submit")
        request = self._checked(given, options)
        with self._asked:
            if not options.key:
                return cast("Task[R]", await self._submit(given, request, options, check))
            async with self._locks.setdefault(options.key, asyncio.Lock()):
                return cast("Task[R]", await self._submit_once(given, request, options, check))

    def _checked(self, given: Request[R], options: Options) -> Request[R]:
        """The request with its model. InvalidJob or ConfigurationError before anything is written or sent."""
        settings, name = self._settings, type(given).__name__
        if not isinstance(given, Request):
            raise InvalidJob("submit", [Problem("job", "must be a Job, for example GenerateMusic(prompt=…)", given)])
        if not isinstance(given, Job) and not settings.provider.uses_jobs_api(type(given)):
            raise InvalidJob(name, [Problem("job", "must be a Job; this is answered at once, so use run()", given)])
        check_options(options)
        request = given.with_model(settings.model)
        if settings.validate:
            validation.check(request, settings.provider)
        codec.check_context(name, options.context)
        check_key(name, options.key)
        return request

    async def _submit_once(
        self,
        given: Request[Any],
        request: Request[Any],
        options: Options,
        check: Check | None,
    ) -> Task[Any]:
        """The task of the submission that holds the key, or of a new one."""
        held = await self._keys.holder(options.key)
        while True:
            if held is not None and (record := await self._keys.ended(held, given)) is not None:
                return self._restored(record, options.pace)
            try:
                return await self._submit(given, request, options, check)
            except _KeyTaken as exc:
                held = exc.record

    def _restored(self, record: Record, pace: Pace | None) -> Task[Any]:
        """The task of a record, with observers that hear of it."""
        info, update = self._journal.restore(record)
        task = self._registry.restored(info._replace(pace=pace), update)
        self._follower.follow(task, record)
        return task

    # ---- one submission ------------------------------------------------------------------------------------------

    async def _submit(
        self,
        given: Request[Any],
        request: Request[Any],
        options: Options,
        check: Check | None,
    ) -> Task[Any]:
        turn = turn_of(options, self._settings.fair_by)
        request = await self._calls.with_uploads(request, options)
        submission = self._prepared(given, request, options, check)
        self._under_way[submission.record.ref] = submission
        retries = self._settings.max_retries if options.max_retries is None else options.max_retries
        try:
            task: Task[Any] = await retry(
                partial(self._attempt, submission, turn),
                on=NOT_ACCEPTED,
                max_retries=retries,
                sleep=self._api.window.sleep,
                before_retry=self._hold,
                extra={"ref": submission.record.ref},
            )
        except NOT_CREATED:
            if submission.phase is _Phase.WRITTEN:
                await self._journal.refused(submission.record)
                submission.phase = _Phase.ENDED
            raise
        finally:
            submission.left = True
            if submission.attempt is None:
                self._end(submission)
        return task

    def _prepared(
        self,
        given: Request[Any],
        request: Request[Any],
        options: Options,
        check: Check | None,
    ) -> _Submission:
        """A new submission: its record and what will be sent."""
        settings, now = self._settings, self._settings.clock()
        api = settings.provider.api_for(request)
        record = Record(
            ref=_new_ref(),
            kind=codec.name_of(type(request)),
            provider=api.name,
            request_json=codec.to_json(request),
            fingerprint=codec.fingerprint(given) if options.key else "",
            key=options.key,
            context=options.context,
            created=now,
            updated=now,
            trace="" if settings.telemetry is None else settings.telemetry.traceparent(),
        )
        body = encoding.encode(request, api, settings.callback_url(type(request), record.ref, api))
        return _Submission(request, record, body, options, api, check)

    async def _attempt(self, submission: _Submission, turn: Turn) -> Task[Any]:
        """Try once: wait for a place, write down, send. Who is cancelled before it leaves has sent nothing."""
        place = await self._api.window.take(turn)
        return await self._see_through(submission, self._send(submission, place))

    async def _intend(self, submission: _Submission) -> None:
        """Write down that it will be sent."""
        submission.phase = _Phase.WRITTEN
        self._renew_from_now_on(submission.record.ref)
        try:
            held = await self._journal.intend(submission.record)
        except StoreError:
            submission.phase = _Phase.NEW
            raise
        if held is not None:
            submission.phase = _Phase.NEW
            raise _KeyTaken(held)

    async def _send(self, submission: _Submission, place: Place) -> Task[Any]:
        """Write it down, send it, and write down what became of it."""
        request, record = submission.request, submission.record
        try:
            if submission.phase is _Phase.NEW:
                await self._intend(submission)
            if submission.check is not None:
                submission.check()
            if submission.waiting.cancelled():
                raise asyncio.CancelledError  # its caller was, while it was written down
        except BaseException:
            await self._api.window.give_back_shared(place)
            raise
        submission.phase = _Phase.SENT
        submission.attempts += 1
        try:
            answer = await self._api.submit(
                *(type(request), submission.body, place, submission.api),
                ref=record.ref,
                attempt=submission.attempts,
                within=submission.options.timeout,
            )
        except asyncio.CancelledError as exc:
            if (attempt := asyncio.current_task()) is None or attempt.cancelling():  # by the end of the loop
                raise
            error = ResponseLost("what a transport waited for was cancelled")
            error.__cause__ = exc
            return await self._failed(submission, error)
        except Exception as exc:
            return await self._failed(submission, exc)
        if isinstance(answer, Update):  # a call that the jobs API answers at once
            info = TaskInfo("", type(request), record.ref, context=record.context, price=self._price(request))
            task = self._registry.add(info)
            self._log_task("answered at once", type(request), "", record.ref)
            await self._journal.apply(task, answer)
            submission.phase = _Phase.ENDED
            return task
        return await self._accepted(submission, answer)

    async def _accepted(self, submission: _Submission, task_id: str) -> Task[Any]:
        """The task that a submission has become: the one that its callbacks made, if they came first."""
        request, record = submission.request, submission.record
        self._log_task("accepted", type(request), task_id, record.ref)
        accepted_at = asyncio.get_running_loop().time()
        known = await self._journal.accepted(record, task_id)
        submission.phase = _Phase.ENDED
        model = getattr(request, "model", None) or ""
        info = TaskInfo(
            *(task_id, type(request), record.ref, model, record.context, submission.options.pace, accepted_at),
            api=record.provider,
            price=self._price(request),
            trace=record.trace,
        )
        task = self._registry.add(info)
        if known is not None and known.stage:
            return self._restored(known, submission.options.pace)
        self._follower.follow(task, known or replace(record, task_id=task_id, state=State.RUNNING))
        return task

    def _log_task(self, what: str, kind: type[Request[Any]], task_id: str, ref: str) -> None:
        if log.isEnabledFor(logging.INFO):
            extra = fields("accepted", task_id, ref, kind=kind.__name__)
            log.info("%s %s: task %s (ref %s)", kind.__name__, what, task_id, ref, extra=extra)

    def _price(self, request: Request[Any]) -> float | None:
        """What it costs by the price list."""
        return estimate(request, self._settings.provider)

    async def _failed(self, submission: _Submission, exc: Exception) -> Task[Any]:
        """What to do after an attempt that was not accepted."""
        record = submission.record
        if isinstance(exc, AlreadyExists) and exc.existing_task_id:
            return await self._existing(submission, exc.existing_task_id)
        if envelope.may_be_sent_again(exc):
            submission.phase = _Phase.WRITTEN
            raise exc
        if envelope.created_nothing(exc):
            await self._journal.refused(record)
            submission.phase = _Phase.ENDED
            raise exc
        found = await self._journal.lost(record, exc)
        submission.phase = _Phase.ENDED
        if not found.task_id:
            raise SubmissionUncertain(record.ref, submission.request) from exc
        return self._restored(found, submission.options.pace)  # a callback named its task

    async def _existing(self, submission: _Submission, task_id: str) -> Task[Any]:
        """The task that was created by an earlier request for the same thing."""
        record, kind = submission.record, type(submission.request)
        self._log_task("exists already", kind, task_id, record.ref)
        try:
            earlier = await self._journal.find(task_id=task_id)
        except StoreError:
            earlier = None
        if earlier is not None and not record.key:
            await self._journal.refused(record)
        else:
            await self._journal.accepted(record, task_id)
        submission.phase = _Phase.ENDED
        task = self._registry.attach(kind, task_id)
        ours = not task.ref and earlier is None
        task.learn(
            TaskInfo(
                *(
                    task_id,
                    kind,
                    record.ref if ours else "",
                    "",
                    record.context if ours else None,
                    submission.options.pace,
                ),
                api=earlier.provider if earlier is not None else "",
            )
        )
        self._follower.follow(task, earlier or replace(record, task_id=task_id, state=State.RUNNING))
        return task

    def _hold(self, error: SunoError, wait: float) -> None:
        if isinstance(error, RateLimited):
            self._api.window.hold(wait)

    # ---- seeing it through ---------------------------------------------------------------------------------------

    def _renew_from_now_on(self, ref: str) -> None:
        """Renew the lease of a submission until it ends; those that wait for a place have none."""
        self._leased.add(ref)
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().call_later(self._journal.lease / 3, self._renew)

    def _end(self, submission: _Submission) -> None:
        """Nobody waits for it any more, and nothing of it is under way: what was written and not sent is removed."""
        if submission.phase is _Phase.WRITTEN:
            self._journal.refused_soon(submission.record)
        self._under_way.pop(submission.record.ref, None)
        self._leased.discard(submission.record.ref)
        if not self._leased and self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        if not self._under_way:
            self._idle.set()

    async def _see_through(self, submission: _Submission, work: Coroutine[Any, Any, Task[Any]]) -> Task[Any]:
        """Do something to its end, although the caller is cancelled: what is being paid for must not be lost."""
        waiting = submission.waiting = asyncio.get_running_loop().create_future()
        attempt: asyncio.Task[Task[Any]] = asyncio.create_task(work)  # which begins here where tasks are eager
        submission.attempt = attempt
        attempt.add_done_callback(partial(_wake, waiting))
        try:
            await waiting  # as by asyncio.shield, which would not tell at once that the caller was cancelled
            return attempt.result()
        except asyncio.CancelledError:
            if attempt.done():
                self._log_left(submission, attempt)
            raise
        finally:
            if attempt.done():
                submission.attempt = None
            else:
                attempt.add_done_callback(partial(self._ended_alone, submission))

    def _ended_alone(self, submission: _Submission, attempt: asyncio.Task[Any]) -> None:
        """Its caller was cancelled before."""
        submission.attempt = None
        self._log_left(submission, attempt)
        if submission.left:
            self._end(submission)

    def _log_left(self, submission: _Submission, attempt: asyncio.Task[Any]) -> None:
        """Say what became of a submission whose caller was cancelled."""
        request, record = submission.request, submission.record
        name = type(request).__name__
        if attempt.cancelled():
            if submission.phase is _Phase.SENT:
                error = SubmissionUncertain(record.ref, request)
                log.error("cut off by the end of the loop: %s", error, extra=fields("left", "", record.ref, kind=name))
            return
        exc = attempt.exception()
        if exc is None:
            task: Task[Any] = attempt.result()
            extra = fields("left", task.id, record.ref, kind=name)
            made = f"task {task.id}" if task.id else ids_of(task.last.result) or f"ref {record.ref}, in the store"
            log.warning("a submit whose caller was cancelled was accepted: %s, %s", name, made, extra=extra)
        elif not isinstance(exc, (_KeyTaken, *NOT_ACCEPTED)):
            extra = fields("left", "", record.ref, kind=name, reason=type(exc).__name__)
            log.warning("a submit whose caller was cancelled failed: %s: %s", name, exc, extra=extra)

    def _renew(self) -> None:
        """Renew the leases, so that a submission whose answer takes its time is not taken for a dead process's."""
        self._renewal = asyncio.get_running_loop().call_later(self._journal.lease / 3, self._renew)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._extend())

    async def _extend(self) -> None:
        for ref in list(self._leased):
            await self._journal.extend(ref)

    async def finish(self) -> None:
        """Wait for what is under way, and until it is written what became of it."""
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)


def _wake(waiting: asyncio.Future[None], _: object) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _new_ref() -> str:
    """Return base64url of 12 bytes, as callback tokens want; commands take no hyphen first, which begins an option."""
    while (ref := secrets.token_urlsafe(12))[0] == "-":
        pass
    return ref
