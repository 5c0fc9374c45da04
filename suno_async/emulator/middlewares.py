"""What is done for every request: it is authorized and logged, and a refusal becomes an answer."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..log import log
from .answers import Broken, refusal
from .counts import Counts
from .loopback import SAFE, is_control
from .requests import Refused
from .routing import resource_of

__all__ = ["Seen", "authorized", "logged", "noted"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PUBLIC = ("/files/", "/uploads/")
"""Where files are served from. No key is needed there."""


class Seen(NamedTuple):
    """One request as the emulator received it, an entry of `Emulator.log`."""

    method: str
    path: str
    """The path without the query."""
    key: bool
    """Whether it carried an Authorization header."""
    status: int
    """The HTTP status of the answer; 0 if the connection was broken."""


def logged(seen: deque[Seen], counts: Counts) -> Middleware:
    """Log and count each request to the service, and answer those that are refused."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        status, refused, code = 0, "", None
        try:
            answered = await handler(request)
            status = 0 if isinstance(answered, Broken) else answered.status
        except Refused as exc:
            answered = refusal(request, exc)
            status, refused, code = answered.status, f" ({exc.code} {exc.message})", exc.code
        except web.RequestPayloadError:  # as of a body that is not compressed as its header says
            answered = refusal(request, Refused(400, "the body cannot be read", status=400))
            status, code = answered.status, 400
        except web.HTTPException as exc:
            answered = refusal(request, Refused(exc.status, exc.reason, status=exc.status))
            status = exc.status
        finally:
            if not is_control(request):
                counts.request(_route(request), status, code)
                seen.append(Seen(request.method, request.path, "Authorization" in request.headers, status))
                log.debug("%s %s %s%s", request.method, request.path_qs, status or "broken off", refused)
        return answered

    return middleware


def _route(request: web.Request) -> str:
    return f"{request.method} {resource_of(request) or 'unknown path'}"


def noted(note: Callable[[], None]) -> Middleware:
    """Call a function after each request that may change something."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            if not (is_control(request) and request.method in SAFE):
                note()

    return middleware


def authorized(api_key: str) -> Middleware:
    """Refuse requests with a wrong API key; files and the emulator's own endpoints need none."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = resource_of(request)
        known = resource is not None and not resource.startswith(PUBLIC) and not is_control(request)
        if known and request.headers.get("Authorization") != f"Bearer {api_key}":
            raise Refused(401, "You do not have access permissions", status=401)
        return await handler(request)

    return middleware
