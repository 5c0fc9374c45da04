"""The emulator: a Suno provider on loopback."""

import math
import os
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from ..api.limits import Rate
from ..api.providers import KIE, Provider, provider_named
from ..api.updates import Stage
from ..client import SunoClient
from ..stores.memory import MemoryStore
from .account import Account
from .billing import Billing
from .callback_sender import CallbackSender, Posted, check_signing
from .clock import Clock
from .counts import Counts, Stats
from .endpoints import Endpoints, OwnEndpoints
from .fault_checks import check_fault
from .fault_plan import FaultPlan, Target
from .faults import EarlyCallback, Fail, Fault, ForgeCallback, RequestFault
from .ids import Ids
from .intake import Intake
from .interruptions import interrupted
from .loopback import CONTROL, guarded
from .media.songs import Composer
from .media_files import MediaCache, MediaFiles
from .middlewares import Seen, authorized, logged, noted
from .options import check_options
from .pace import pace_at
from .page import Page
from .rate_limits import RateLimits
from .registry import RunRegistry
from .routing import behind
from .runs import Run
from .state import Parts, StateFile, uploads_folder
from .status_pages import StatusPages
from .steps import Steps
from .uploads import Uploads

__all__ = ["Emulator"]

UNLIMITED: dict[str, Any] = {"submits": Rate(10_000, 1.0), "polls_per_second": 1000.0, "polls_at_once": 1000}
"""Limits of a provider whose limits are not enforced."""
SHUTDOWN = 1.0
"""How long requests that are not answered, as with `NoAnswer`, may hold up the end, in seconds."""


class Emulator:
    """A Suno provider on loopback, to develop and test against without a key, credits or waiting.

    It accepts and refuses requests as the service does, takes each task through its stages, posts callbacks, stores
    uploads, and serves files that players can open, for as long as the service keeps them. Nothing leaves the machine
    unless `callbacks_anywhere` is given. The files need the extra `emulator` (PyAV and NumPy). It is an async context
    manager::

        async with Emulator(speed=60) as emulator:
            async with SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
                music = await suno.run(GenerateMusic(prompt="rain"))

    Args:
        api_key: The key that requests must carry (default: "emulator-key").
        provider: The provider whose paths, fields, codes and limits it has, or its name (default: KIE). With KIE_JOBS
            it serves both the jobs API and the legacy API.
        speed: Seconds of its clock in one real second (default: 1.0); 0 lets the clock stand still, to be moved by
            `advance` only. With `math.inf` it moves to the next stage of a task whenever only polls wait, so that no
            time passes. The rate limits count in real time at any speed.
        port: The TCP port (default: 0, any free one).
        credits: The balance at the start (default: 1000.0).
        seed: Makes ids and durations repeatable, and other music and images of the same prompts (default: None, random
            ids, and music that depends on the prompt alone).
        webhook_key: Signs callbacks with this key as KIE does (default: "", no signature).
        endpoints: Request classes of your own, to be served beside the built-in ones (default: none); a class with the
            path of a built-in one replaces it. Each is served by what the class states: `path`, the types of its
            fields, `details`, `statuses`, `details_result_path`, `callback_result_paths`, `operation`. If its `result`
            is a built-in result or extends one, it is made as the built-in endpoints make it, at their price and with
            files. For any other `result` a sample is built from the type: URLs of generated files for text fields whose
            name contains "url", ids for those that end in "id", other values by type. To give the result yourself, use
            a mapping: `{Mine: MyResult(text="la")}`; a value is an instance of the result or JSON as the service
            spells it, and None stands for a built one.
        middlewares: aiohttp.web middlewares around every endpoint, as to add latency (default: none).
        state: File that keeps tasks, credits and uploads over a restart; the uploaded files are in a folder beside it
            (default: None, kept in memory). It is written a second after each change and when the emulator stops, and
            a balance in it is taken instead of `credits`. The emulator's clock goes on while it is stopped. Two
            emulators must not use one file at a time.
        media_seconds: How long generated music is at most, in seconds; what an extended track adds to its original
            counts by itself (default: None, as long as the service would make it: a song has 2 to 4 minutes or its
            `duration`, and takes about half a second to be encoded when it is first fetched).
        rate_limits: Whether the provider's limits of submits and polls are enforced, and kept by the clients of
            `client` (default: True).
        callbacks_anywhere: Whether callbacks are posted to other machines, too (default: False, to loopback addresses
            only; others are logged and left out).
        stats_anywhere: Whether `GET /__emulator/stats` is answered to other machines and under other host names, too,
            as behind a proxy on this machine (default: False).

    Raises:
        ValueError: If `speed` is negative, `media_seconds` is not positive, `credits` is not finite, `api_key` is empty
            or cannot be sent in a header, `port` or `state` is none, `webhook_key` is given for a provider whose
            signature is unknown, or no complete sample result can be built for one of `endpoints`.
        TypeError: If one of `endpoints` has no `path`.
        ConfigurationError: If no provider has that name.
    """

    # State, all of it: log and posted, what came and went; _port, the actual one while it runs; _runner, the server
    # while it runs. The parts keep the rest.

    def __init__(
        self,
        *,
        api_key: str = "emulator-key",
        provider: Provider | str = KIE,
        speed: float = 1.0,
        port: int = 0,
        credits: float = 1000.0,
        seed: int | None = None,
        webhook_key: str = "",
        endpoints: OwnEndpoints = (),
        middlewares: Iterable[Middleware] = (),
        media_seconds: float | None = None,
        rate_limits: bool = True,
        callbacks_anywhere: bool = False,
        stats_anywhere: bool = False,
        state: str | Path | None = None,
    ) -> None:
        provider = provider if isinstance(provider, Provider) else provider_named(provider)
        check_signing(webhook_key, provider)
        path = None if state is None else Path(state)
        check_options(api_key=api_key, port=port, credits=credits, media_seconds=media_seconds, state=path)
        self.api_key = api_key
        self.provider = provider
        self.log: deque[Seen] = deque(maxlen=100_000)
        """The requests so far, newest last."""
        self.posted: deque[Posted] = deque(maxlen=10_000)
        """The callbacks so far, newest last, from their first attempt on; without replayed and forged ones."""
        self._webhook_key = webhook_key
        self._rate_limits = rate_limits
        self._port = port
        self._runner: web.AppRunner | None = None
        ids, served = Ids(seed), Endpoints(provider, endpoints)
        limits = RateLimits(provider, enforced=rate_limits)
        composer = Composer("" if seed is None else str(seed), math.inf if media_seconds is None else media_seconds)
        cache = MediaCache()
        self._clock = Clock(speed)
        self._served = {*served}
        self._counts = Counts()
        self._faults = FaultPlan(seed)
        self._registry = RunRegistry(self._clock, ids, self._faults, composer)
        self._billing = Billing(credits, self._clock, self._counts)
        self._callbacks = CallbackSender(
            self._clock, webhook_key, self.posted, self._counts, anywhere=callbacks_anywhere
        )
        self._steps = Steps(self._clock, self._registry, self._callbacks)
        folder = None if path is None else uploads_folder(path)
        self._uploads = Uploads(served.legacy, ids, self._clock, composer, cache, folder)
        self._state: StateFile | None = None
        if path is not None:
            parts = Parts(served, self._clock, ids, self._registry, self._billing, self._callbacks, self._uploads)
            self._state = StateFile(path, parts)
        noting = [] if self._state is None else [noted(self._state.changed)]
        faulty = interrupted(self._faults, provider)
        around = [logged(self.log, self._counts), *noting, faulty, authorized(api_key), *middlewares]
        routes = [
            *Intake(served, limits, self._registry, self._billing, self._callbacks).routes(),
            *Account(served, self._faults, self._billing, self._uploads, self._clock).routes(),
            *StatusPages(served, limits, self._registry, self._clock, self._steps, self._counts).routes(),
            *MediaFiles(self._registry, self._clock, cache).routes(),
            *self._uploads.routes(),
            *Page(provider.name, self._registry, self._billing, self._callbacks, self.posted, self._clock).routes(),
            web.get(f"{CONTROL}stats", guarded(self._stats, anywhere=stats_anywhere)),
        ]
        self._routes = [*behind(around, routes)]

    # ---- state ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its base URL, for the client's `base_url`. In a browser it shows the tasks."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def runs(self) -> dict[str, Run]:
        """The tasks so far, by task id."""
        return self._registry.runs

    @property
    def credits(self) -> float:
        """The balance now. It can be set."""
        return self._billing.credits

    @credits.setter
    def credits(self, credits: float) -> None:
        self._billing.credits = credits

    @property
    def stats(self) -> Stats:
        """What it has done since it was made; `GET /__emulator/stats` gives the same as JSON."""
        now = self._clock.now()
        stages = Counter(run.state(now)[0].name for run in self.runs.values())
        return self._counts.stats(dict(stages), self.credits)

    async def _stats(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(self.stats), content_type="application/json")

    # ---- faults and time -----------------------------------------------------------------------------------------

    def script(self, target: Target, faults: Iterable[Fault | None]) -> None:
        """Plan faults for the next requests, one for each::

            emulator.script(GenerateMusic, [Refuse(430), None, Fail("SENSITIVE_WORD_ERROR")])
            emulator.script("/files/", [Slow(2)])

        Args:
            target: What they are for: a request class; None, any job or call, but for calls about credits, download
                links and uploads, which get only the faults that name their class; the beginning of a path; or a task
                id, for the requests that name the task. Faults of tasks, callbacks and files hit such a task at once,
                and the last one counts.
            faults: The faults in order; None stands for a request without a fault.

        Raises:
            ValueError: If a fault cannot happen at this target, the class is not served, or no endpoint has the
                status of a `Fail`.
            TypeError: If one of the faults is none, as the class `Fail` instead of `Fail()`.
            KeyError: If there is no such task.
        """
        faults = [*faults]
        self._check(target, faults)
        if isinstance(target, str) and target in self.runs:
            for fault in faults:
                if fault is not None and not isinstance(fault, RequestFault):
                    self.runs[target].misbehave(fault)
                    if isinstance(fault, Fail):
                        self._billing.expect_failure(self.runs[target])
            faults = [fault for fault in faults if fault is None or isinstance(fault, RequestFault)]
        self._faults.add(target, faults)

    def set_fault_rates(self, target: Target, rates: Mapping[Fault, float]) -> None:
        """Let faults happen by chance to requests for which none is scripted; with `seed` to the same ones each time.

        ::

            emulator.set_fault_rates(None, {Refuse(): 0.1, DropAfterAccepting(): 0.02})

        Args:
            target: What they are for, as in `script`; a task id takes faults of requests only.
            rates: The share of the requests that each fault happens to, from 0 to 1 and at most 1 together. They
                replace those that the target had; an empty mapping ends them.

        Raises:
            ValueError: If a share is wrong, or a fault cannot happen at this target.
            KeyError: If there is no such task.
        """
        self._check(target, rates)
        if target in self.runs and not all(isinstance(fault, RequestFault) for fault in rates):
            raise ValueError(f"only faults of requests have rates at a task, got {[*rates]}: script the others")
        self._faults.set_rates(target, rates)

    def _check(self, target: Target, faults: Iterable[Fault | None]) -> None:
        for fault in faults:
            check_fault(fault, self._served)
        if target is None:
            return
        if not isinstance(target, str):
            if target not in self._served:
                raise ValueError(f"{target.__name__} is not served by this emulator of {self.provider.name}")
            return
        if target.startswith("/"):
            if wrong := [fault for fault in faults if fault is not None and not isinstance(fault, RequestFault)]:
                raise ValueError(f"{wrong[0]} is no fault of a request to a path: name a request class or a task")
            return
        if target not in self.runs:
            raise KeyError(f"there is no task {target}; a path begins with /")
        if any(isinstance(fault, EarlyCallback | ForgeCallback) for fault in faults):
            raise ValueError("what happens when a task is accepted cannot be scripted for a task that there is already")

    def now(self) -> float:
        """The time of the emulator's clock, in seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> Awaitable[None]:
        """Move the emulator's clock forward, at once.

        Args:
            seconds: By how much, in seconds.

        Returns:
            What can be awaited until the consequences are there: callbacks that are due are answered, and at speed 0
            clients in this event loop that poll have seen where their tasks are now.
        """
        self._clock.advance(seconds)
        return _Awaited(self._steps.settle)

    # ---- callbacks from outside ----------------------------------------------------------------------------------

    async def replay(self, posted: Posted, *, age: float = 0) -> int:
        """Post a callback once more, byte for byte.

        Args:
            posted: The callback.
            age: If it was signed, sign it as if that had been so many seconds earlier (default: 0, as it was;
                negative: later).

        Returns:
            The HTTP status of the answer; 0 for none.
        """
        return await self._callbacks.replay(posted, age)

    async def forge(
        self,
        job: Run | str,
        stage: Stage,
        *,
        url: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Post what an attacker who knows the id of a task could post.

        Args:
            job: The run, or its task id.
            stage: The stage to report, reached or not.
            url: Where to (default: None, the job's callback address without its query, where a token would be; a token
                in the path stays).
            body: The body (default: None, the one that the emulator itself would post for this stage).
            headers: The headers (default: None, unsigned JSON).

        Returns:
            The HTTP status of the answer; 0 for none.

        Raises:
            KeyError: If there is no such task.
            ValueError: If the job has no callback address, or nothing is posted at this stage.
        """
        run = self.runs[job] if isinstance(job, str) else job
        return await self._callbacks.forge(run, stage, url, body, headers or {})

    # ---- a client ------------------------------------------------------------------------------------------------

    def client(self, **options: Any) -> SunoClient:
        """Return a client of this emulator, with its key, address and provider, and a pace that fits its speed.

        At speed 1000 a song takes less than half a second, and without a limit of speed a few milliseconds. The store
        is in memory, whatever SUNO_STORE says, so that tasks of the emulator never come among real ones.

        Args:
            options: Arguments of `SunoClient`; they replace these.

        Raises:
            ConfigurationError: If an option cannot be used.
        """
        provider = self.provider if self._rate_limits else self.provider.replace(**UNLIMITED)
        given: dict[str, Any] = {"api_key": self.api_key, "base_url": self.url, "provider": provider}
        given["pace"] = pace_at(self._clock.speed)
        if self._webhook_key:
            given["webhook_key"] = self._webhook_key
        if os.environ.get("SUNO_STORE"):
            given["store"] = MemoryStore()
        return SunoClient(**given | options)

    # ---- start and stop ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 20)
        app.add_routes(self._routes)
        self._runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
            self._port = self._runner.addresses[0][1]
            if self._state is not None:
                self._state.start(self.url)  # before the first request, since nothing was awaited
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._state is not None:  # while it is still known which callbacks are not posted
            await self._state.aclose(self.url)
        await self._callbacks.aclose()
        self._uploads.close()


class _Awaited:
    """What may be awaited or not; a coroutine that is not awaited would be a warning."""

    def __init__(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._function = function

    def __await__(self) -> Generator[Any, None, None]:
        return self._function().__await__()
