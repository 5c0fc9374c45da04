"""Requests that are answered at once, uploads among them."""

import asyncio
import itertools
import os
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeGuard, TypeVar, cast

import msgspec

from ..api import validation
from ..api.fields import local_files
from ..api.models import limits_of
from ..api.providers import Provider
from ..api.requests import (
    Call,
    GetCredits,
    ReplaceSection,
    Request,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadStream,
)
from ..errors import ApiError, InvalidJob, Problem, ResponseLost, SubmissionUncertain, SunoError
from ..files import uploads
from ..files.lengths import seconds_of
from ..files.uploads import FOLDER, Progress, UploadSource
from ..http.api_client import ApiClient
from ..http.base import Form
from ..http.rate_limit import Place
from ..http.retry import HARMLESS, MAX_RETRIES, NOT_ACCEPTED, retry
from ..http.turns import Turn
from ..http.under_way import UnderWay
from ..log import fields, log
from ..wire import envelope
from .options import NO_OPTIONS, Options, check_options
from .queueing import turn_of

__all__ = ["CallSettings", "Calls", "answered_at_once", "check_call_key", "check_length", "ids_of"]

R = TypeVar("R")


def answered_at_once(request: Request[R], provider: Provider) -> TypeGuard[Call[R]]:
    """Return whether a gateway answers a request with its result; the jobs API makes tasks of most calls, too."""
    return isinstance(request, Call) and not provider.uses_jobs_api(type(request))


class CallSettings(NamedTuple):
    """What decides which requests are sent."""

    provider: Provider
    validate: bool
    """Whether requests that the gateway's pages refuse are refused before they are sent."""
    max_retries: int = MAX_RETRIES
    fair_by: Callable[[Any], Hashable] | None = None
    """Tells from a context which group takes turns with others in the rate window."""


class Calls:
    """Runs calls: checked, sent, repeated if that is harmless, and seen through if it is not."""

    # State, all of it: _running (how many there are), _under_way (the calls whose callers must not cut them off),
    # credits.

    def __init__(self, api: ApiClient, settings: CallSettings) -> None:
        self._api = api
        self._provider, self._validate, self._max_retries, self._fair_by = settings
        self._running = UnderWay()
        self.credits: tuple[float, float] | None = None
        """Credits of the account as they were seen last, and when, by the loop's clock."""
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def pending(self) -> int:
        """How many calls have begun and not ended."""
        return max(len(self._running), len(self._under_way))

    async def run(
        self, call: Call[R], options: Options = NO_OPTIONS, progress: Progress | None = None, field: str = "file"
    ) -> R:
        """Send a call and return its result; `field` is what messages call its file."""
        check_options(options)
        check_call_key(call, options.key)
        retries = self._max_retries if options.max_retries is None else options.max_retries
        turn = turn_of(options, self._fair_by)
        if self._validate:
            validation.check(call, self._provider)
        on: tuple[type[SunoError], ...] = HARMLESS if call.repeatable else NOT_ACCEPTED
        if not uploads.rereadable(call):
            on = ()
        attempts = itertools.count(1)

        async def send() -> R:
            try:
                return await self._send(call, options, turn, next(attempts), progress, field)
            except (ResponseLost, ApiError) as exc:
                if call.repeatable or envelope.created_nothing(exc):
                    raise
                raise SubmissionUncertain("", call) from exc

        with self._running:
            result = await retry(send, on=on, max_retries=retries, sleep=self._api.window.sleep)
        if isinstance(call, GetCredits):
            self.credits = cast("float", result), asyncio.get_running_loop().time()
        return result

    async def _send(
        self, call: Call[R], options: Options, turn: Turn, attempt: int, progress: Progress | None, field: str
    ) -> R:
        window = self._api.window
        window.check_open()
        if call.method != "POST" or call.uploads:
            return await self._api.call(call, _form(call, progress, field), attempt=attempt, within=options.timeout)
        place = await window.take(turn)
        sending = self._in_place(call, place, options, attempt)
        return await (sending if call.repeatable else self._shielded(call, sending))

    async def _in_place(self, call: Call[R], place: Place, options: Options, attempt: int) -> R:
        try:
            return await self._api.call(call, attempt=attempt, within=options.timeout)
        finally:
            self._api.window.answered(place)

    async def _shielded(self, call: Call[R], sending: Any) -> R:
        """See a call through that may cost something, although its caller is cancelled."""
        attempt: asyncio.Task[R] = asyncio.create_task(sending)
        self._under_way.add(attempt)
        attempt.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            attempt.add_done_callback(lambda ended: _log_abandoned(call, ended))
            raise

    # ---- files ---------------------------------------------------------------------------------------------------

    async def upload(
        self,
        source: UploadSource,
        field: str,
        name: str | None = None,
        folder: str = FOLDER,
        progress: Progress | None = None,
        options: Options = NO_OPTIONS,
    ) -> str:
        """Upload a file and return its address; `field` is what messages call it."""
        self._api.check_uploads()
        call = uploads.call_for(source, name, folder, field)
        file = await self.run(call, options, progress, field)
        assert file.download_url  # it would not be complete
        if progress is not None and isinstance(call, UploadBase64):
            size = uploads.size_of(call)
            progress(size, size)
        return file.download_url

    async def with_uploads(self, request: Request[R], options: Options = NO_OPTIONS) -> Request[R]:
        """Return the same request with the files of this machine uploaded. InvalidJob if one is too long."""
        uploaded: dict[str, Any] = {}
        if self._validate:
            check_length(request)
        for field, files in local_files(request).items():
            try:
                urls = [
                    await self.upload(one, field, options=options) if isinstance(one, os.PathLike) else one
                    for one in files
                ]
            except InvalidJob as exc:  # it names the upload, which the caller never wrote
                raise InvalidJob(type(request).__name__, exc.problems) from exc
            uploaded[field] = tuple(urls) if isinstance(getattr(request, field), tuple | list) else urls[0]
        return msgspec.structs.replace(request, **uploaded) if uploaded else request

    async def finish(self) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way)


def check_call_key(call: Call[Any], key: str) -> None:
    """Refuse an idempotency key that would not keep a call from being charged twice. InvalidJob."""
    if key and not (call.repeatable or call.uploads):
        wanted = "cannot be used: this is answered at once, and a second one may be charged again"
        raise InvalidJob(type(call).__name__, [Problem("key", wanted, key)])


def check_length(request: Request[Any]) -> None:
    """Refuse a local song that is longer than the model takes, or too short for the request, where it tells its length.

    A second is allowed for: gateways may count otherwise.
    """
    song: Any = getattr(request, "upload_url", None)
    if not isinstance(request, UploadCover | UploadExtend | ReplaceSection) or not isinstance(song, os.PathLike):
        return
    seconds = seconds_of(cast(Any, song))
    if seconds is None:
        return
    limits = limits_of(request.model)
    problems: list[Problem] = []
    if limits is not None and seconds > limits.upload_minutes * 60 + 1 and not isinstance(request, ReplaceSection):
        wanted = f"must be at most {limits.upload_minutes} min long with {request.model}, and has {seconds:.0f} s"
        problems.append(Problem("upload_url", wanted, song))
    if any(True for _ in request.misplaced(seconds + 1, "file")):
        problems += request.misplaced(round(seconds, 2), "file")
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def _form(call: Call[Any], progress: Progress | None, field: str) -> Form | None:
    """The body of a call that sends a file."""
    return uploads.form(call, progress, field) if isinstance(call, UploadStream) else None


def _log_abandoned(call: Call[Any], ended: asyncio.Task[Any]) -> None:
    """Say what became of a call whose caller was cancelled."""
    name = type(call).__name__
    extra = fields("left", kind=name)
    if ended.cancelled():
        log.error("%s was cut off by the end of the loop; it may have been charged", name, extra=extra)
    elif (exc := ended.exception()) is not None:
        log.warning("%s, whose caller was cancelled, failed: %s", name, exc, extra=extra)
    else:
        made = ids_of(ended.result()) or "no id"
        log.warning("%s, whose caller was cancelled, was answered: %s", name, made, extra=extra)


def ids_of(result: Any) -> str:
    """Return the ids in a result, which are what can still be used of one that nobody waits for; no words of it.

    Args:
        result: The result; empty text for one without ids.
    """
    if not isinstance(result, msgspec.Struct):
        return ""
    held = ((name, getattr(result, name)) for name in result.__struct_fields__ if name.endswith("_id"))
    return ", ".join(f"{name} {value}" for name, value in held if value)
