"""Where the parts meet, and nothing else."""

import asyncio
import hashlib
import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit
from weakref import WeakSet, WeakValueDictionary

import anyio

from .api.providers import Provider, provider_named
from .api.requests import (
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
from .api.results import File, Result
from .api.updates import Stage, Update
from .errors import ConfigurationError, StoreError
from .files.uploads import FOLDER, Handed, Progress
from .http.transport import HTTP, Transport
from .methods import calls, submits
from .stores.address import store_at
from .stores.base import Store
from .stores.memory import MemoryStore
from .stores.record import Record
from .submissions.backlog import Backlog
from .submissions.intents import Intents
from .submissions.ledger import Ledger
from .submissions.sender import Sender
from .tasks.batch import Outcome, outcomes
from .tasks.pace import Pace, pace_of
from .tasks.poller import Poller
from .tasks.task import Task
from .webhooks.hooks import Hook
from .webhooks.inbox import BY_TOKEN_ID, Inbox, Letter
from .webhooks.policy import Decision
from .webhooks.receiver import LIMIT, Receiver
from .webhooks.verification import FRESHNESS, Proof, Proofs
from .wire import callbacks, details, tokens
from .wire.callbacks import Callback
from .wire.tokens import Token

__all__ = ["SunoClient"]

R = TypeVar("R")

NOWHERE = "https://suno-async.invalid/callback"
"""The API wants a callback address even from clients that poll; this one can never resolve (RFC 2606)."""
UNSETTLED = Pace(first=0.25, growth=1.5, cap=2.0, patience=math.inf)
"""Where the store is looked at, since nobody knows the task yet."""


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
    SUNO_WEBHOOK_KEY. `store`: where submissions are written down, a Store (not closed with the client) or its address,
    as sqlite:///songs.db or redis://host; or SUNO_STORE. Without one they are forgotten with the process. `pace`:
    instead of the default of each kind of job. `validate=False`: send what is wrong, too, and let the service judge.
    ConfigurationError if one of them cannot be used.
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
        store: Store | str | None = None,
        validate: bool = True,
        transport: Transport | None = None,
    ) -> None:
        provider = provider or os.environ.get("SUNO_PROVIDER") or "kie"
        self.provider = provider if isinstance(provider, Provider) else provider_named(provider)
        self.model = model or self.provider.model
        self.callback_url = callback_url or NOWHERE
        base = base_url or os.environ.get("SUNO_BASE_URL")
        self._base = _address("base_url", base or self.provider.api).rstrip("/")
        self._pace = pace
        key = _key(api_key)
        self._transport = transport or HTTP(key)
        given = _several("callback_secret", callback_secret, "SUNO_CALLBACK_SECRET")
        self._secrets = tuple(secret.encode() for secret in given) or (tokens.secret_of(key),)
        self._tokens_wanted = bool(given)
        self._webhook_keys = _several("webhook_key", webhook_key, "SUNO_WEBHOOK_KEY")
        self._receivers: WeakSet[Receiver] = WeakSet()
        self._tasks: WeakValueDictionary[str, Task[Any]] = WeakValueDictionary()
        store = store or os.environ.get("SUNO_STORE") or None
        self._own_store = store is None or isinstance(store, str)
        kept = MemoryStore() if store is None else store_at(store) if isinstance(store, str) else store
        shared = store is not None
        self._backlog = Backlog()
        self._intents = Intents(kept, self._backlog, self.provider, shared=shared, clock=time.time)
        self._ledger = Ledger(
            kept,
            self._intents,
            self._backlog,
            self.provider,
            self._tasks,
            shared=shared,
            account=hashlib.sha256(b"suno_async account " + key.encode()).hexdigest()[:16],
            called=lambda: self.callback_url != NOWHERE,
            clock=time.time,
        )
        self._poller = Poller(
            self._look,
            self._pace_for,
            tell=self._ledger.tell,
            claim=self._ledger.claim if shared else None,
            listen=self._ledger.listen if shared else None,
            begin=self._ledger.begin if shared else None,
            per_second=self.provider.polls_per_second,
        )
        self._ledger.poller = self._poller
        self._inbox = Inbox(self._tasks, self._ledger, self._poller, self._look, 1 / self.provider.polls_per_second)
        self._sender = Sender(
            self._transport,
            self.provider,
            base=self._base,
            uploads=(base or self.provider.uploads).rstrip("/"),
            model=lambda: self.model,
            validate=validate,
            address=self._address_of,
            intents=self._intents,
            ledger=self._ledger,
            inbox=self._inbox,
        )
        self._closing: asyncio.Task[None] | None = None

    # ---- one line an endpoint ------------------------------------------------------------------------------------

    generate_music = submits(GenerateMusic)
    extend_music = submits(ExtendMusic)
    upload_cover = submits(UploadCover)
    upload_extend = submits(UploadExtend)
    add_instrumental = submits(AddInstrumental)
    add_vocals = submits(AddVocals)
    mashup = submits(Mashup)
    replace_section = submits(ReplaceSection)
    generate_sounds = submits(GenerateSounds)
    generate_lyrics = submits(GenerateLyrics)
    get_timestamped_lyrics = calls(GetTimestampedLyrics)
    boost_style = calls(BoostStyle)
    convert_to_wav = submits(ConvertToWav)
    create_music_video = submits(CreateMusicVideo)
    separate_stems = submits(SeparateStems)
    generate_midi = submits(GenerateMidi)
    generate_cover = submits(GenerateCover)
    recover_audio = submits(RecoverAudio)
    generate_persona = calls(GeneratePersona)
    validate_voice = submits(ValidateVoice)
    regenerate_phrase = submits(RegeneratePhrase)
    generate_voice = submits(GenerateVoice)
    check_voice = calls(CheckVoice)
    get_credits = calls(GetCredits)
    get_download_url = calls(GetDownloadUrl)
    upload_base64 = calls(UploadBase64)
    upload_from_url = calls(UploadFromUrl)
    upload_stream = calls(UploadStream)

    # ---- jobs ----------------------------------------------------------------------------------------------------

    async def submit(self, job: Job[R], *, pace: Pace | None = None, key: str = "", context: Any = None) -> Task[R]:
        """Send a job and return its handle as soon as the service has accepted it; `pace` is how to look at it.

        `key`: of several submits with the same key only one is sent, and all get its task: now, after a restart and,
        with a shared store, on another machine. `context`: what you want to find again in `task.context`, after a
        restart, too; what JSON can hold.

        Waits for a free place in the rate limit, and again when the service refuses for rate or maintenance. The
        request is never sent twice if the first could have been accepted. A caller that is cancelled while it is
        under way leaves it to finish; its task id is logged.

        InvalidJob before anything is sent, also if the key is another job's; StoreError if it can't be written down,
        also before; an ApiError when the service refuses; SubmissionUncertain when the answer was lost.
        """
        return await self._sender.submit(job, pace, key, context)

    async def run(self, request: Request[R], *, key: str = "", context: Any = None) -> R:
        """Send a job or a call and return its result; raises what `submit` and the task raise.

        `key`, `context`: as in `submit`; a call that is answered at once has no use for them.
        """
        if isinstance(request, Call) and not self.provider.uses_jobs_api(type(request)):
            return await self._sender.call(request)
        return await (await self._sender.submit(request, None, key, context))

    def attach(self, kind: type[Request[R]], task_id: str) -> Task[R]:
        """A handle rebuilt from an id; the one that is already there if somebody holds it. Sends nothing."""
        _check_task_id(task_id)
        return self._ledger.attach(kind, task_id)

    def map(
        self,
        jobs: Iterable[Job[R]] | AsyncIterable[Job[R]],
        *,
        concurrency: int = 40,
        key: Callable[[Job[R]], str] | None = None,
    ) -> AsyncGenerator[Outcome[R], None]:
        """Run many jobs and give each outcome as it comes; a job that fails is an outcome like any other.

        Jobs are taken from `jobs` only when there is room: at most `concurrency` are unfinished or not yet looked at.
        `key`: makes the idempotency key of each job, so that the same loop can be run again after a restart.
        Leaving the loop stops the rest; what was accepted by then goes on at the service, and its ids are logged.
        """

        async def submit(job: Job[R]) -> Task[R]:
            return await self.submit(job, key=key(job) if key is not None else "")

        return outcomes(submit, jobs, concurrency)

    # ---- restarts and other processes ----------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Where submissions are written down."""
        return self._ledger.store

    async def resume(self) -> AsyncGenerator[Task[Any]]:
        """The handles of all submissions that the store says are unfinished, oldest first, with their contexts.

        A few at a time are read, so there may be any number. A submission whose answer was lost is among them, without
        an id: awaiting it waits for its callback, and raises SubmissionUncertain if none can come any more.
        """
        async with aclosing(self._ledger.store.unfinished()) as found:
            async for record in found:
                if self._ledger.knows(record):
                    yield self._ledger.task_of(record)

    async def results(self, since: datetime | float = 0.0) -> AsyncGenerator[Task[Any]]:
        """The handles of all tasks that have ended, well or not, and are not marked as delivered.

        `since`: only those that ended at this time or later; Unix seconds, or a datetime with its zone.
        """
        moment = since.timestamp() if isinstance(since, datetime) else since
        async with aclosing(self._ledger.store.finished(moment)) as found:
            async for record in found:
                if self._ledger.knows(record):
                    yield self._ledger.task_of(record)

    async def mark_delivered(self, task: Task[Any] | Record) -> bool:
        """Note that the result is handed on; True for the first who does, in any process.

        Marked before it is handed on, a result is handed on once at most; marked after, once at least.
        """
        return await self._ledger.mark_delivered(task.ref, task.task_id if isinstance(task, Record) else task.id)

    async def uncertain(self) -> AsyncGenerator[Record]:
        """The submissions whose answer was lost, for a person to decide about: `adopt` or `dismiss`.

        Of a process that was killed while it waited for an answer, this is known after 10 seconds.
        """
        async with aclosing(self._intents.uncertain()) as found:
            async for record in found:
                if self._ledger.knows(record):
                    yield record

    async def adopt(self, record: Record, task_id: str) -> Task[Any]:
        """Say which task came of an uncertain submission, as the account's page shows it; its handle.

        ConfigurationError if another task is known to have come of it, or the id is empty.
        """
        _check_task_id(task_id)
        found = await self._intents.adopt(record.ref, task_id)
        if found is None or (found.ref, found.task_id) != (record.ref, task_id):
            raise ConfigurationError(
                f"task_id must be of an uncertain submission, got {task_id!r} for {found or record!r}"
            )
        return self._ledger.task_of(found)

    async def dismiss(self, record: Record | Task[Any]) -> bool:
        """Give up a submission that is unfinished; its key is free again.

        False if it has ended meanwhile, or if a record is not what it was any more, say because its callback has come.
        Should that come later, it is taken as news.
        """
        return await self._intents.dismiss(record.ref, record.state if isinstance(record, Record) else None)

    # ---- files ---------------------------------------------------------------------------------------------------

    async def download(self, result: Result, folder: str | os.PathLike[str]) -> list[Path]:
        """Save every file of a result (audio and cover of each track) and return their paths.

        Files are named after their titles and never replace another track's. A dead link is looked up anew. When
        some cannot be saved the others still are, and DownloadFailed tells which.
        """

        from .files import downloads

        self._sender.check_open()
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
        return await self._sender.hand_in(source, "source", name, folder, progress)

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
        """Take a callback that you vouch for, as it is; True if it was news for a task that somebody here holds.

        The store is told soon, and through it who waits in other processes.
        """
        task = self._tasks.get(callback.task_id)
        if task is None:
            self._inbox.keep(callback.task_id, Letter(callback, Proof.TOKEN))
            self._ledger.note_callback(callback)
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
        return Proofs(self._secrets if given_out else (), self._webhook_keys)

    async def bind(self, task_id: str, token: Token) -> Proof:
        """How far a genuine token proves a callback of this task. StoreError if that can't be found out."""
        return await self._inbox.bind(task_id, token)

    async def first_to_tell(self, task_id: str, stage: Stage) -> bool:
        """Whether no other process has told its hook of this stage."""
        return await self._ledger.first_to_tell(task_id, stage)

    async def take(self, letter: Letter) -> Decision:
        """Take a callback from a receiver. StoreError if it must be kept and cannot be."""
        return await self._inbox.take(letter)

    # ---- looks ---------------------------------------------------------------------------------------------------

    def _address_of(self, kind: type[Request[Any]], ref: str) -> str:
        """Where news of a submission shall go; the jobs route wants no address from those who have none."""
        if self.callback_url == NOWHERE:
            return "" if self.provider.uses_jobs_api(kind) else NOWHERE
        number = kind.token_id if BY_TOKEN_ID.get(kind.token_id) is kind else 0  # a class of one's own inherits it
        return tokens.addressed(self.callback_url, tokens.issue(self._secrets[0], number, ref))

    async def _look(self, task: Task[R]) -> Update[R]:
        if not task.id:
            return await self._ledger.look(task)
        page, query = self.provider.details(task.kind), self.provider.query(task.kind)
        reply = await self._transport.send("GET", f"{self._base}{page}?{query}={quote(task.id, safe='')}")
        return details.update(reply, task.kind, self.provider, task.id, task.model)

    def _pace_for(self, task: Task[Any]) -> Pace:
        if not task.id:
            return UNSETTLED
        # With a shared store another process may be the one that receives.
        called = self.callback_url != NOWHERE and (bool(self._receivers) or self._ledger.shared)
        return task.pace or self._pace or pace_of(task.kind, called=called)

    # ---- opening and closing -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None]:
        """For web frameworks: `FastAPI(lifespan=suno.lifespan)` closes the client with the application."""
        async with self:
            yield

    async def aclose(self) -> None:
        """Stop looking and let go of the connections, after the submits that are under way; whoever waits is told."""
        self._sender.close()
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(asyncio.current_task()))
        with anyio.CancelScope(shield=True):  # who leaves by cancellation, of either kind, closes all the same
            await asyncio.shield(self._closing)

    async def _close(self, closer: asyncio.Task[Any] | None) -> None:
        await self._poller.aclose()
        try:
            await self._sender.finish()
            await self._inbox.aclose()
            for receiver in list(self._receivers):
                await receiver.aclose(closer)
            self._intents.close()
            await self._ledger.aclose()
            await self._backlog.aclose()
            if self._own_store:
                await self._ledger.store.aclose()
        finally:
            await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<SunoClient {self.provider.name} {self._poller.waiting} waited for>"


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


def _check_task_id(task_id: str) -> None:
    if not isinstance(task_id, str) or not task_id.strip() or not _encodes(task_id):
        raise ConfigurationError(f"task_id must be text, not empty, got {task_id!r}")


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
