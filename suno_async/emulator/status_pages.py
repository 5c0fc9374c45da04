"""The pages that are polled: details pages of the legacy API, and the one of the jobs API."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from ..api import providers
from ..api.requests import Job
from . import bodies
from .answers import answer, json
from .clock import Clock
from .counts import Counts
from .endpoints import Endpoints
from .rate_limits import RateLimits
from .registry import RunRegistry
from .requests import Refused
from .runs import Run
from .steps import Steps

__all__ = ["StatusPages"]

Handler = Callable[[web.Request], Awaitable[web.Response]]


class StatusPages:
    """Answers polls."""

    # State: none of its own; runs count their polls.

    def __init__(
        self,
        endpoints: Endpoints,
        limits: RateLimits,
        registry: RunRegistry,
        clock: Clock,
        steps: Steps,
        counts: Counts,
    ) -> None:
        self._endpoints = endpoints
        self._limits = limits
        self._registry = registry
        self._clock = clock
        self._steps = steps
        self._counts = counts

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        for path, kind in self._endpoints.details_pages().items():
            yield web.get(path, self._details(kind))
        if self._endpoints.jobs is not None:
            yield web.get(providers.RECORD, self._record)

    def _details(self, kind: type[Job[Any]]) -> Handler:
        """The details page of this class, and of all that share it."""

        async def page(request: web.Request) -> web.Response:
            id = request.query.get(kind.query, "")
            run = await self._poll(request, id)
            if run is None or run.asked.jobs_api or getattr(run.kind, "details", "") != kind.details:
                return json(bodies.unknown(kind, id))
            return json(bodies.details(run, self._clock.now()))

        return page

    async def _record(self, request: web.Request) -> web.Response:
        run = await self._poll(request, request.query.get("taskId", ""))
        if run is None or not run.asked.jobs_api:
            raise Refused(422, "recordInfo is null")
        now = self._clock.now()
        return answer(200, "success", bodies.record(run, *run.state(now), now))

    async def _poll(self, request: web.Request, id: str) -> Run | None:
        """Count a poll, and find the run if it is visible."""
        self._limits.poll(id, request.path)
        run = self._registry.runs.get(id)
        if run is None:
            return None
        self._counts.poll(id)
        await self._steps.poll(run)
        now = self._clock.now()
        if not run.visible(now):
            return None
        run.polled(now)
        return run
