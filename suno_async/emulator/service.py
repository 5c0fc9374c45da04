"""The service on loopback, made from the table."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Self

import msgspec
from aiohttp import web

from ..api import providers
from ..api.providers import KIE, KIE_JOBS, Provider
from ..api.requests import TABLE, GetCredits, GetDownloadUrl, Job, Request, UploadBase64, UploadFromUrl, UploadStream
from ..api.updates import Stage
from . import bodies, media
from .answers import answer, json, refusal
from .billing import Till
from .callback_sender import Posted, Postman
from .clock import Clock, Gate
from .families import Run
from .faults import Fault
from .intake import Desk
from .requests import Refused, by_job, by_path
from .uploads import Uploads

__all__ = ["Emulator", "Seen"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Seen(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    key: bool
    """Whether it carried an Authorization header."""
    status: int
    """What it was answered; 0 if the connection was broken."""


class Emulator:
    """A Suno gateway on loopback, to develop and test against.

    Accepts and refuses as the service does, walks each job through its stages, posts callbacks, keeps uploads, serves
    files that play. `speed`: how many of its seconds pass in one, 0 to step it by `advance` alone (rate limits stay
    real). `provider`: whose words it speaks; with KIE_JOBS by both of KIE's routes. `credits`: the balance to begin
    with. `webhook_key`: signs callbacks as KIE does, which alone is known to; ValueError with another provider. Nothing
    leaves the machine but callbacks, to where the jobs ask for them.
    """

    def __init__(
        self,
        *,
        api_key: str = "emulator-key",
        provider: Provider = KIE,
        speed: float = 1.0,
        port: int = 0,
        credits: float = 1000.0,
        seed: int | None = None,
        webhook_key: str = "",
    ) -> None:
        if webhook_key and provider.name not in (KIE.name, KIE_JOBS.name):
            raise ValueError(f"no signature is known for callbacks of {provider.name}")
        self.api_key = api_key
        self.provider = provider
        self.log: deque[Seen] = deque(maxlen=100_000)
        """The requests so far, newest last."""
        self.posted: deque[Posted] = deque(maxlen=10_000)
        """The callbacks so far, newest last, from their first attempt on; without what was replayed or forged."""
        self._webhook_key = webhook_key
        self._older = _by_paths(provider)
        self._clock = Clock(speed)
        self._gate = Gate(provider)
        self._till = Till(credits, self._clock)
        self._desk = Desk(self._clock, self._gate, self._till, seed)
        self._port = port

    # ---- for its users -------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its address, for `base_url=`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def runs(self) -> dict[str, Run]:
        """The jobs it made, by task id."""
        return self._desk.runs

    @property
    def credits(self) -> float:
        """What is left by now; may be set."""
        return self._till.credits

    @credits.setter
    def credits(self, credits: float) -> None:
        self._till.credits = credits

    def next(self, *faults: Fault | None, of: type[Request[Any]] | None = None) -> None:
        """What goes wrong with the next jobs and calls, one each; None means nothing.

        `of`: with the next ones of this endpoint only. Credits, links and uploads go wrong only if they are named so.
        """
        self._desk.next(faults, of)

    def now(self) -> float:
        """The service's time, in seconds."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Let so much of the service's time pass at once."""
        self._clock.advance(seconds)

    async def replay(self, posted: Posted, *, age: float = 0) -> int:
        """Post a callback once more, byte for byte, and tell what it was answered: the HTTP status, 0 for no answer.

        `age`: as if it had been signed so many seconds earlier than it was (negative: later), if it was signed.
        """
        return await self._desk.postman.again(posted, age)

    async def forge(
        self,
        job: Run | str,
        stage: Stage,
        *,
        url: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Post what an attacker could who knows the id of this job, and tell what it was answered, as `replay` does.

        That is the honest body of the stage, reached or not, unless there is a `body`; unsigned unless `headers` say
        otherwise; to the job's callback address without its query, where a token would be, unless there is a `url` (a
        token in the path stays: name the address then). Raises KeyError for a task id that it did not give out,
        ValueError if the job has no address or no such stage.
        """
        run = self.runs[job] if isinstance(job, str) else job
        return await self._desk.postman.pretend(run, stage, url, body, headers or {})

    async def __aenter__(self) -> Self:
        self._uploads = Uploads(self._older, self._desk.token)
        self._desk.postman = Postman(self._clock, self._webhook_key, self.posted)
        self._posting = self._desk.postman.rounds
        self._runner = web.AppRunner(self._app())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self._desk.files = f"{self.url}/files"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._desk.postman.aclose()
        await self._runner.cleanup()
        self._uploads.close()

    # ---- what is where -------------------------------------------------------------------------------------------

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._noted], client_max_size=1 << 20)
        for kind in TABLE:
            if kind.path not in self.provider.unsupported_endpoints:
                app.router.add_route(kind.method, self._older.path(kind), self._endpoint(kind))
        for details, kind in {kind.details: kind for kind in TABLE if issubclass(kind, Job)}.items():
            app.router.add_get(details, self._details(kind))
        if self.provider.jobs_api:
            app.router.add_post(providers.CREATE, self._job)
            app.router.add_get(providers.RECORD, self._record)
        for folder in ("/files", "/files/new"):
            app.router.add_get(f"{folder}/{{run:[0-9a-f]{{32}}}}/{{name}}", self._file)
        app.router.add_get("/uploads/{path:.+}", self._uploads.serve)
        return app

    @web.middleware
    async def _noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 0
        try:
            answered = await handler(request)
            status = answered.status
        except Refused as exc:
            answered = refusal(request, exc)
            status = answered.status
        except web.HTTPException as exc:
            answered = refusal(request, Refused(exc.status, exc.reason, status=exc.status))
            status = exc.status
        finally:
            self.log.append(Seen(request.method, request.path, "Authorization" in request.headers, status))
        return answered

    def _authorize(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise Refused(401, "You do not have access permissions", status=401)

    # ---- requests ------------------------------------------------------------------------------------------------

    def _endpoint(self, kind: type[Request[Any]]) -> Handler:
        """How an endpoint is answered on its own path."""
        others: dict[Any, Callable[[web.Request], Awaitable[web.Response]]] = {
            GetCredits: self._credits,
            GetDownloadUrl: self._link,
            UploadBase64: lambda request: self._uploads.base64(request, self.url),
            UploadFromUrl: lambda request: self._uploads.from_url(request, self.url),
            UploadStream: lambda request: self._uploads.stream(request, self.url),
        }

        async def endpoint(request: web.Request) -> web.StreamResponse:
            self._authorize(request)
            if kind in others:
                return await self._desk.special(request, kind, others[kind])
            self._gate.submit(kind.path)
            return await self._desk.take(request, by_path(await request.read(), kind, self._older))

        return endpoint

    async def _job(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        self._gate.submit(providers.CREATE)
        return await self._desk.take(request, by_job(await request.read(), self.provider))

    async def _credits(self, request: web.Request) -> web.Response:
        return answer(200, "success", self.credits)

    async def _link(self, request: web.Request) -> web.Response:
        address = str(by_path(await request.read(), GetDownloadUrl, self._older).params["url"])
        if not address.startswith(f"{self.url}/files/"):
            raise Refused(422, "url is wrong")
        return answer(200, "success", f"{address}?expires={int(time.time()) + 20 * 60}")

    # ---- looks and files -----------------------------------------------------------------------------------------

    def _details(self, kind: type[Job[Any]]) -> Handler:
        """The details page of the older paths for jobs of this kind and its sisters."""

        async def page(request: web.Request) -> web.StreamResponse:
            id = request.query.get(kind.query, "")
            run = self._looked_at(request, id)
            if run is None or run.asked.jobs_api or getattr(run.kind, "details", "") != kind.details:
                return json(bodies.unknown(kind, id))
            return json(bodies.details(run, self.now()))

        return page

    async def _record(self, request: web.Request) -> web.StreamResponse:
        run = self._looked_at(request, request.query.get("taskId", ""))
        if run is None or not run.asked.jobs_api:
            raise Refused(422, "recordInfo is null")
        return answer(200, "success", bodies.record(run, *run.state(self.now()), self.now()))

    def _looked_at(self, request: web.Request, id: str) -> Run | None:
        self._authorize(request)
        self._gate.look(id, request.path)
        run = self.runs.get(id)
        if run is None or (run.fault is Fault.INVISIBLE and self.now() < run.born + 30):
            return None
        if run.fault is Fault.DEAD_LINK and run.state(self.now())[0] is Stage.COMPLETE:
            run.looks += 1
            if run.looks > 1:
                run.files = f"{self.url}/files/new"
        return run

    async def _file(self, request: web.Request) -> web.StreamResponse:
        run, name = self.runs.get(request.match_info["run"]), PurePosixPath(request.match_info["name"])
        suffix = name.suffix or media.audio()  # streams have none
        dead = run is not None and run.fault is Fault.DEAD_LINK and "/new/" not in request.path
        if run is None or dead or suffix not in media.TYPES:
            raise web.HTTPNotFound
        body = media.make(run.family.seed(run, name.stem), suffix)
        return web.Response(body=body, content_type=media.TYPES[suffix])


def _by_paths(provider: Provider) -> Provider:
    """The same gateway by its older paths, whose own differences a value for the jobs route does not tell."""
    return (
        msgspec.structs.replace(provider, jobs_api=False, unsupported_fields={}, required_fields={})
        if provider.jobs_api
        else provider
    )
