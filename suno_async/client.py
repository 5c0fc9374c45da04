"""Where the parts meet, and nothing else."""

import asyncio
import os
import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast
from urllib.parse import quote, urlsplit
from weakref import WeakSet, WeakValueDictionary

import anyio
import msgspec

from . import callbacks, tokens, wire
from .callbacks import Callback
from .endpoints import (
    AddInstrumental,
    AddVocals,
    BoostStyle,
    Call,
    CheckVoice,
    ConvertToWav,
    CreateMusicVideo,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    GenerateVoice,
    GetCredits,
    GetDownloadUrl,
    GetTimestampedLyrics,
    Job,
    Mashup,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    Request,
    SeparateStems,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadFromUrl,
    UploadStream,
    ValidateVoice,
    maker_of,
)
from .errors import (
    AlreadyExists,
    ApiError,
    ConfigurationError,
    ConnectError,
    Maintenance,
    RateLimited,
    ResponseLost,
    ServerError,
    StoreError,
    SubmissionUncertain,
    SunoError,
)
from .fields import local_files
from .hooks import Hook
from .inbox import NUMBERED, Inbox, Letter
from .limiter import Limiter
from .log import log
from .models import Update
from .outcomes import Outcome, outcomes
from .pace import Pace, pace_of, retries
from .poller import Poller
from .providers import Provider, provider_named
from .receiver import LIMIT, Receiver
from .results import File, Result
from .task import Task
from .transport import HTTP, Transport
from .trust import FRESHNESS, Decision, Proof, Proofs
from .uploads import FOLDER, Handed, Progress

__all__ = ["SunoClient"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

NOT_ACCEPTED = (ConnectError, RateLimited, Maintenance)
"""A submit that failed like this created nothing, so it may be sent again."""
HARMLESS = (*NOT_ACCEPTED, ResponseLost, ServerError)
"""So may a read that failed like this."""
ATTEMPTS = 10
LONGEST = 300.0
"""Seconds that we are ready to wait for one attempt; a service that asks for more is taken for a refusal."""
NOWHERE = "https://suno-async.invalid/callback"
"""The API wants a callback address even from clients that poll; this one can never resolve (RFC 2606)."""


def _submits(
    job: Callable[P, Job[R]],
) -> Callable[Concatenate["SunoClient", P], Coroutine[Any, Any, Task[R]]]:
    """A client method for a job: the class's own signature, in front of `submit`."""

    async def method(self: "SunoClient", /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        return await self.submit(job(*args, **kwargs))

    method.__doc__ = job.__doc__
    return method


def _calls(call: Callable[P, Call[R]]) -> Callable[Concatenate["SunoClient", P], Coroutine[Any, Any, R]]:
    """A client method for a call, in front of `run`."""

    async def method(self: "SunoClient", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.run(call(*args, **kwargs))

    method.__doc__ = call.__doc__
    return method


class SunoClient:
    """A client of one gateway, with one key.

    Opened by its first use and closed by `aclose()` or `async with`, from any asyncio task. While nobody waits for a
    task it does nothing.

    `api_key`: or SUNO_API_KEY. `provider`: "kie" (default), "kie-jobs", "sunoapi", "apikley" or a Provider; or
    SUNO_PROVIDER. `base_url`: another address of the API and of the upload host; or SUNO_BASE_URL. `model`: for jobs
    that name none; V6, and V5 at apikley. `callback_url`: where the service shall post news; without it the client only
    looks. Each submission gets an address of its own, with a token in the query, or where `{token}` stands.
    `callback_secret`: what tokens are made with, instead of a secret derived from the key; of several the first makes
    them and all are accepted; or SUNO_CALLBACK_SECRET. `webhook_key`: of KIE's signatures, one or several; or
    SUNO_WEBHOOK_KEY. `pace`: instead of the default of each kind of job. `validate=False`: send what is wrong, too, and
    let the service judge. ConfigurationError if one of them cannot be used.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        provider: str | Provider | None = None,
        base_url: str | None = None,
        model: str | None = None,
        callback_url: str | None = None,
        callback_secret: str | Sequence[str] | None = None,
        webhook_key: str | Sequence[str] | None = None,
        pace: Pace | None = None,
        validate: bool = True,
        transport: Transport | None = None,
    ) -> None:
        provider = provider or os.environ.get("SUNO_PROVIDER") or "kie"
        self.provider = provider if isinstance(provider, Provider) else provider_named(provider)
        self.model = model or self.provider.model
        self.callback_url = callback_url or NOWHERE
        base = base_url or os.environ.get("SUNO_BASE_URL")
        self._base = _address("base_url", base or self.provider.api).rstrip("/")
        self._uploads = (base or self.provider.uploads).rstrip("/")
        self._validate = validate
        self._pace = pace
        key = _key(api_key)
        self._transport = transport or HTTP(key)
        given = _several("callback_secret", callback_secret, "SUNO_CALLBACK_SECRET")
        self._secrets = tuple(secret.encode() for secret in given) or (tokens.secret_of(key),)
        self._tokens_wanted = bool(given)
        self._webhook_keys = _several("webhook_key", webhook_key, "SUNO_WEBHOOK_KEY")
        self._receivers: WeakSet[Receiver] = WeakSet()
        self._limiter = Limiter(self.provider.submits, self._sleep)
        self._poller = Poller(self._look, self._pace_for, per_second=self.provider.looks_per_second)
        self._tasks: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        self._sending: set[asyncio.Task[Any]] = set()
        self._inbox = Inbox(self._tasks, self._poller, self._look, 1 / self.provider.looks_per_second)
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    # ---- one line an endpoint ------------------------------------------------------------------------------------

    generate_music = _submits(GenerateMusic)
    extend_music = _submits(ExtendMusic)
    upload_cover = _submits(UploadCover)
    upload_extend = _submits(UploadExtend)
    add_instrumental = _submits(AddInstrumental)
    add_vocals = _submits(AddVocals)
    mashup = _submits(Mashup)
    replace_section = _submits(ReplaceSection)
    generate_sounds = _submits(GenerateSounds)
    generate_lyrics = _submits(GenerateLyrics)
    get_timestamped_lyrics = _calls(GetTimestampedLyrics)
    boost_style = _calls(BoostStyle)
    convert_to_wav = _submits(ConvertToWav)
    create_music_video = _submits(CreateMusicVideo)
    separate_stems = _submits(SeparateStems)
    generate_midi = _submits(GenerateMidi)
    generate_cover = _submits(GenerateCover)
    recover_audio = _submits(RecoverAudio)
    generate_persona = _calls(GeneratePersona)
    validate_voice = _submits(ValidateVoice)
    regenerate_phrase = _submits(RegeneratePhrase)
    generate_voice = _submits(GenerateVoice)
    check_voice = _calls(CheckVoice)
    get_credits = _calls(GetCredits)
    get_download_url = _calls(GetDownloadUrl)
    upload_base64 = _calls(UploadBase64)
    upload_from_url = _calls(UploadFromUrl)
    upload_stream = _calls(UploadStream)

    # ---- jobs ----------------------------------------------------------------------------------------------------

    async def submit(self, job: Job[R], *, pace: Pace | None = None) -> Task[R]:
        """Send a job and return its handle as soon as the service has accepted it; `pace` is how to look at it.

        Waits for a free place in the rate limit, and again when the service refuses for rate or maintenance. The
        request is never sent twice if the first could have been accepted. A caller that is cancelled while it is
        under way leaves it to finish; its task id is logged.

        InvalidJob before anything is sent; an ApiError when the service refuses; SubmissionUncertain when the answer
        was lost.
        """
        return await self._submit(job, pace)

    async def _submit(self, request: Request[R], pace: Pace | None = None) -> Task[R]:
        request = request.with_model(self.model)
        self._check(request)
        request = await self._hand_in_files(request)
        ref = secrets.token_urlsafe(12)
        body = wire.encode(request, self.provider, self._callback_for(request, ref))

        def send() -> Coroutine[Any, Any, Task[R]]:
            return self._finish(self._accept(request, ref, body, pace), request, ref)

        return await self._repeat(send, on=NOT_ACCEPTED, limited=True)

    async def run(self, request: Request[R]) -> R:
        """Send a job or a call and return its result; raises what `submit` and the task raise."""
        if isinstance(request, Call) and not self.provider.goes_by_jobs(type(request)):
            return await self._call(request)
        return await (await self._submit(request))

    def attach(self, kind: type[Request[R]], task_id: str) -> Task[R]:
        """A handle rebuilt from an id; the one that is already there if somebody holds it. Sends nothing."""
        if not isinstance(task_id, str) or not task_id.strip() or not _encodes(task_id):
            raise ConfigurationError(f"task_id must be text, not empty, got {task_id!r}")
        known, page = self._tasks.get(task_id), self.provider.details(kind)
        if known is not None and (known.kind.result, self.provider.details(known.kind)) == (kind.result, page):
            return known
        task = Task(task_id, kind, self._poller)
        self._tasks.setdefault(task_id, task)  # a slip in the kind must not take the callbacks of the right one
        return task

    def map(
        self, jobs: Iterable[Job[R]] | AsyncIterable[Job[R]], *, concurrency: int = 40
    ) -> AsyncGenerator[Outcome[R], None]:
        """Run many jobs and give each outcome as it comes; a job that fails is an outcome like any other.

        Jobs are taken from `jobs` only when there is room: at most `concurrency` are unfinished or not yet looked at.
        Leaving the loop stops the rest; what was accepted by then goes on at the service, and its ids are logged.
        """
        return outcomes(self.submit, jobs, concurrency)

    async def download(self, result: Result, folder: str | os.PathLike[str]) -> list[Path]:
        """Save every file of a result (audio and cover of each track) and return their paths.

        Files are named after their titles and never replace another track's. A dead link is looked up anew. When
        some cannot be saved the others still are, and DownloadFailed tells which.
        """

        from . import downloads  # loaded by those who save files

        self._check_open()
        turn = asyncio.Lock()
        looked = float("-inf")
        fresh: Sequence[File] = ()

        async def refresh() -> Sequence[File]:
            """The files of a new look; the same ones for all who ask within a second."""
            nonlocal looked, fresh
            kind = maker_of(result)
            if kind is not None and result.task_id:
                async with turn:
                    if anyio.current_time() - looked >= 1:
                        looked = anyio.current_time()
                        found: Update[Result] = await self._look(Task(result.task_id, kind, self._poller))
                        fresh = list(found.result.files()) if found.result else ()
            return fresh

        return await downloads.save(result, folder, self._transport, refresh)

    async def upload(
        self, source: Handed, *, name: str | None = None, folder: str = FOLDER, progress: Progress | None = None
    ) -> str:
        """Hand in a file and return its address, ready for `upload_cover` and its sisters. Free; kept for 3 days.

        `source`: an http(s) address, a Path, bytes, or an async iterator of bytes. Files and iterators are streamed;
        text is never taken for a path. `name`: with suffix; a file keeps its own with some digits added, since the same
        name overwrites. `progress`: called with the bytes sent and, if that is known, all there are; not for addresses,
        which the service fetches.

        Source: https://docs.kie.ai/file-upload-api/quickstart
        """
        return await self._hand_in(source, "source", name, folder, progress)

    # ---- callbacks -----------------------------------------------------------------------------------------------

    def receiver(
        self,
        *,
        on_update: Hook | None = None,
        confirm: bool = False,
        limit: int = LIMIT,
        freshness: float = FRESHNESS,
    ) -> Receiver:
        """Takes callbacks for this client, in any framework.

        `on_update(update, record)`, a function or coroutine function, is called once for each new stage that came by a
        proven callback, after that was answered; what it raises is logged. `confirm`: nothing is taken at its word,
        even a proven callback only makes the client look. `limit`: bytes of a body. `freshness`: seconds by which the
        time of a signature may differ from ours.
        """
        receiver = Receiver(self, on_update=on_update, confirm=confirm, limit=limit, freshness=freshness)
        self._receivers.add(receiver)
        return receiver

    def feed(self, callback: Callback) -> bool:
        """Take a callback that you vouch for, as it is; True if it was news for a task that somebody holds."""
        task = self._tasks.get(callback.task_id)
        if task is None:
            self._inbox.keep(callback.task_id, Letter(callback, Proof.TOKEN))
            return False
        return self._inbox.feed(task, callbacks.update(callback, task.kind, task.model))

    def nudge(self, task_id: str) -> None:
        """Something is said to have happened to this task: look at it at once, if somebody waits for it."""
        if (task := self._tasks.get(task_id)) is not None:
            self._poller.nudge(task)
        else:
            with suppress(StoreError):  # nobody vouches for it
                self._inbox.keep(task_id)

    @property
    def callback_url(self) -> str:
        """Where the service is told to post; each submission gets this with a token."""
        return self._callback_url

    @callback_url.setter
    def callback_url(self, url: str) -> None:
        if not tokens.placed(_address("callback_url", url)):
            raise ConfigurationError(
                f"callback_url must have {tokens.PLACE} as a whole segment of its path or not at all, and no parameter "
                f"{tokens.NAME}, got {url!r}"
            )
        self._callback_url = url

    @property
    def proofs(self) -> Proofs:
        """What callbacks are held against."""
        given_out = self._tokens_wanted or self.callback_url != NOWHERE
        return Proofs(self._secrets if given_out else (), self._webhook_keys, self._inbox.owners)

    def ref_of(self, task_id: str) -> str:
        """The submission that made a task, empty if that is not known."""
        task = self._tasks.get(task_id)
        return "" if task is None else task.ref

    def take(self, letter: Letter) -> Decision:
        """Take a callback from a receiver. StoreError if it must be kept and cannot be."""
        return self._inbox.take(letter)

    # ---- sending -------------------------------------------------------------------------------------------------

    def _check(self, request: Request[Any]) -> None:
        if self._validate:
            wire.check(request, self.provider)

    def _callback_for(self, request: Request[Any], ref: str) -> str:
        """Where news of a submission shall go; the jobs route wants no address from those who have none."""
        if self.callback_url == NOWHERE:
            return "" if self.provider.goes_by_jobs(type(request)) else NOWHERE
        kind = type(request)
        number = kind.number if NUMBERED.get(kind.number) is kind else 0  # a class of one's own inherits it
        return tokens.addressed(self.callback_url, tokens.issue(self._secrets[0], number, ref))

    async def _accept(self, request: Request[R], ref: str, body: bytes, pace: Pace | None) -> Task[R]:
        """One attempt at a submit, up to the handle on what it made."""
        kind = type(request)
        path = self.provider.path(kind)
        try:
            reply = await self._transport.send("POST", self._base + path, body)
            accepted = wire.accepted(reply, self.provider, kind)
        except ConnectError:
            raise
        except AlreadyExists as exc:
            if not exc.existing_task_id:
                raise
            log.info("%s exists already as task %s", kind.__name__, exc.existing_task_id)
            task = self.attach(kind, exc.existing_task_id)
            task.pace = pace or task.pace
            return task
        except Exception as exc:  # whatever it is, the request has left
            if wire.created_nothing(exc):
                raise
            raise SubmissionUncertain(ref, request) from exc
        born = asyncio.get_running_loop().time()
        model = getattr(request, "model", None) or ""
        if isinstance(accepted, Update):  # answered at once
            task = Task("", kind, self._poller, ref=ref, born=born)
            task.feed(accepted)
            return task
        log.debug("%s accepted as task %s", kind.__name__, accepted)
        known = self._inbox.accepted(accepted, kind, ref)
        if known is not None:  # its callback came first
            known.ref, known.born, known.pace, known.model = ref, born, pace, model
            return known
        self._tasks[accepted] = task = Task(accepted, kind, self._poller, ref=ref, born=born, pace=pace, model=model)
        self._inbox.deliver_early(task)
        return task

    async def _finish(self, work: Coroutine[Any, Any, T], request: Request[Any], ref: str = "") -> T:
        """See a request through once it is under way: a cancelled caller must not lose what is being paid for."""
        under_way = asyncio.create_task(work)
        self._sending.add(under_way)
        self._inbox.sending("" if self.callback_url == NOWHERE else ref)
        under_way.add_done_callback(self._sent)
        try:
            return await asyncio.shield(under_way)
        except asyncio.CancelledError:
            under_way.add_done_callback(partial(_log_orphan, request, ref))
            raise

    def _sent(self, under_way: asyncio.Task[Any]) -> None:
        self._sending.discard(under_way)
        self._inbox.sent()

    async def _call(self, call: Call[R], progress: Progress | None = None, field: str = "file") -> R:
        """A call that is answered at once."""
        self._check(call)
        if isinstance(getattr(call, "file", None), AsyncIterable):
            on: tuple[type[SunoError], ...] = ()  # what was read of it is gone
        else:
            on = HARMLESS if call.free else NOT_ACCEPTED
        limited = call.method == "POST" and not call.uploads

        def send() -> Coroutine[Any, Any, R]:
            asking = self._ask(call, progress, field)
            return asking if call.free else self._finish(asking, call)

        return await self._repeat(send, on=on, limited=limited)

    async def _ask(self, call: Call[R], progress: Progress | None, field: str) -> R:
        """One attempt at a call."""
        base = self._uploads_at() if call.uploads else self._base
        kind = type(call)
        url = base + self.provider.path(kind)
        if isinstance(call, UploadStream):
            from . import uploads

            reply = await self._transport.upload(url, uploads.form(call, progress, field))
        else:
            body = wire.encode(call, self.provider) if call.method == "POST" else b""
            reply = await self._transport.send(call.method, url, body)
        return wire.result(reply, kind, self.provider)

    def _uploads_at(self) -> str:
        if not self._uploads:
            raise ConfigurationError(
                f"no upload host of {self.provider.name} is known: give a public address of the file, or a Provider "
                "with uploads="
            )
        return self._uploads

    async def _hand_in(
        self,
        source: Handed,
        field: str,
        name: str | None = None,
        folder: str = FOLDER,
        progress: Progress | None = None,
    ) -> str:
        from . import uploads

        self._uploads_at()
        call = uploads.call_for(source, name, folder, field)
        file = await self._call(call, progress, field)
        assert file.download_url  # it would not be whole
        if progress is not None and isinstance(call, UploadBase64):
            size = len(cast(bytes, source))
            progress(size, size)
        return file.download_url

    async def _hand_in_files(self, request: Request[R]) -> Request[R]:
        """The same request with the files of this machine uploaded."""
        handed: dict[str, Any] = {}
        for field, files in local_files(request).items():
            urls = [await self._hand_in(one, field) if isinstance(one, os.PathLike) else one for one in files]
            handed[field] = tuple(urls) if isinstance(getattr(request, field), tuple | list) else urls[0]
        return msgspec.structs.replace(request, **handed) if handed else request

    async def _repeat(self, send: Callable[[], Awaitable[R]], *, on: tuple[type[SunoError], ...], limited: bool) -> R:
        """Send, and send again after a failure that is named in `on`, a few times."""
        for left, pause in zip(reversed(range(ATTEMPTS)), retries(), strict=False):
            if limited:
                await self._limiter.wait()
            self._check_open()
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
        self._check_open()

    async def _look(self, task: Task[R]) -> Update[R]:
        page, query = self.provider.details(task.kind), self.provider.query(task.kind)
        reply = await self._transport.send("GET", f"{self._base}{page}?{query}={quote(task.id, safe='')}")
        return wire.update(reply, task.kind, self.provider, task.id, task.model)

    def _pace_for(self, task: Task[Any]) -> Pace:
        called = bool(self._receivers) and self.callback_url != NOWHERE
        return task.pace or self._pace or pace_of(task.kind, called=called)

    # ---- opening and closing -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None]:
        """For web frameworks: `FastAPI(lifespan=suno.lifespan)` closes the client with the application."""
        async with self:
            yield

    async def aclose(self) -> None:
        """Stop looking and let go of the connections, after the submits that are under way; whoever waits is told."""
        self._closed.set()
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(asyncio.current_task()))
        with anyio.CancelScope(shield=True):  # who leaves by cancellation, of either kind, closes all the same
            await asyncio.shield(self._closing)

    async def _close(self, closer: asyncio.Task[Any] | None) -> None:
        await self._poller.aclose()
        try:
            if self._sending:
                await asyncio.wait(self._sending)
            await self._inbox.aclose()
            for receiver in list(self._receivers):
                await receiver.aclose(closer)
        finally:
            await self._transport.aclose()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ConfigurationError("the client is closed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<SunoClient {self.provider.name} {self._poller.waiting} waited for>"


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


def _key(given: str | None) -> str:
    """The API key from the argument or the environment; errors never show it."""
    key = (given if given is not None else os.environ.get("SUNO_API_KEY", "")).strip()
    if not key:
        raise ConfigurationError("no API key: pass api_key= or set the environment variable SUNO_API_KEY")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError(
            f"api_key must be printable ASCII without spaces, got {len(key)} characters that are not"
        )
    return key


def _several(name: str, given: str | Sequence[str] | None, variable: str) -> tuple[str, ...]:
    """One secret or several, from the argument or the environment; errors never show them."""
    if given is None:
        given = [one for one in os.environ.get(variable, "").split(",") if one.strip()]
    elif not given:
        raise ConfigurationError(f"{name} must not be empty; leave it out to have none")
    several = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(one, str) and one.strip() and _encodes(one) for one in several):
        raise ConfigurationError(f"{name} must be text, not empty, or several of it")
    return tuple(one.strip() for one in several)


def _address(name: str, given: str) -> str:
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool((parts.hostname or "").encode("idna"))
        usable = usable and parts.port != 0  # reading it checks it
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{name} must be an http(s) address, got {given!r}")
    return given


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
