"""Where jobs and calls are received: checked, charged, accepted, or met by a planned fault."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from ..api import providers
from ..api.requests import Job, Request
from . import interruptions
from .answers import answer
from .billing import Billing
from .callback_sender import CallbackSender
from .endpoints import ACCOUNT, Endpoints
from .faults import Fail
from .rate_limits import RateLimits
from .registry import RunRegistry
from .requests import Asked, origin, parse, parse_jobs_request
from .runs import Run

__all__ = ["Intake"]

TASK_ID_NAMES = ("taskId", "task_id")
"""The names that answers to a submit have for the task id."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Intake:
    """Receives jobs and calls, by the legacy API and by the jobs API."""

    # State: none of its own; the registry keeps the accepted runs.

    def __init__(
        self,
        endpoints: Endpoints,
        limits: RateLimits,
        registry: RunRegistry,
        billing: Billing,
        callbacks: CallbackSender,
    ) -> None:
        self._endpoints = endpoints
        self._limits = limits
        self._registry = registry
        self._billing = billing
        self._callbacks = callbacks

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        for kind in self._endpoints:
            if kind not in ACCOUNT:
                yield web.route(kind.method, self._endpoints.legacy.path(kind), self._handler(kind))
        if self._endpoints.jobs is not None:
            yield web.post(providers.CREATE, self._create_task)

    def _handler(self, kind: type[Request[Any]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self._limits.submit(kind.path)
            return await self._receive(request, parse(await request.read(), kind, self._endpoints.legacy))

        return handle

    async def _create_task(self, request: web.Request) -> web.StreamResponse:
        self._limits.submit(providers.CREATE)
        endpoints = self._endpoints
        assert endpoints.jobs is not None
        asked = parse_jobs_request(await request.read(), endpoints.operations, endpoints.jobs)
        return await self._receive(request, asked)

    async def _receive(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Accept a job, or answer a call at once."""
        kind, family = asked.kind, self._endpoints.family(asked.kind)
        run = self._registry.new(asked, family, files=f"{origin(request)}/files")
        instead = await interruptions.before(request, run.fault, asked.provider, kind.path)
        if instead is not None:
            return instead
        by_task = issubclass(kind, Job) or (asked.jobs_api and not family.at_once)
        return await interruptions.after(request, run.fault, await self._accept(run) if by_task else self._answer(run))

    async def _accept(self, run: Run) -> web.Response:
        self._billing.charge(run)
        self._registry.keep(run, task=True)
        await self._callbacks.follow(run)
        name = run.asked.provider.query(run.kind)
        return answer(200, "success", {name if name in TASK_ID_NAMES else "taskId": run.id})

    def _answer(self, run: Run) -> web.Response:
        if isinstance(run.fault, Fail):
            run.charged(self._billing.credits)
            return answer(*run.family.refusal(run))
        self._billing.charge(run)
        self._registry.keep(run, task=False)
        return answer(200, "success", run.family.result(run))
