"""Faults of the exchange itself: broken connections, error pages, refusals, damaged and endless answers."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..api.providers import Provider
from .answers import Broken, body_of, break_connection, gateway_error, half_of, truncated, with_odd_types
from .fault_plan import FaultPlan
from .faults import (
    CloseIdle,
    Drop,
    DropAfterAccepting,
    DropHalfway,
    Endless,
    ErrorPage,
    Fault,
    NoAnswer,
    OddTypes,
    Refuse,
    Slow,
    Truncate,
)
from .loopback import Handler, is_control
from .rate_limits import rate_refusal
from .requests import Refused

__all__ = ["after", "before", "interrupted"]

MESSAGES = {
    402: "The current credits are insufficient",
    429: "The call frequency is too high, please try again later",
    430: "Your call frequency is too high, please try again later",
    455: "The website is being maintained, please try again later",
    500: "Server error",
}
"""What the service says with these codes (docs/service.md#errors)."""
INTERVAL = 0.02
"""Seconds between two checks whether the client has closed the connection."""
IDLE = 0.01
"""Seconds after the answer until an idle connection is closed."""


def interrupted(plan: FaultPlan, provider: Provider) -> Middleware:
    """Let the faults happen that are planned for paths and for requests that name a task."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        names = (*request.query.values(), *request.path.split("/"))
        fault = None if is_control(request) else plan.take_for(request.path, names)
        instead = await before(request, fault, provider, request.path)
        return await after(request, fault, await handler(request)) if instead is None else instead

    return middleware


async def before(request: web.Request, fault: Fault | None, provider: Provider, path: str) -> web.Response | None:
    """What the client gets instead of an answer, or None if the request is to be handled.

    Raises:
        Refused: If the fault is a refusal.
    """
    match fault:
        case Drop():
            return break_connection(request)
        case ErrorPage(status):
            return gateway_error(status)
        case Refuse(None):
            raise rate_refusal(provider, path)
        case Refuse(int(code), message):
            raise Refused(code, message or MESSAGES.get(code, "Request refused"))
        case NoAnswer():
            while _connected(request):  # noqa: ASYNC110  nothing is set when a client closes a connection
                await asyncio.sleep(INTERVAL)
            return Broken()
        case Slow(seconds):
            await asyncio.sleep(seconds)
            return None
        case _:
            return None


async def after(request: web.Request, fault: Fault | None, complete: web.StreamResponse) -> web.StreamResponse:
    """What the client gets of the answer to a handled request. One that is already sent, piece by piece, stays."""
    if not isinstance(complete, web.Response):
        return complete
    match fault:
        case DropAfterAccepting():
            return break_connection(request)
        case DropHalfway():
            return await half_of(request, complete)
        case Truncate():
            return truncated(complete)
        case OddTypes():
            return with_odd_types(complete)
        case Endless():
            return await _endless(request, complete)
        case CloseIdle() if request.transport is not None:
            asyncio.get_running_loop().call_later(IDLE, request.transport.close)
            return complete
        case _:
            return complete


async def _endless(request: web.Request, complete: web.Response) -> web.Response:
    answer = web.StreamResponse(status=complete.status, headers={"Content-Type": complete.headers["Content-Type"]})
    await answer.prepare(request)
    try:
        await answer.write(body_of(complete))
        while _connected(request):
            await answer.write(b" ")
            await asyncio.sleep(INTERVAL)
    except ConnectionError:
        pass  # the client has closed it
    return Broken()


def _connected(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
