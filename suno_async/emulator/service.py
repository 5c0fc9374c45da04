"""The service on loopback, made from the table."""

import asyncio
import enum
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web

from ..endpoints import TABLE, BoostStyle, GetCredits, Job, Request
from ..models import Stage
from ..providers import KIE, Provider
from . import media
from .families import FAMILIES, Run

__all__ = ["Emulator", "Fault", "Seen"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(enum.Enum):
    """What may go wrong with one job."""

    DROP = "the connection breaks and nothing was made"
    LOSE_ANSWER = "the job is made, and the connection breaks before the answer"
    GARBLE = "the job is made, and the answer is cut short"
    HTML = "a gateway's error page instead of an answer, and nothing was made"
    RATE_LIMIT = "refused as too fast"
    MAINTENANCE = "refused for maintenance"
    FAIL = "the job ends without a result"
    REJECT = "the job ends because of its words"
    INVISIBLE = "the details page does not know the job for its first 30 seconds"
    LATE_FILES = "success is said 30 seconds before the files are there"
    UNDELIVERED = "the details page says CALLBACK_EXCEPTION once the job is done"
    SILENT = "no callback is posted"
    STUCK = "the job never ends"
    DEAD_LINK = "the first addresses of its files are dead; a later look tells new ones"


class Seen(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    key: bool
    """Whether it carried an Authorization header."""
    status: int
    """What it was answered; 0 if the connection was broken."""


class _Refused(Exception):
    def __init__(self, code: int, message: str, status: int = 200) -> None:
        self.answer = _answer(code, message, status=status)


class Emulator:
    """A Suno gateway on loopback, to develop and test against.

    Accepts and refuses as the service does, walks each job through its stages, posts callbacks, serves files that play.
    `speed`: how many of its seconds pass in one, 0 to step it by `advance` alone (rate limits stay real). `provider`:
    whose words it speaks. `credits`: the balance to begin with. Nothing leaves the machine but callbacks, to where the
    jobs ask for them.
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
    ) -> None:
        if speed < 0:
            raise ValueError(f"speed must not be negative, got {speed}")
        self.api_key = api_key
        self.provider = provider
        self.credits = credits
        self.log: deque[Seen] = deque(maxlen=100_000)
        """The requests so far, newest last."""
        self.runs: dict[str, Run] = {}
        """The jobs it made, by task id."""
        self._speed = speed
        self._port = port
        self._chance = random.Random(seed)
        self._skipped = 0.0
        self._moved = asyncio.Event()
        self._faults: deque[Fault | None] = deque()
        self._fault_of: dict[str, Fault | None] = {}
        self._arrivals: deque[float] = deque(maxlen=provider.submits.calls)
        self._looks: dict[str, deque[float]] = {}
        self._posting: set[asyncio.Task[None]] = set()
        self._tunes: dict[str, str] = {}

    # ---- for its users -------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its address, for `base_url=`."""
        return f"http://127.0.0.1:{self._port}"

    def next(self, *faults: Fault | None) -> None:
        """What goes wrong with the next jobs, one each; None means nothing."""
        self._faults.extend(faults)

    def now(self) -> float:
        """The service's time, in seconds."""
        return asyncio.get_running_loop().time() * self._speed + self._skipped

    def advance(self, seconds: float) -> None:
        """Let so much of the service's time pass at once."""
        self._skipped += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._noted], client_max_size=1 << 20)
        for kind in TABLE:
            app.router.add_route(kind.method, self.provider.path(kind), self._handler(kind))
        for details in {kind.details for kind in TABLE if issubclass(kind, Job)}:
            app.router.add_get(details, self._details)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/files/new/{name}", self._file)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._out = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))  # NOTES §5: 200 within 15 s
        return self

    async def __aexit__(self, *exc: object) -> None:
        for posting in self._posting:
            posting.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)
        await self._out.close()
        await self._runner.cleanup()

    # ---- requests ------------------------------------------------------------------------------------------------

    @web.middleware
    async def _noted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 0
        try:
            answer = await handler(request)
            status = answer.status
        except _Refused as refused:
            answer = refused.answer
            status = answer.status
        except web.HTTPException as exc:
            status = exc.status
            answer = _answer(exc.status, exc.reason, status=exc.status)
        finally:
            self.log.append(Seen(request.method, request.path, "Authorization" in request.headers, status))
        return answer

    def _handler(self, kind: type[Request[Any]]) -> Handler:
        async def submit(request: web.Request) -> web.StreamResponse:
            return await self._submit(request, kind)

        special: dict[Any, Handler] = {GetCredits: self._credits, BoostStyle: self._style}
        return special.get(kind, submit)

    def _authorize(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise _Refused(401, "You do not have access permissions", status=401)

    async def _params(self, request: web.Request, kind: type[Request[Any]]) -> dict[str, Any]:
        """The body, if the service would take it."""
        body = await request.read()
        try:
            params = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise _Refused(400, f"not valid JSON: {exc}") from None
        names = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
        gone = self.provider.gone.get(kind.path, {})
        for name in kind.required:
            if name not in gone and params.get(names[name]) is None:
                raise _Refused(422, f"{names[name]} cannot be null")
        if issubclass(kind, Job) and not params.get("callBackUrl"):
            raise _Refused(422, "Please enter callBackUrl.")
        try:
            msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise _Refused(422, str(exc)) from None
        return params

    def _limit(self) -> None:
        """The rate limit, by real time whatever the speed, since clients keep to it in real time."""
        now = asyncio.get_running_loop().time()
        if len(self._arrivals) == self._arrivals.maxlen and now - self._arrivals[0] < self.provider.submits.seconds:
            self._refuse_rate()
        self._arrivals.append(now)

    def _limit_looks(self, task_id: str) -> None:
        now = asyncio.get_running_loop().time()
        most = int(self.provider.looks_per_second)
        looks = self._looks.setdefault(task_id, deque(maxlen=most))
        if len(looks) == most and now - looks[0] < 1 - 1e-6:
            self._refuse_rate()
        looks.append(now)

    def _refuse_rate(self) -> None:
        if self.provider.name == "kie":
            raise _Refused(429, "The call frequency is too high, please try again later", status=429)
        raise _Refused(430, "Your call frequency is too high, please try again later")

    def _spend(self, credits: float) -> None:
        if self.credits < credits:
            raise _Refused(402 if self.provider.name == "kie" else 429, "The current credits are insufficient")
        self.credits = round(self.credits - credits, 2)

    async def _submit(self, request: web.Request, kind: type[Request[Any]]) -> web.StreamResponse:
        assert issubclass(kind, Job)
        self._authorize(request)
        self._limit()
        params = await self._params(request, kind)
        fault = self._faults.popleft() if self._faults else None
        match fault:
            case Fault.DROP:
                return _broken(request)
            case Fault.HTML:
                return web.Response(text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html", status=502)
            case Fault.RATE_LIMIT:
                self._refuse_rate()
            case Fault.MAINTENANCE:
                raise _Refused(455, "The website is being maintained, please try again later")
            case _:
                pass
        self._spend(FAMILIES[kind.result].tally.credits)
        run = self._start(kind, params, fault)
        if fault is Fault.LOSE_ANSWER:
            return _broken(request)
        answer = _answer(200, "success", {"taskId": run.id})
        if fault is Fault.GARBLE:
            answer.body = bytes(answer.body)[:-10]  # type: ignore[arg-type]
        return answer

    def _start(self, kind: type[Job[Any]], params: dict[str, Any], fault: Fault | None) -> Run:
        id = self._chance.randbytes(16).hex()
        run = self.runs[id] = Run(id, kind, params, self.now(), f"{self.url}/files")
        self._fault_of[id] = fault
        text = str(params)
        for place in range(2):
            self._tunes[run.track_id(place)] = f"{place} {text}"
        if fault is not Fault.SILENT and not _host(str(params["callBackUrl"])).endswith(".invalid"):
            posting = asyncio.create_task(self._post_all(run))
            self._posting.add(posting)
            posting.add_done_callback(self._posting.discard)
        return run

    async def _style(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        self._limit()
        params = await self._params(request, BoostStyle)
        self._spend(0.4)
        content = str(params["content"])
        data = {
            "taskId": self._chance.randbytes(16).hex(),
            "param": content,
            "result": f"{content}, warm analog production, wide stereo, unhurried groove",
            "creditsConsumed": 0.4,
            "creditsRemaining": self.credits,
            "successFlag": "成功",  # so it is live (NOTES §15)
            "errorCode": None,
            "errorMsg": "",
            "createTime": int(time.time() * 1000),
        }
        return _answer(200, "success", data)

    async def _credits(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        return _answer(200, "success", self.credits)

    # ---- looks and files -----------------------------------------------------------------------------------------

    def _state(self, run: Run) -> tuple[Stage, bool]:
        """The stage a job is said to be at, and whether its files are there."""
        stage = run.stage(self.now())
        match self._fault_of[run.id]:
            case Fault.FAIL | Fault.REJECT if stage is Stage.COMPLETE:
                return Stage.FAILED, False
            case Fault.STUCK:
                return min(stage, Stage.TEXT), True
            case Fault.LATE_FILES if stage is Stage.COMPLETE:
                return stage, run.stage(self.now() - 30) is Stage.COMPLETE
            case _:
                return stage, True

    async def _details(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        self._limit_looks(request.query.get("taskId", ""))
        run = self.runs.get(request.query.get("taskId", ""))
        if run is None or run.kind.details != request.path:
            return _answer(200, "success", None)
        fault = self._fault_of[run.id]
        if fault is Fault.INVISIBLE and self.now() < run.born + 30:
            return _answer(200, "success", None)
        stage, files = self._state(run)
        if fault is Fault.DEAD_LINK and stage is Stage.COMPLETE:
            run.looks += 1
            if run.looks > 1:
                run.files = f"{self.url}/files/new"
        data = {
            "taskId": run.id,
            "parentMusicId": "",
            "param": msgspec.json.encode(run.params).decode(),
            "response": None if stage is Stage.FAILED else run.family.response(run, stage, files),
            "status": self._word(run, stage),
            "type": "chirp-emulated",
            "operationType": run.kind.path.rsplit("/", 1)[-1].replace("-", "_"),
            "errorCode": {Fault.FAIL: 501, Fault.REJECT: 400}.get(fault or Fault.SILENT)
            if stage is Stage.FAILED
            else None,
            "errorMessage": fault.value if fault and stage is Stage.FAILED else None,
            "createTime": run.created,
        }
        return _answer(200, "success", data)

    def _word(self, run: Run, stage: Stage) -> str | int:
        fault = self._fault_of[run.id]
        if stage is Stage.COMPLETE and (run.undelivered or fault is Fault.UNDELIVERED):
            return "CALLBACK_EXCEPTION"
        if stage is Stage.FAILED and fault is Fault.REJECT:
            return "SENSITIVE_WORD_ERROR"
        words = [word for word, means in run.kind.statuses.items() if means is stage]
        return words[1] if stage is Stage.FAILED else words[0]

    async def _file(self, request: web.Request) -> web.StreamResponse:
        track, _, suffix = request.match_info["name"].rpartition(".")
        owner = next((run for run in self.runs.values() if track in (run.track_id(0), run.track_id(1))), None)
        if owner is None or (self._fault_of[owner.id] is Fault.DEAD_LINK and "/new/" not in request.path):
            raise web.HTTPNotFound
        text = self._tunes[track]
        body = media.tune(text) if f".{suffix}" == media.AUDIO else media.picture(text)
        return web.Response(body=body, content_type=_TYPES[f".{suffix}"])

    # ---- callbacks -----------------------------------------------------------------------------------------------

    async def _post_all(self, run: Run) -> None:
        """Post every stage when it is reached, each up to four times until it is answered 200 (NOTES §5)."""
        fault = self._fault_of[run.id]
        for stage, mark in run.marks.items():
            await self._until(run.born + mark)
            if fault is Fault.STUCK and stage > Stage.TEXT:
                return
            ends_badly = stage is Stage.COMPLETE and fault in (Fault.FAIL, Fault.REJECT)
            if not await self._post(run, Stage.FAILED if ends_badly else stage):
                run.undelivered = True
                return

    async def _until(self, moment: float) -> None:
        while (left := moment - self.now()) > 0:
            # A clock that stands is only stepped; a thousandth more than needed is never short by a bit.
            wait = max(left / self._speed, 0.001) if self._speed else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), wait)

    async def _post(self, run: Run, stage: Stage) -> bool:
        failed = stage is Stage.FAILED
        code = {Fault.REJECT: 400}.get(self._fault_of[run.id] or Fault.FAIL, 501) if failed else 200
        body = {
            "code": code,
            "msg": "failed" if failed else "All generated successfully.",
            "data": run.family.callback(run, stage, self.provider.name),
        }
        for _ in range(4):
            try:
                async with self._out.post(
                    str(run.params["callBackUrl"]),
                    data=msgspec.json.encode(body),
                    headers={"Content-Type": "application/json"},
                ) as answer:
                    if answer.status == 200:
                        return True
            except (aiohttp.ClientError, TimeoutError, UnicodeError):
                pass
            await asyncio.sleep(1 / max(self._speed, 1))
        return False


_TYPES = {".mp3": "audio/mpeg", ".wav": "audio/wav", ".jpeg": "image/jpeg", ".png": "image/png"}


def _answer(code: int, message: str, data: Any = None, *, status: int = 200) -> web.Response:
    body = {"code": code, "msg": message} | ({} if status == 401 else {"data": data})
    return web.Response(body=msgspec.json.encode(body), content_type="application/json", status=status)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # accepted all the same, as the service does (NOTES §10); posting to it fails later
        return ""


def _broken(request: web.Request) -> web.StreamResponse:
    """Break the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
