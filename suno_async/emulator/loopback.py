"""Who may use the endpoints of the emulator's own, which need no key: programs and pages on this machine."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from aiohttp import web

from .requests import Refused

__all__ = ["CONTROL", "SAFE", "Handler", "guarded", "is_control", "is_loopback"]

CONTROL = "/__emulator/"
"""Where everything is that controls the emulator."""
SAFE = ("GET", "HEAD")
"""Methods that change nothing."""
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_control(request: web.Request) -> bool:
    """Whether a request is to the emulator itself, and not to the service that it stands for."""
    return request.path == "/" or request.path.startswith(CONTROL)


def is_loopback(host: str) -> bool:
    """Whether a name or address always leads to this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def guarded(handler: Handler, *, anywhere: bool = False) -> Handler:
    """Refuse requests from other machines unless they are permitted, and from pages of other sites in a browser.

    A page of another site whose name was made to lead to loopback shows that name in Host; one that posts here shows
    its own address in Origin.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        if not anywhere and not is_loopback(request.remote or ""):
            raise Refused(403, "this is for programs on the emulator's own machine", status=403)
        if not anywhere and not is_loopback(_hostname(request.host)):
            raise Refused(403, "the Host header must name loopback, as 127.0.0.1 or localhost", status=403)
        if request.method not in SAFE and _is_cross_site(request):
            raise Refused(403, "pages of other sites cannot control the emulator", status=403)
        answered = await handler(request)
        answered.headers.update(HEADERS)
        return answered

    return handle


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_cross_site(request: web.Request) -> bool:
    """Whether a browser says that another page sent it. Other programs send neither header."""
    origin = request.headers.get("Origin", f"http://{request.host}")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return origin != f"http://{request.host}" or site not in ("same-origin", "none")
