"""The public face: each method is a line or two of delegation."""

import math
import os
import time
from asyncio import CancelledError
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from copy import copy
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from msgspec.structs import replace

from .api import pricing
from .api.providers import Provider
from .api.requests import (
    AddInstrumental,
    AddVocals,
    BoostStyle,
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
)
from .api.updates import Update
from .errors import ConfigurationError, TaskTimeout
from .files.fetching import MAX_BYTES
from .files.links import FreshLinks, Gateway
from .files.uploads import FOLDER, Progress, UploadSource
from .files.wanted import Saveable
from .http.base import Transport
from .http.network import Network
from .http.request_events import OnRequest
from .lifecycle import Lifecycle
from .log import fields, log
from .methods import calls, submits
from .preview import Preview, preview
from .secret import hidden, hidden_values
from .settings import Settings, check_callable, check_task_id, log_as_asked, seconds_of
from .status import Status
from .stores.base import Store
from .stores.record import Record
from .submissions.calls import answered_at_once
from .submissions.hooks import Observer, OnExpiring
from .submissions.options import NO_OPTIONS, OnQueued, Options, check_options
from .tasks.batch import Outcome, Plan, outcomes
from .tasks.pace import Pace
from .tasks.task import Task
from .webhooks.receiver import Receiver, check_receiver
from .webhooks.verdict import LIMIT
from .webhooks.verification import FRESHNESS
from .wire.callbacks import Callback

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import BaseConnector, ClientSession, ClientTimeout, Fingerprint, TraceConfig

    from .archive import Archive
    from .submissions.events import UpdateEvents

__all__ = ["SunoClient"]

R = TypeVar("R")


class SunoClient:
    """A client of one gateway, with one key.

    It is opened by its first use and closed by `aclose()` or `async with`. While nobody waits for a task it does
    nothing. It works in a process that runs several event loops one after the other (`asyncio.run` again and again):
    what belongs to a closed loop is made anew. In two living loops, in two threads and in a child process forked from
    a living loop it raises a ConfigurationError before anything is sent.

    The environment variable SUNO_LOG (debug, info, warning or error) writes log lines to stderr (docs/logging.md).

    Args:
        api_key: Key of the gateway, or several: the first is sent, and callback tokens made with any of them are
            accepted, so that a key can be replaced while callbacks are under way (default: environment variable
            SUNO_API_KEY, separated by commas).
        account: Name of the account in a store that several accounts share, at most 64 letters, digits, ".", "_" and
            "-". Idempotency keys, unfinished tasks and rate limits are told apart by it and not by the key (default:
            "default"; environment: SUNO_ACCOUNT).
        provider: "kie" (default), "kie-jobs", "kie-legacy", "sunoapi", "apikley" or a Provider (environment:
            SUNO_PROVIDER).
        base_url: Another address of the API and of the upload host, for example of an emulator (environment:
            SUNO_BASE_URL; default: the provider's).
        model: Model of jobs that name none (default: the provider's: V6, at apikley V5, at kie-legacy V5_5).
        callback_url: Address where the service shall post callbacks. Each submission gets an address of its own, with
            a token in the query or where `{token}` stands (default: none, the client only polls).
        callback_secret: What callback tokens are made with; of several the first makes them and all are accepted
            (default: derived from the key; environment: SUNO_CALLBACK_SECRET, separated by commas).
        webhook_key: Key of KIE's signatures, one or several (environment: SUNO_WEBHOOK_KEY; default: none).
        pace: How often tasks are polled (default: by the kind of job).
        store: Where submissions are written down: a Store, which is not closed with the client, or its address, as
            sqlite:///songs.db, redis://host or postgresql://host/database (environment: SUNO_STORE; default: in memory,
            lost with the process).
        retention: How long the store keeps a record that has ended and is marked as delivered, and its idempotency
            key: seconds or a timedelta. Older ones are removed once an hour (default: all are kept).
        on_expiring: Function or coroutine function, called with each complete task whose files the service will remove
            soon, in one of all processes with the same store. The default store knows the tasks of this process only
            (default: none).
        expiring_within: How long before the removal `on_expiring` is called: seconds or a timedelta (default: one day).
        on_update: `on_update(update, record)`, a function or coroutine function, called in this process for each stage
            of each task that this client submitted, attached, resumed or had a callback of. These are polled until they
            end, whether or not somebody awaits them. Other tasks in a shared store are not polled for it: it is called
            when another process writes a stage to the store, and may miss a stage that the next one follows at once.
            What it raises is logged. The `on_update` of a `receiver` is called in one process only (default: none).
        on_request: Function or coroutine function, called with a RequestEvent after each request to the API. What it
            raises is logged; of a coroutine function 1000 calls may be under way, more are left out (default: none).
        validate: Check each job against the limits of the gateway's pages before it is sent. False sends it anyway
            (default: True).
        session: An `aiohttp.ClientSession` for polls, reads and downloads; it is not closed with the client, and the
            key is not left in it. It belongs to its event loop; a function that makes one may be given instead, and
            is called once more for paid requests.
        connector: An aiohttp connector for the same, as `session`.
        proxy: Address of an HTTP proxy, with user and password if it wants them (environment: SUNO_PROXY; default:
            see `trust_env`). It is used for downloads, too.
        ssl: An `ssl.SSLContext`, as for a private CA, or an aiohttp Fingerprint; False checks no certificate
            (default: True, the system's CAs, or those that OpenSSL finds by SSL_CERT_FILE).
        paid_through_session: Paid requests leave through the session or connector that was given, too. They may be
            lost on a connection that the other side has closed, and are uncertain then (default: False, they have
            connections of their own with the same proxy and ssl).
        trust_env: Use the proxies of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, except for loopback addresses.
            Nothing else is read: ~/.netrc never (environment: SUNO_TRUST_ENV; default: True, but False with
            `session`, `connector` or `proxy`).
        timeout: Seconds for one request to the API, and for which an upload or download may stand still; or an
            `aiohttp.ClientTimeout`, whose `total` counts for the API only (environment: SUNO_TIMEOUT in seconds;
            default: 20 for reads, 60 for the others, 600 if they have more than a megabyte; 120 without progress of
            an upload, 60 of a download, 15 to connect).
        max_retries: How often a request is sent again after a lost connection or a server error; a paid one only if
            it created nothing. Not counted are refusals as too fast, which wait for the rate window, and polls of
            tasks that are waited for, which go on until patience ends. An untrusted certificate and an unknown name
            end at once (environment: SUNO_MAX_RETRIES; default: 3, with pauses of 7 s in all at most).
        drain: How long `aclose`, the end of `async with` and `lifespan` wait for what is under way and what is awaited:
            seconds or a timedelta (default: 0, whoever waits gets a ConfigurationError at once). See `aclose`.
        fair_by: Function that returns the group of a submit from its context: `lambda context: context["user"]`. Groups
            take turns where submits wait for the rate window, so that one user's batch does not delay the single song
            of another. Submits without a context are one group, and it is not called for them (default: equal contexts
            are one group). See docs/queue.md.
        headers: Headers of all requests with the key: API and uploads, but not downloads, since they may be secret
            (environment: SUNO_HEADERS as name=value,name=value, percent-encoded; default: none).
        app_info: Name and version of your program, added to the User-Agent of all requests (environment:
            SUNO_APP_INFO as my-bot/1.2; default: none).
        trace_configs: `aiohttp.TraceConfig`s of the sessions that the client makes. They see all headers, with the
            key (default: none).
        transport: Your own network, a `Transport`, in the place of all these but `max_retries` (default: aiohttp).
        clock: Returns Unix seconds, for tests (default: time.time).

    Raises:
        ConfigurationError: One of them cannot be used.
    """

    # State: none of its own; the parts of the running event loop are the Lifecycle's.

    def __init__(
        self,
        *,
        api_key: str | Sequence[str] | None = None,
        account: str | None = None,
        provider: str | Provider | None = None,
        base_url: str | None = None,
        model: str | None = None,
        callback_url: str | None = None,
        callback_secret: str | Sequence[str] | None = None,
        webhook_key: str | Sequence[str] | None = None,
        pace: Pace | None = None,
        store: Store | str | None = None,
        retention: timedelta | float | None = None,
        on_expiring: OnExpiring | None = None,
        expiring_within: timedelta | float = timedelta(days=1),
        on_update: Observer | None = None,
        on_request: OnRequest | None = None,
        validate: bool = True,
        session: "ClientSession | Callable[[], ClientSession] | None" = None,
        connector: "BaseConnector | Callable[[], BaseConnector] | None" = None,
        proxy: str | None = None,
        ssl: "SSLContext | Fingerprint | bool" = True,
        paid_through_session: bool = False,
        trust_env: bool | None = None,
        timeout: "float | ClientTimeout | None" = None,
        max_retries: int | None = None,
        drain: timedelta | float = 0.0,
        fair_by: Callable[[Any], Hashable] | None = None,
        headers: Mapping[str, str] | None = None,
        app_info: tuple[str, str] | None = None,
        trace_configs: "Sequence[TraceConfig]" = (),
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        # From here on the frames of a traceback do not show them.
        api_key, callback_secret, webhook_key = hidden(api_key), hidden(callback_secret), hidden(webhook_key)
        proxy, sent_with_all = hidden(proxy), hidden_values(headers or {})
        log_as_asked()
        self._settings = Settings.of(
            api_key=api_key,
            account=account,
            provider=provider,
            base_url=base_url,
            model=model,
            callback_url=callback_url,
            callback_secret=callback_secret,
            webhook_key=webhook_key,
            pace=pace,
            store=store,
            validate=validate,
            retention=retention,
            on_expiring=on_expiring,
            expiring_within=expiring_within,
            drain=drain,
            on_update=on_update,
            on_request=on_request,
            transport=transport,
            network=Network(
                session,
                connector,
                proxy,
                ssl,
                paid_through_session,
                trust_env=trust_env,
                timeout=timeout,
                headers=sent_with_all,
                app_info=app_info,
                trace_configs=tuple(trace_configs),
            ),
            max_retries=max_retries,
            fair_by=fair_by,
            clock=clock,
        )
        self._lifecycle = Lifecycle(self._settings)
        self._options = NO_OPTIONS

    @property
    def provider(self) -> Provider:
        """The gateway."""
        return self._settings.provider

    @property
    def model(self) -> str:
        """The model of jobs that name none."""
        return self._settings.model

    @property
    def callback_url(self) -> str:
        """Where the service is asked to post callbacks; empty if there is no such address."""
        return self._settings.callback_url

    @property
    def store(self) -> Store:
        """Where submissions are written down."""
        store: Store = self._settings.store
        return store

    def with_options(
        self,
        *,
        key: str = "",
        context: Any = None,
        pace: Pace | None = None,
        timeout: "float | ClientTimeout | None" = None,
        max_retries: int | None = None,
        priority: int | None = None,
        on_queued: OnQueued | None = None,
    ) -> Self:
        """Return the same client with options for what is sent through it: `suno.with_options(key="order-42")`.

        It shares everything with this client, costs nothing to make, and has all its methods. Closing one closes both.
        An argument of a method comes before an option, and an option before what the client was made with. The
        options count for `submit`, `run`, `map`, `upload` and the method of each endpoint; nothing else is changed.
        What is left out stays as an earlier `with_options` has set it; to have none, start from the client itself.

        Args:
            key: Idempotency key of one job, as in `submit`: used twice with the same job it gives the same task, and
                with another job it is an InvalidJob. A call that may be charged and makes no task is an InvalidJob,
                too. `map` takes a function that makes keys, and refuses this one (default: none).
            context: What `task.context` shall be, as in `submit`; in `map` it is that of each task (default: none).
            pace: How often the tasks are polled (default: the client's, or by the kind of job).
            timeout: Seconds that one attempt to submit or call may take, or an `aiohttp.ClientTimeout`, as of the
                client. Polls have the client's, and a `transport=` of your own has its own (default: the client's).
            max_retries: How often an attempt that failed is repeated, if that is harmless (default: the client's).
            priority: Who is sent first of those who wait for the rate window, from -100 to 100: the higher. One of five
                places goes to lower ones that wait, too (default: 0).
            on_queued: Called with the place in the queue for the rate window, 1 being next, when the submit has to
                wait and whenever that changes: a function or coroutine function. It is never called after the submit
                was sent. What it raises is logged (default: none).

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        options = Options(
            key=key,
            context=context,
            pace=pace,
            timeout=timeout,
            max_retries=max_retries,
            priority=priority,
            on_queued=on_queued,
        )
        check_options(options)
        view = copy(self)
        view._options = options.over(self._options)
        return view

    def _without_options(self) -> Self:
        """The same client for what a download asks for, which no key or context was given for."""
        view = copy(self)
        view._options = NO_OPTIONS
        return view

    # ---- a method for each endpoint ------------------------------------------------------------------------------

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

    async def submit(
        self,
        job: Job[R],
        *,
        pace: Pace | None = None,
        key: str = "",
        context: Any = None,
        priority: int | None = None,
        on_queued: OnQueued | None = None,
    ) -> Task[R]:
        """Send a job and return its task as soon as the service has accepted it.

        Waits for a free place in the rate limit, and again when the service refuses for rate or maintenance. The
        request is never sent twice if the first could have been accepted. A caller that is cancelled while it is
        under way leaves it to finish; its task id is logged.

        Args:
            job: The job.
            pace: How often its task is polled (default: the client's, or by the kind of job).
            key: Idempotency key. Of several submits with the same key only one is sent, and all get its task: now,
                after a restart and, with a shared store, on another machine (default: none).
            context: What `task.context` shall be, after a restart, too; what JSON can hold.
            priority: Who is sent first of those who wait: the higher, as in `with_options` (default: 0).
            on_queued: Called with the place in the queue, as in `with_options` (default: none).

        Raises:
            InvalidJob: The job or the key cannot be used, or the key is another job's. Nothing was sent.
            StoreError: It could not be written down. Nothing was sent.
            ApiError: The service refused.
            SubmissionUncertain: The answer was lost; the job may have been charged.
        """
        options = Options(key=key, context=context, pace=pace, priority=priority, on_queued=on_queued)
        options = options.over(self._options)
        return await self._lifecycle.current().submitter.submit(job, options)

    async def run(self, request: Request[R], *, key: str = "", context: Any = None, priority: int | None = None) -> R:
        """Send a job or a call and return its result.

        Args:
            request: The job or call.
            key: As in `submit`; of no use for a call that is answered at once.
            context: As in `submit`.
            priority: As in `submit`.

        Raises:
            SunoError: What `submit` and awaiting the task raise. Who is cancelled after the submit, or whose patience
                ends, finds the task's id in the log and in the notes of the exception; the task goes on.
        """
        options = Options(key=key, context=context, priority=priority).over(self._options)
        runtime = self._lifecycle.current()
        if answered_at_once(request, self.provider):
            return await runtime.calls.run(request, options)
        task = await runtime.submitter.submit(request, options)
        try:
            return await task
        except (CancelledError, TaskTimeout) as exc:
            kind, extra = task.kind.__name__, fields("left", task.id, task.ref, kind=task.kind.__name__)
            log.warning("run was left before its task ended: %s, task %s", kind, task.id, extra=extra)
            exc.add_note(f"task {task.id} goes on at the service: client.attach({task.kind.__name__}, {task.id!r})")
            raise

    def attach(self, kind: type[Request[R]], task_id: str) -> Task[R]:
        """Return the handle of a task whose id is known; an existing one, if there is one. Sends nothing.

        Args:
            kind: The class of the job, for example GenerateMusic.
            task_id: The service's id of the task.

        Raises:
            ConfigurationError: The kind is no class of a request, or the id is empty.
        """
        if not (isinstance(kind, type) and issubclass(kind, Request)):
            raise ConfigurationError(f"kind must be the class of a job, for example GenerateMusic, got {kind!r}")
        check_task_id(task_id)
        task = self._lifecycle.registry.attach(kind, task_id)
        self._lifecycle.follow(task)
        return task

    def map(
        self,
        jobs: Iterable[Job[R]] | AsyncIterable[Job[R]],
        *,
        concurrency: int = 40,
        key: Callable[[Job[R]], str] | None = None,
        budget: float | None = None,
        prices: Mapping[type[Request[Any]], float] | None = None,
        attempts: int = 1,
        on_update: Observer | None = None,
    ) -> AsyncGenerator[Outcome[R], None]:
        """Run many jobs and yield each outcome as it comes; a job that fails is an outcome like any other.

        Leaving the loop stops the rest. Jobs that the service has accepted by then go on there; their ids are logged.
        After InsufficientCredits or Unauthorized nothing more is sent, and the outcome of each remaining job is such an
        error.

        Args:
            jobs: The jobs. The next one is taken only when there is room for it.
            concurrency: How many jobs may be under way, or finished and not yet taken, at once (default: 40).
            key: Makes the idempotency key of each job, so that the same loop can be run again after a restart. With a
                budget, jobs that were paid before count, too.
            budget: Credits that all jobs together may cost. A job is not sent if it could exceed them, together with
                all that are unfinished, or if its price is not known: its outcome is BudgetExceeded (default: None, no
                limit).
            prices: Credits that a job costs, by its class; the price list is used for the others (default: none).
            attempts: How often a job is sent at most. It is sent again if it failed and its credits were given back,
                unless its words or audio were refused (default: 1).
            on_update: `on_update(update, record)`, a function or coroutine function, called for each stage of each task
                of this map. What it raises is logged (default: none).
        """
        check_callable("on_update", on_update)
        for kind, credits in (prices or {}).items():
            if isinstance(credits, bool) or not isinstance(credits, int | float) or not 0 <= credits < math.inf:
                raise ConfigurationError(f"prices[{kind.__name__}] must be a number of credits, got {credits!r}")

        if self._options.key and key is None:
            raise ConfigurationError("with_options(key=…) is the key of one job; for map, give map(…, key=function)")

        options = replace(self._options, key="")
        told: WeakSet[Task[R]] = WeakSet()

        def submit(job: Job[R], attempt: int, check: Callable[[], None]) -> Awaitable[Task[R]]:
            name = key(job) if key is not None else ""
            if name and attempt > 1:
                name = f"{name} (attempt {attempt})"
            runtime = self._lifecycle.current()
            sending = runtime.submitter.submit(job, replace(options, key=name) if name else options, check)
            return sending if on_update is None else tell_of(sending, on_update, runtime.events)

        async def tell_of(sending: Awaitable[Task[R]], observer: Observer, events: "UpdateEvents") -> Task[R]:
            task = await sending  # the client may be closed by now, and the task was paid
            if task not in told:  # two jobs with one key have one task
                told.add(task)
                events.call_for(task, observer)
            return task

        def price(job: Job[R]) -> float | None:
            stated = [prices[kind] for kind in type(job).__mro__ if kind in prices] if prices else []
            return stated[0] if stated else self.estimate(job)

        return outcomes(submit, jobs, concurrency, Plan(price, budget, attempts))

    def estimate(self, request: Request[Any]) -> float | None:
        """Return what a job or call will cost, in credits, by KIE's price list; None if no price is known.

        Where two reports differ it is the higher one. A failed music job gives its credits back. Sends nothing.

        Args:
            request: The job or call.
        """
        return pricing.estimate(request, self.provider)

    def preview(self, request: Request[Any]) -> Preview:
        """Return a job or call as it would be sent, with its price and what is wrong with it. Sends nothing.

        It needs no event loop. Files of this machine are looked at and not uploaded.

        Args:
            request: The job or call.
        """
        return preview(request, self._settings, self._options)

    def check(self, request: Request[Any]) -> list[str]:
        """Return why a job or call would be refused before it is sent; an empty list if it would not be.

        The same as the `problems` of `preview`, also for a client with `validate=False`. Sends nothing.

        Args:
            request: The job or call.
        """
        return [str(problem) for problem in self.preview(request).problems]

    # ---- restarts and other processes ----------------------------------------------------------------------------

    async def find(self, task_id: str = "", *, key: str = "") -> Task[Any] | None:
        """Return the task of a submission with the stage and result that the store knows; None if it knows none.

        For pages that show how far a task is, in any process with the same store: `task.stage`, `task.last`. If the
        task has ended, `task.done()` is True and `task.result()` is its result. The store is read once and the service
        is not asked. The task is polled only if somebody waits for it.

        Of a complete task whose record was erased (`Store.erase`) the result is not known here: it is PENDING. Whoever
        awaits it gets the result from the service, for as long as that keeps it; the store does not keep it again.

        Args:
            task_id: The service's id of the task.
            key: The idempotency key of the submission, in the place of the id. A submission that has no task yet is
                found by its key, and its task has no id. One that was dismissed is not found.

        Raises:
            ConfigurationError: Neither or both were given, or one of them is no text.
            StoreError: The store cannot be read.
        """
        if task_id and key:
            raise ConfigurationError(f"give task_id or key, not both, got {task_id!r} and {key!r}")
        check_task_id(key or task_id, "key" if key else "task_id")
        return await self._lifecycle.current().recovery.find(task_id, key)

    async def resume(self) -> AsyncGenerator[Task[Any]]:
        """Yield the tasks of all unfinished submissions in the store, oldest first, with their contexts.

        They are read a few at a time, so there may be any number. A submission whose answer was lost is among them, and
        its task has no id. Awaiting it waits for its callback, and raises SubmissionUncertain if none can come.
        The observer of a `receiver` hears of the other tasks from now on, whether or not somebody awaits them.
        """
        async with aclosing(self._lifecycle.current().recovery.resume()) as tasks:
            async for task in tasks:
                self._lifecycle.follow(task)
                yield task

    async def results(self, since: datetime | float = 0.0) -> AsyncGenerator[Task[Any]]:
        """Yield all tasks that are complete or failed and are not marked as delivered.

        Args:
            since: Only those that ended at this time or later: Unix seconds, or a datetime with its zone.
        """
        moment = since.timestamp() if isinstance(since, datetime) else since
        async with aclosing(self._lifecycle.current().recovery.results(moment)) as tasks:
            async for task in tasks:
                yield task

    async def expiring(self, within: timedelta | float = timedelta(days=1)) -> AsyncGenerator[Task[Any]]:
        """Yield the complete tasks whose files the service will remove soon, delivered or not; save them now.

        The service keeps files for 14 days, those of upload-cover for 15.

        Args:
            within: Only those whose files will be gone in this time: seconds or a timedelta (default: one day).

        Source: docs/service.md#retention
        """
        seconds = seconds_of("within", within)
        tasks = self._lifecycle.current().recovery.expiring(seconds, self._settings.clock())
        async with aclosing(tasks):
            async for task in tasks:
                yield task

    async def mark_delivered(self, task: Task[Any] | Record) -> bool:
        """Note that your program has handed the result on. Return True for the first call of all processes.

        Call it before you hand the result on, and it is handed on once at most; call it afterwards, once at least.
        """
        task_id = task.task_id if isinstance(task, Record) else task.id
        return await self._lifecycle.current().journal.mark_delivered(task.ref, task_id)

    async def uncertain(self) -> AsyncGenerator[Record]:
        """Yield the submissions whose answer was lost, for a person to decide about: `adopt` or `dismiss`.

        A submission of a process that was killed while it waited for the answer is among them after 10 seconds.
        """
        async with aclosing(self._lifecycle.current().recovery.uncertain()) as records:
            async for record in records:
                yield record

    async def adopt(self, record: Record, task_id: str) -> Task[Any]:
        """Say which task came of an uncertain submission, as the account's page shows it; return its handle.

        Raises:
            ConfigurationError: Another task is known to have come of it, or the id is empty.
        """
        check_task_id(task_id)
        task = await self._lifecycle.current().recovery.adopt(record, task_id)
        self._lifecycle.follow(task)
        return task

    async def dismiss(self, record: Record | Task[Any]) -> bool:
        """Give up a submission that is unfinished; its key is free again.

        Return False if it has ended meanwhile, or if its record has changed, for example because its callback has come.
        A callback that comes later is taken like any other.
        """
        seen = record.state if isinstance(record, Record) else None
        return await self._lifecycle.current().recovery.dismiss(record.ref, seen)

    # ---- files ---------------------------------------------------------------------------------------------------

    async def download(
        self,
        result: Saveable,
        folder: str | os.PathLike[str],
        *,
        only: str | None = None,
        progress: Progress | None = None,
        max_bytes: int = MAX_BYTES,
        recover: bool = False,
    ) -> list[Path]:
        """Save every file of a result (audio and cover of each track) and return their paths.

        Files are named after their titles and never replace another track's. An error page in the place of a file is
        not saved. If the host does not serve a file yet, the client waits for it up to a minute, unless the track is
        known to be older than an hour. Meanwhile it tries the file's other addresses: that of a fresh poll and, at KIE,
        the upstream one and one of `get_download_url`. A broken transfer is kept as `….part` and continued, also by
        another call, if the host can continue it.

        Args:
            result: What awaiting a task returned, or a part of it: a track, a stem, a File.
            folder: Where to save; made if it is not there.
            only: Kind of files to save: audio, image or video (default: all).
            progress: Called with the bytes saved so far and, once that is known, all there are.
            max_bytes: Largest file in bytes (default: 2147483648 = 2 GiB).
            recover: Ask the service to restore audio that has no address any more, once for a task. That is a
                submission whose price is not known (default: False).

        Raises:
            DownloadFailed: Some files could not be saved; the others are.
        """
        from .files import downloads  # loaded by those who save files

        runtime = self._lifecycle.current()
        async with self._lifecycle.downloading(result) as done:
            with runtime.downloads:
                paths = await downloads.save(
                    result,
                    folder,
                    runtime.transport,
                    FreshLinks(result, self._lifecycle.registry),
                    gateway=Gateway(self.provider, self._without_options(), recover=recover),
                    only=only,
                    progress=progress,
                    max_bytes=max_bytes,
                    clock=self._settings.clock,
                    max_retries=self._settings.max_retries,
                )
            done.files = len(paths)
        return paths

    async def read(self, result: Saveable, *, progress: Progress | None = None, max_bytes: int = MAX_BYTES) -> bytes:
        """Return the audio of a track, or the only file of another result, as bytes. See `stream`."""
        async with aclosing(self.stream(result, progress=progress, max_bytes=max_bytes)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def stream(
        self, result: Saveable, *, progress: Progress | None = None, max_bytes: int = MAX_BYTES
    ) -> AsyncGenerator[bytes]:
        """Yield the audio of a track, or the only file of another result, as it arrives.

        A track that is not ready (stages TEXT and FIRST) is played from the address of its stream, which may serve
        nothing. Addresses are tried, waited for and continued as by `download`. Leave it with `aclosing` if you do not
        read to the end.

        Args:
            result: A track, a stem, a File, or a result with one file.
            progress: Called with the bytes that have arrived and, if that is known, all there are.
            max_bytes: Largest file in bytes (default: 2147483648 = 2 GiB).

        Raises:
            ConfigurationError: The result has no file, or several.
            DownloadFailed: It could not be fetched, or not be continued where it broke off.
        """
        from .files import downloads
        from .files.wanted import playable

        one = playable(result)
        runtime = self._lifecycle.current()
        chunks = downloads.stream(
            one,
            runtime.transport,
            FreshLinks(result, self._lifecycle.registry),
            gateway=Gateway(self.provider, self._without_options()),
            progress=progress,
            max_bytes=max_bytes,
            clock=self._settings.clock,
            max_retries=self._settings.max_retries,
        )
        async with self._lifecycle.downloading(result) as done:
            done.size = 0
            with runtime.downloads:
                async with aclosing(chunks):
                    async for chunk in chunks:
                        done.size += len(chunk)
                        yield chunk
            done.files = 1

    def archive(
        self,
        folder: str | os.PathLike[str],
        *,
        concurrency: int = 8,
        timed_lyrics: bool = False,
        max_bytes: int = MAX_BYTES,
        recover: bool = False,
    ) -> "Archive":
        """Return an archive: `await archive.save(task)` keeps a task in a folder that is complete on its own.

        Audio has tags: title, style, lyrics, cover, model and ids. The next call continues what was interrupted; files
        that are there are checked and not fetched again. This method sends nothing. See docs/archive.md.

        Args:
            folder: Where the folders of tasks are: a path, or an address that fsspec knows, as s3://bucket/songs.
            concurrency: How many files, and of `save_all` how many tasks, are worked on at once (default: 8).
            timed_lyrics: Ask `get_timestamped_lyrics` once for each track that is sung, for `.lrc` files and
                synchronized lyrics. It may cost credits (default: False).
            max_bytes: Largest file in bytes (default: 2147483648 = 2 GiB).
            recover: Ask the service to restore audio that has no address any more, as in `download` (default: False).

        Raises:
            ConfigurationError: One of them cannot be used, or the extra is missing: pip install 'suno-async[archive]'.
        """
        from .archive.archive import Archive, ArchiveSettings  # loaded by those who use it

        options = ArchiveSettings(concurrency, timed_lyrics, max_bytes, recover)
        return Archive(folder, self._lifecycle, self._settings, self._without_options(), options)

    async def upload(
        self, source: UploadSource, *, name: str | None = None, folder: str = FOLDER, progress: Progress | None = None
    ) -> str:
        """Upload a file and return its address, ready for `upload_cover` and its sisters. Free; kept for 3 days.

        Args:
            source: An http(s) address, a Path, bytes, an open file, or an async iterator of bytes. What has a `read`,
                sync or async, is an open file: an `UploadFile`, a BytesIO, a Discord attachment. Files and iterators
                are streamed; text is never taken for a path.
            name: File name with suffix (default: the file's own with some digits added, since the same name
                overwrites; if it has none, random).
            folder: Folder on the upload host, without slashes at its ends.
            progress: Called with the bytes sent and, if that is known, all there are; not for addresses, which the
                service fetches.

        Raises:
            InvalidJob: There is nothing to send, or it cannot be read.
            ConfigurationError: No upload host of this gateway is known.

        Source: https://docs.kie.ai/file-upload-api/quickstart
        """
        calls = self._lifecycle.current().calls
        return await calls.upload(source, "source", name, folder, progress, self._options)

    # ---- events --------------------------------------------------------------------------------------------------

    async def updates(self, *, limit: int = 1000) -> AsyncGenerator[Update[Any]]:
        """Yield each new stage of every task, for dashboards and server-sent events, until the client is closed.

        They are the stages of this client's tasks and, with a shared store, those that other processes write to it.
        Reading causes no polls: await the tasks, or set `on_update`, to have them polled. Updates from before the first
        step of the loop are not read, and some may be missing after the connection to the store broke. Leave it with
        `aclosing` if you do not read to the end.

        Args:
            limit: Updates that may wait to be read. A reader that is slower gets these, then the error (default: 1000).

        Raises:
            UpdatesMissed: The reader was too slow; `count` says how many updates it missed.
            ConfigurationError: The client is closed, or the limit is below 1.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigurationError(f"limit must be a number of updates, at least 1, got {limit!r}")
        async with aclosing(self._lifecycle.current().events.read(limit)) as updates:
            async for update in updates:
                yield update

    # ---- callbacks -----------------------------------------------------------------------------------------------

    def receiver(
        self,
        *,
        on_update: Observer | None = None,
        confirm: bool = False,
        limit: int = LIMIT,
        freshness: float = FRESHNESS,
    ) -> Receiver:
        """Return a receiver of callbacks for this client, for any web framework.

        Args:
            on_update: `on_update(update, record)`, a function or coroutine function, called once for each new stage
                of each task that was submitted, resumed or had a verified callback in this process, whether or not
                somebody awaits it. Of several processes with the same store, one calls it. What it raises is logged.
            confirm: Use no callback as a result: even a verified one only makes the client poll (default: False).
            limit: Largest body in bytes (default: 1 MiB).
            freshness: Seconds by which the time of a signature may differ from ours (default: 300 = 5 minutes).

        Raises:
            ConfigurationError: The client is closed, or one of them cannot be used.
        """
        if self._lifecycle.closed:
            raise ConfigurationError("the client is closed")
        check_receiver(on_update, limit, freshness)
        self._lifecycle.receives(on_update)
        return Receiver(
            self._lifecycle,
            self._settings.proofs,
            confirm=confirm,
            limit=limit,
            freshness=freshness,
            clock=self._settings.clock,
        )

    def feed(self, callback: Callback) -> bool:
        """Apply a callback that you have verified yourself. Return True if it was new for a task of this process.

        It is written to the store soon, and processes that wait for the task hear of it from there.
        """
        dispatcher = self._lifecycle.current().dispatcher
        if (task := self._lifecycle.registry.find(callback.task_id)) is not None:
            self._lifecycle.follow(task)
        return dispatcher.feed(callback)

    def nudge(self, task_id: str) -> None:
        """Poll a task at once, if somebody waits for it; for news of it that you do not trust."""
        self._lifecycle.current().dispatcher.nudge(task_id)

    # ---- health --------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Return what the client does at present, for a health page: `suno.status().to_dict()`.

        It asks neither the service nor the store, costs microseconds, and may be called from any thread and without an
        event loop.
        """
        return self._lifecycle.status()

    # ---- opening and closing -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def lifespan(self, app: object = None, *, drain: timedelta | float | None = None) -> AsyncGenerator[None]:
        """Close the client with a web application: `FastAPI(lifespan=suno.lifespan)`.

        Args:
            app: The application, as frameworks hand it in; it is not used.
            drain: As in `aclose` (default: the client's `drain=`).
        """
        try:
            yield
        finally:
            await self.aclose(drain=drain)

    async def aclose(self, app: object = None, *, drain: timedelta | float | None = None) -> None:
        """Stop polling and close the connections, after the submits that are under way.

        With `drain=60` the client drains first, for 60 seconds at most. A new submit raises ConfigurationError. Calls,
        downloads and submits that have begun go on, callbacks are taken, and observers are called. Tasks with a waiter
        or an observer are polled as often as without callbacks. The client closes when nothing of that is left, or when
        the time is over. Whoever still waits for a task then gets a ConfigurationError; with a store, other workers go
        on with that task at once. Cancelling the caller, or a second `aclose(drain=0)`, ends the draining.

        Args:
            app: Not used; frameworks such as Litestar hand their application to what they call at their end.
            drain: How long to wait: seconds or a timedelta (default: the client's `drain=`, which is 0 unless given).

        Raises:
            ConfigurationError: It is no duration, or the client is in use in another event loop that is still open.
        """
        seconds = self._settings.drain if drain is None else seconds_of("drain", drain)
        await self._lifecycle.aclose(seconds)

    async def __aenter__(self) -> Self:
        if self._settings.on_update is not None:
            self._lifecycle.current()  # it hears of other processes from now on
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        if not hasattr(self, "_lifecycle"):  # its settings were refused
            return "<SunoClient>"
        return f"<SunoClient {self.provider.name} {self._lifecycle.waited_for} waited for>"
