"""Calls about the account and its files: credits, download links, uploads."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from ..api.requests import GetCredits, GetDownloadUrl, Request, UploadBase64, UploadFromUrl, UploadStream
from . import interruptions, loopback
from .answers import answer
from .billing import Billing
from .clock import Clock
from .endpoints import Endpoints
from .fault_plan import FaultPlan
from .faults import Fail
from .media_files import EXPIRES
from .requests import Refused, origin, parse
from .uploads import Uploads

__all__ = ["Account"]

LINK_LIFE = 20 * 60
"""How long a link from download-url works, in seconds (docs/service.md#retention)."""

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Account:
    """Answers the calls about the account. They get only the faults that are planned for their own endpoint."""

    # State: none of its own.

    def __init__(
        self, endpoints: Endpoints, faults: FaultPlan, billing: Billing, uploads: Uploads, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._faults = faults
        self._billing = billing
        self._clock = clock
        self._handlers: dict[type[Request[Any]], Handler] = {
            GetCredits: self._credits,
            GetDownloadUrl: self._download_url,
            UploadBase64: uploads.base64,
            UploadFromUrl: uploads.from_url,
            UploadStream: uploads.stream,
        }

    def routes(self) -> Iterator[web.RouteDef]:
        """The routes that it answers."""
        for kind in self._endpoints:
            if kind in self._handlers:
                path = self._endpoints.legacy.path(kind)
                yield web.route(kind.method, path, self._with_faults(kind, self._handlers[kind]))

    def _with_faults(self, kind: type[Request[Any]], handler: Handler) -> loopback.Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._faults.take(kind)
            if isinstance(fault, Fail):
                raise Refused(500, "Server error")
            instead = await interruptions.before(request, fault, self._endpoints.provider, kind.path)
            return await interruptions.after(request, fault, await handler(request)) if instead is None else instead

        return handle

    async def _credits(self, request: web.Request) -> web.Response:
        return answer(200, "success", self._billing.credits)

    async def _download_url(self, request: web.Request) -> web.Response:
        url = str(parse(await request.read(), GetDownloadUrl, self._endpoints.legacy).params["url"])
        if not url.startswith(f"{origin(request)}/files/"):
            raise Refused(422, "url is wrong")
        return answer(200, "success", f"{url}?{EXPIRES}={self._clock.now() + LINK_LIFE:.3f}")
