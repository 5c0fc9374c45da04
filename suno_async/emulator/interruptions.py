"""Faults of the exchange itself: broken connections, error pages, refusals, damaged answers."""

from aiohttp import web

from ..api.providers import Provider
from .answers import break_connection, gateway_error, truncated
from .faults import Fault
from .rate_limits import rate_refusal
from .requests import Refused

__all__ = ["after", "before"]


def before(request: web.Request, fault: Fault | None, provider: Provider, path: str) -> web.Response | None:
    """What the client gets instead of an answer, or None if the request is to be handled.

    Raises:
        Refused: If the fault is a refusal.
    """
    match fault:
        case Fault.DROP:
            return break_connection(request)
        case Fault.HTML:
            return gateway_error()
        case Fault.RATE_LIMIT:
            raise rate_refusal(provider, path)
        case Fault.MAINTENANCE:
            raise Refused(455, "The website is being maintained, please try again later")
        case _:
            return None


def after(request: web.Request, fault: Fault | None, complete: web.Response) -> web.Response:
    """What the client gets of the answer to a handled request."""
    if fault is Fault.LOSE_ANSWER:
        return break_connection(request)
    return truncated(complete) if fault is Fault.GARBLE else complete
