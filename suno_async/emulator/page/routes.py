"""The page at the emulator's root, and the endpoints under `/__emulator/` that it uses."""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import islice

import msgspec
from aiohttp import web

from ...api.updates import Stage
from ..answers import json
from ..billing import Billing
from ..callback_sender import CallbackSender, Posted
from ..clock import Clock
from ..loopback import CONTROL, Handler, guarded
from ..registry import RunRegistry
from ..requests import Refused
from ..runs import Run
from . import overview

__all__ = ["Page"]

NEWEST = 50
"""How many tasks are shown unless more are asked for."""
TYPES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""The files of the page."""
POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "media-src 'self'"),
        *("connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
    )
)
TASK = f"{CONTROL}tasks/{{id:[0-9a-f]{{32}}}}"


class Page:
    """Shows tasks, and lets them end or repeat their callbacks, on demand of somebody at this machine.

    Args:
        provider: The name of the provider.
        registry: The tasks.
        billing: The balance.
        callbacks: Posts callbacks.
        posted: The callbacks so far.
        clock: The emulator's clock.
    """

    # State, all of it: _repeats, the answers to repeated callbacks, by task and stage.

    def __init__(
        self,
        provider: str,
        registry: RunRegistry,
        billing: Billing,
        callbacks: CallbackSender,
        posted: deque[Posted],
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._registry = registry
        self._billing = billing
        self._callbacks = callbacks
        self._posted = posted
        self._clock = clock
        self._repeats: defaultdict[tuple[str, Stage], list[int]] = defaultdict(list)

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        yield web.get("/", guarded(_file("index.html")))
        for name in TYPES:
            if name != "index.html":
                yield web.get(f"{CONTROL}page/{name}", guarded(_file(name)))
        yield web.get(f"{CONTROL}tasks", guarded(self._tasks))
        yield web.post(f"{TASK}/finish", guarded(self._finish))
        yield web.post(f"{TASK}/fail", guarded(self._fail))
        yield web.post(f"{TASK}/callbacks/{{stage:[A-Z]+}}/repeat", guarded(self._repeat))

    # ---- what there is -------------------------------------------------------------------------------------------

    async def _tasks(self, request: web.Request) -> web.Response:
        """The newest tasks; not again if nothing has changed."""
        body = msgspec.json.encode(self._overview(_newest(request)))
        etag = hashlib.sha256(body).hexdigest()[:32]
        if any(known.value == etag for known in request.if_none_match or ()):
            return web.Response(status=304, headers={"ETag": f'"{etag}"'})
        return web.Response(body=body, content_type="application/json", headers={"ETag": f'"{etag}"'})

    def _overview(self, newest: int) -> overview.Overview:
        now, runs = self._clock.now(), self._registry.runs
        shown = list(islice(reversed(runs.values()), newest))
        posted: dict[str, list[overview.Callback]] = {run.id: [] for run in shown}
        for one in self._posted:
            if one.task_id in posted:
                repeats = self._repeats.get((one.task_id, one.stage), ())
                posted[one.task_id].append(overview.callback(one, repeats))
        return overview.Overview(
            provider=self._provider,
            speed=self._clock.speed,
            credits=self._billing.credits,
            total=len(runs),
            tasks=[overview.task(run, now, posted[run.id]) for run in shown],
        )

    # ---- what can be done ----------------------------------------------------------------------------------------

    async def _finish(self, request: web.Request) -> web.Response:
        run = self._going(request)
        run.finish(self._clock.now())
        self._clock.advance(0)  # whoever waits for a later time sees the new one
        return json({"stage": Stage.COMPLETE.name})

    async def _fail(self, request: web.Request) -> web.Response:
        run = self._going(request)
        run.fail(self._clock.now())
        self._billing.expect_failure(run)
        self._clock.advance(0)
        return json({"stage": Stage.FAILED.name})

    async def _repeat(self, request: web.Request) -> web.Response:
        run, stage = self._run(request), request.match_info["stage"]
        found = [one for one in self._posted if one.task_id == run.id and one.stage.name == stage]
        if not found:
            raise Refused(404, f"no callback {stage} of task {run.id} was posted", status=404)
        status = await self._callbacks.replay(found[-1], 0)
        self._repeats[run.id, found[-1].stage].append(status)
        return json({"answer": status})

    def _going(self, request: web.Request) -> Run:
        """The run of a request, if it has not ended."""
        run = self._run(request)
        stage = run.state(self._clock.now())[0]
        if stage >= Stage.COMPLETE:
            raise Refused(409, f"task {run.id} has ended: {stage.name}", status=409)
        return run

    def _run(self, request: web.Request) -> Run:
        run = self._registry.runs.get(request.match_info["id"])
        if run is None:
            raise Refused(404, "there is no such task", status=404)
        return run


def _newest(request: web.Request) -> int:
    asked = request.query.get("newest", str(NEWEST))
    if not (asked.isascii() and asked.isdigit()):
        raise Refused(400, f"newest must be a number, got {asked[:20]!r}", status=400)
    return int(asked[:9])


def _file(name: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(body=_content(name), content_type=TYPES[name], charset="utf-8", headers=headers)

    return handle


@cache
def _content(name: str) -> bytes:
    return files(__name__.rpartition(".")[0]).joinpath(name).read_bytes()
