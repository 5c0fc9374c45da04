"""Faults of the exchange itself: broken connections, error pages, refusals, damaged answers."""

from aiohttp import web

from ..api.providers import Provider
from .answers import break_connection, gateway_error, truncated
from .faults import Drop, DropAfterAccepting, ErrorPage, Fault, Refuse, Truncate
from .rate_limits import rate_refusal
from .requests import Refused

__all__ = ["after", "before"]

MESSAGES = {
    402: "The current credits are insufficient",
    429: "The call frequency is too high, please try again later",
    430: "Your call frequency is too high, please try again later",
    455: "The website is being maintained, please try again later",
    500: "Server error",
}
"""What the service says with these codes (docs/service.md#errors)."""


def before(request: web.Request, fault: Fault | None, provider: Provider, path: str) -> web.Response | None:
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
        case _:
            return None


def after(request: web.Request, fault: Fault | None, complete: web.Response) -> web.Response:
    """What the client gets of the answer to a handled request."""
    if isinstance(fault, DropAfterAccepting):
        return break_connection(request)
    return truncated(complete) if isinstance(fault, Truncate) else complete
