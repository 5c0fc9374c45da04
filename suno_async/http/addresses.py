"""Addresses of media: sent byte for byte, and which are asked."""

import asyncio
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import quote, urljoin

from yarl import URL

from ..errors import ConnectError

__all__ = ["UnusableAddress", "check_address", "check_redirect", "exact", "named", "redirected"]

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
"""What stays as it is. Signed addresses are valid in one spelling only (docs/service.md#observed-differences)."""


class UnusableAddress(ConnectError):
    """An address to which no request is sent, now or later."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args, permanent=True)


def named(url: URL | str) -> str:
    """Return an address as errors and log lines name it: cut, and without its query, which may hold a signature."""
    return str(url).partition("?")[0][:200]


def exact(url: str) -> URL:
    """Return an address whose path and query are sent as they are written; only what HTTP cannot carry is encoded.

    Raises:
        UnusableAddress: If it is no http(s) address.
    """
    scheme, _, rest = url.partition("://")
    rest = rest.partition("#")[0]
    end = next((place for place, char in enumerate(rest) if char in "/?"), len(rest))
    host, target = rest[:end], rest[end:]
    try:
        origin = URL(f"{scheme}://{host}/")
        if origin.scheme not in ("http", "https") or not origin.raw_host or origin.port == 0:
            raise ValueError("no http(s) address")
        target = quote(target if target.startswith("/") else f"/{target}", safe=PRINTABLE, errors="surrogateescape")
        return URL(str(origin)[:-1] + target, encoded=True)
    except ValueError as exc:  # UnicodeError is one
        raise UnusableAddress(f"{named(url)}: {exc}") from exc


def redirected(from_url: URL, to: str) -> URL:
    """Return where a redirect leads.

    Args:
        from_url: The address that was asked.
        to: The header Location of its answer.
    """
    try:
        return exact(to if "://" in to.partition("?")[0] else urljoin(str(from_url), to))
    except ValueError as exc:
        raise UnusableAddress(f"redirect of {named(from_url)}: {exc}") from exc


async def check_address(url: URL, gateway: Collection[str], *, look_up: bool = True) -> None:
    """Refuse a private address that a public gateway gave: it would be one of this machine or of its network.

    Args:
        url: The address of a file.
        gateway: Hosts of the gateway. If one of them is private, so may its files be.
        look_up: Whether names are looked up; a proxy does that itself.

    Raises:
        UnusableAddress: It is one.
    """
    host = url.host or ""
    if host in gateway or not await _leads_inside(host, look_up):
        return
    for one in gateway:
        if await _leads_inside(one, look_up):
            return
    raise UnusableAddress(f"{named(url)}: a private address, which is not asked as the gateway is a public one")


async def check_redirect(from_url: URL, to: URL, trusted: Collection[str], *, look_up: bool = True) -> None:
    """Refuse a redirect that leads from a media host into a private network.

    Args:
        from_url: The address that was asked.
        to: Where its answer leads.
        trusted: Hosts where the provider itself is.
        look_up: Whether names are looked up; a proxy does that itself.

    Raises:
        UnusableAddress: It leads to a private or loopback address where the provider is not.
    """
    if from_url.origin() == to.origin():
        return
    host = to.host or ""
    addresses = await _addresses(host, look_up)
    if not any(_is_private(one) for one in addresses):
        return
    if host in trusted:
        return
    if all(_is_loopback(one) for one in addresses) and any(map(_names_loopback, trusted)):
        return
    raise UnusableAddress(f"{named(from_url)}: its redirect to {to.origin()}, a private address, is not followed")


async def _leads_inside(host: str, look_up: bool) -> bool:
    return any(_is_private(one) for one in await _addresses(host, look_up))


async def _addresses(host: str, look_up: bool) -> list[str]:
    """The IP addresses of a host, as far as they can be known."""
    if host == "localhost" or host.endswith(".localhost"):
        return ["127.0.0.1"]
    try:  # all spellings of an IP address, 127.1 and 0x7f000001 among them
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        if not look_up:
            return []
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError:
            return []  # the request fails on that, too
    return [str(place[0]) for *_, place in found]


def _is_private(address: str) -> bool:
    ip = _plain(address)
    return not ip.is_global or ip.is_multicast


def _is_loopback(address: str) -> bool:
    return _plain(address).is_loopback


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return inner or ip


def _names_loopback(host: str) -> bool:
    try:
        return host == "localhost" or _is_loopback(host)
    except ValueError:
        return False
