"""Requests out: each written down before it leaves, sent once if it is paid for, and seen through once under way."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

import anyio
import msgspec

from ..api import validation
from ..api.fields import local_files
from ..api.providers import Provider
from ..api.requests import Call, Request, UploadBase64, UploadStream
from ..api.updates import Update
from ..errors import (
    AlreadyExists,
    ApiError,
    ConfigurationError,
    ConnectError,
    InvalidJob,
    Maintenance,
    Problem,
    RateLimited,
    ResponseLost,
    ServerError,
    StoreError,
    SubmissionUncertain,
    SunoError,
)
from ..files.uploads import FOLDER, Handed, Progress
from ..http.rate_limit import Limiter
from ..http.transport import Transport
from ..log import log
from ..stores.record import Record
from ..tasks.pace import Pace, retries
from ..tasks.task import Task
from ..webhooks.inbox import Inbox
from ..wire import encoding, envelope
from . import codec
from .intents import Intents
from .ledger import Ledger

__all__ = ["Sender"]

R = TypeVar("R")
T = TypeVar("T")

NOT_ACCEPTED = (ConnectError, RateLimited, Maintenance)
"""A submit that failed like this created nothing, so it may be sent again."""
HARMLESS = (*NOT_ACCEPTED, ResponseLost, ServerError)
"""So may a read that failed like this."""
ATTEMPTS = 10
LONGEST = 300.0
"""Seconds that we are ready to wait for one attempt; a service that asks for more is taken for a refusal."""
LONGEST_KEY = 512
"""Characters of an idempotency key."""


class _Held(Exception):
    """Another submission holds the key."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self.record = record


class Sender:
    """Sends the requests of a client. `address` tells where news of a submission shall go, from its kind and ref."""

    def __init__(
        self,
        transport: Transport,
        provider: Provider,
        *,
        base: str,
        uploads: str,
        model: Callable[[], str],
        validate: bool,
        address: Callable[[type[Request[Any]], str], str],
        intents: Intents,
        ledger: Ledger,
        inbox: Inbox,
    ) -> None:
        self._transport = transport
        self._provider = provider
        self._base = base
        self._uploads = uploads
        self._model = model
        self._validate = validate
        self._address = address
        self._intents = intents
        self._ledger = ledger
        self._inbox = inbox
        self._limiter = Limiter(provider.submits, self._sleep, ledger.reserve if ledger.shared else None)
        self._sending: set[asyncio.Task[Any]] = set()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closed = asyncio.Event()

    # ---- submits -------------------------------------------------------------------------------------------------

    async def submit(self, given: Request[R], pace: Pace | None, key: str, context: Any) -> Task[R]:
        """Send a job; with a key only if no other submission has it."""
        request = given.with_model(self._model())
        if self._validate:
            validation.check(request, self._provider)
        codec.check_context(type(request).__name__, context)
        _check_key(type(request).__name__, key)
        if not key:
            return await self._send(request, pace, "", "", context)
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            return await self._once(given, request, pace, key, context)

    async def _once(self, given: Request[R], request: Request[R], pace: Pace | None, key: str, context: Any) -> Task[R]:
        """The task that holds the key, or a new one."""
        print, kind = codec.fingerprint(given), type(given).__name__
        held = await self._intents.by_key(key, print, kind)
        while True:
            if held is not None:
                record = await self._intents.elsewhere(held)
                if record is not None:
                    task = self._ledger.task_of(record)
                    task.pace = pace or task.pace
                    return task
            try:
                return await self._send(request, pace, key, print, context)
            except _Held as exc:
                held = exc.record
                self._intents.check_same(held, print, kind)

    async def _send(self, request: Request[R], pace: Pace | None, key: str, print: str, context: Any) -> Task[R]:
        request = await self._hand_in_files(request)
        now = self._intents.clock()
        record = Record(
            ref=secrets.token_urlsafe(12),
            kind=codec.name_of(type(request)),
            provider=self._provider.name,
            request_json=codec.to_json(request),
            fingerprint=print,
            key=key,
            context=context,
            created=now,
            updated=now,
        )
        body = encoding.encode(request, self._provider, self._address(type(request), record.ref))

        def send() -> Coroutine[Any, Any, Task[R]]:
            return self._finish(self._submit(request, record, body, pace), request, record.ref)

        return await self._repeat(send, on=NOT_ACCEPTED, limited=True)

    async def _submit(self, request: Request[R], record: Record, body: bytes, pace: Pace | None) -> Task[R]:
        """One attempt at a submit, between the record's first words and its next."""
        ref = record.ref
        try:
            held = await self._intents.intend(record)
            if held is not None:
                raise _Held(held)
            try:
                accepted = await self._post(request, body)
            except SunoError as exc:
                if isinstance(exc, AlreadyExists) and exc.existing_task_id:
                    return await self._existing(request, record, exc.existing_task_id, pace)
                if isinstance(exc, ConnectError) or envelope.created_nothing(exc):
                    await self._intents.refused(ref)
                    raise
                return await self._lost(request, record, exc, pace)
            except Exception as exc:  # whatever it is, the request has left
                return await self._lost(request, record, exc, pace)
            return await self._accepted(request, record, accepted, pace)
        finally:
            self._intents.settled(ref)

    async def _post(self, request: Request[R], body: bytes) -> str | Update[R]:
        kind = type(request)
        reply = await self._transport.send("POST", self._base + self._provider.path(kind), body)
        return envelope.accepted(reply, self._provider, kind)

    async def _accepted(
        self, request: Request[R], record: Record, accepted: str | Update[R], pace: Pace | None
    ) -> Task[R]:
        """The handle on what a submit made."""
        kind, ref = type(request), record.ref
        born = asyncio.get_running_loop().time()
        if isinstance(accepted, Update):  # answered at once
            task = self._ledger.new("", kind, ref)
            await self._ledger.tell(task, accepted)
            return task
        log.debug("%s accepted as task %s", kind.__name__, accepted)
        found = await self._intents.accepted(record, accepted)
        task = self._inbox.accepted(accepted, kind, ref)
        task.ref, task.born, task.pace, task.context = ref, born, pace, record.context
        task.model = getattr(request, "model", None) or ""
        if found is not None:
            self._ledger.recall(task, found)
        await self._inbox.deliver_early(task)
        return task

    async def _lost(self, request: Request[R], record: Record, exc: Exception, pace: Pace | None) -> Task[R]:
        """The handle on what a callback told of, although the answer was lost."""
        found = await self._intents.lost(record, f"{type(exc).__name__}: {exc}")
        if found is None or not found.task_id:
            raise SubmissionUncertain(record.ref, request) from exc
        task = self._ledger.task_of(found)
        task.pace = pace or task.pace
        return task

    async def _existing(self, request: Request[R], record: Record, task_id: str, pace: Pace | None) -> Task[R]:
        """The handle on what was made before."""
        kind = type(request)
        log.info("%s exists already as task %s", kind.__name__, task_id)
        earlier: Record | None = None
        with suppress(StoreError):
            earlier = await self._ledger.store.get(task_id=task_id)
        if earlier is not None and not record.key:
            await self._intents.refused(record.ref)
        else:
            await self._intents.accepted(record, task_id)
        task = self._ledger.attach(kind, task_id)
        task.pace = pace or task.pace
        if not task.ref and earlier is None:
            task.ref, task.context = record.ref, record.context
        return task

    async def _finish(self, work: Coroutine[Any, Any, T], request: Request[Any], ref: str = "") -> T:
        """See a request through once it is under way: a cancelled caller must not lose what is being paid for."""
        under_way = asyncio.create_task(work)
        self._sending.add(under_way)
        self._inbox.sending()
        under_way.add_done_callback(self._sent)
        try:
            return await asyncio.shield(under_way)
        except asyncio.CancelledError:
            under_way.add_done_callback(partial(_log_orphan, request, ref))
            raise

    def _sent(self, under_way: asyncio.Task[Any]) -> None:
        self._sending.discard(under_way)
        self._inbox.payload()

    # ---- calls ---------------------------------------------------------------------------------------------------

    async def call(self, call: Call[R], progress: Progress | None = None, field: str = "file") -> R:
        """A call that is answered at once."""
        if self._validate:
            validation.check(call, self._provider)
        if isinstance(getattr(call, "file", None), AsyncIterable):
            on: tuple[type[SunoError], ...] = ()  # what was read of it is gone
        else:
            on = HARMLESS if call.repeatable else NOT_ACCEPTED
        limited = call.method == "POST" and not call.uploads

        def send() -> Coroutine[Any, Any, R]:
            asking = self._ask(call, progress, field)
            return asking if call.repeatable else self._finish(asking, call)

        return await self._repeat(send, on=on, limited=limited)

    async def _ask(self, call: Call[R], progress: Progress | None, field: str) -> R:
        """One attempt at a call."""
        base = self._uploads_at() if call.uploads else self._base
        kind = type(call)
        url = base + self._provider.path(kind)
        if isinstance(call, UploadStream):
            from ..files import uploads

            reply = await self._transport.upload(url, uploads.form(call, progress, field))
        else:
            body = encoding.encode(call, self._provider) if call.method == "POST" else b""
            reply = await self._transport.send(call.method, url, body)
        return envelope.result(reply, kind, self._provider)

    # ---- files ---------------------------------------------------------------------------------------------------

    def _uploads_at(self) -> str:
        if not self._uploads:
            raise ConfigurationError(
                f"no upload host of {self._provider.name} is known: give a public address of the file, or a Provider "
                "with uploads="
            )
        return self._uploads

    async def hand_in(
        self,
        source: Handed,
        field: str,
        name: str | None = None,
        folder: str = FOLDER,
        progress: Progress | None = None,
    ) -> str:
        """Upload a file; its address."""
        from ..files import uploads

        self._uploads_at()
        call = uploads.call_for(source, name, folder, field)
        file = await self.call(call, progress, field)
        assert file.download_url  # it would not be whole
        if progress is not None and isinstance(call, UploadBase64):
            size = len(cast(bytes, source))
            progress(size, size)
        return file.download_url

    async def _hand_in_files(self, request: Request[R]) -> Request[R]:
        """The same request with the files of this machine uploaded."""
        handed: dict[str, Any] = {}
        for field, files in local_files(request).items():
            urls = [await self.hand_in(one, field) if isinstance(one, os.PathLike) else one for one in files]
            handed[field] = tuple(urls) if isinstance(getattr(request, field), tuple | list) else urls[0]
        return msgspec.structs.replace(request, **handed) if handed else request

    # ---- again and again -----------------------------------------------------------------------------------------

    async def _repeat(self, send: Callable[[], Awaitable[R]], *, on: tuple[type[SunoError], ...], limited: bool) -> R:
        """Send, and send again after a failure that is named in `on`, a few times."""
        for left, pause in zip(reversed(range(ATTEMPTS)), retries(), strict=False):
            if limited:
                await self._limiter.wait()
            self.check_open()
            try:
                return await send()
            except on as exc:
                wait = max(pause, (exc.retry_after or 0) if isinstance(exc, ApiError) else 0)
                if not left or wait > LONGEST:
                    raise
                if limited and isinstance(exc, RateLimited):
                    self._limiter.close(anyio.current_time() + wait)
            await self._sleep(wait)
        raise AssertionError("unreachable")

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the client is closed meanwhile."""
        with anyio.move_on_after(seconds):
            await self._closed.wait()
        self.check_open()

    # ---- the end -------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """ConfigurationError if it is closed."""
        if self._closed.is_set():
            raise ConfigurationError("the client is closed")

    def close(self) -> None:
        """Send nothing more."""
        self._closed.set()

    async def finish(self) -> None:
        """Wait for what is under way."""
        if self._sending:
            await asyncio.wait(self._sending)


def _check_key(kind: str, key: str) -> None:
    usable = isinstance(key, str) and len(key) <= LONGEST_KEY and "\0" not in key
    try:
        usable = usable and (not key or bool(key.strip() and key.encode()))
    except UnicodeEncodeError:
        usable = False
    if not usable:
        raise InvalidJob(kind, [Problem("key", f"must be text of at most {LONGEST_KEY} characters, not blank", key)])


def _log_orphan(request: Request[Any], ref: str, under_way: asyncio.Task[Any]) -> None:
    """Say what became of a request whose caller was cancelled."""
    name = type(request).__name__
    if under_way.cancelled():
        log.error("cut off by the end of the loop: %s", SubmissionUncertain(ref, request))
        return
    if (exc := under_way.exception()) is not None:
        log.warning("a request whose caller was cancelled failed: %s: %s", name, exc)
        return
    made: Any = under_way.result()
    if task_id := getattr(made, "id", ""):
        log.warning("a submit whose caller was cancelled was accepted: %s, task %s", name, task_id)
    else:
        log.warning("a request whose caller was cancelled was answered: %s, %s", name, made)
