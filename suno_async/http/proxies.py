"""The proxies that the environment names. Nothing else is read there: no ~/.netrc."""

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from ..secret import Secret

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["EnvironmentProxies"]


class EnvironmentProxies:
    """HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case; on macOS and Windows the system's settings, too.

    They are read once. Loopback addresses need no proxy, since none could reach them.
    """

    # State: none of its own but what it has looked up.

    def __init__(self) -> None:
        named = getproxies()
        self._unproxied = named.pop("no", "")
        self._proxies = {scheme: _with_scheme(proxy) for scheme, proxy in named.items()}
        self._look_up = lru_cache(maxsize=256)(self._found)

    @property
    def addresses(self) -> dict[str, str]:
        """The proxies of http and https, by the name of their variable."""
        used = {scheme if scheme in self._proxies else "all" for scheme in ("http", "https")}
        return {f"{scheme.upper()}_PROXY": self._proxies[scheme] for scheme in sorted(used) if scheme in self._proxies}

    def of(self, url: "URL") -> str | None:
        """Return the address of the proxy for a request, if it has one."""
        if not self._proxies:
            return None
        return self._look_up(url.scheme, url.host or "", url.port)

    def _found(self, scheme: str, host: str, port: int | None) -> str | None:
        if _is_loopback(host) or proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
            return None
        if any(_is_inside(host, network) for network in self._unproxied.split(",")):
            return None
        return self._proxies.get(scheme) or self._proxies.get("all")


def _with_scheme(proxy: str) -> str:
    return Secret(proxy if "://" in proxy else f"http://{proxy}")  # it may hold a password


def _is_inside(host: str, network: str) -> bool:
    """Whether an IP address is in a network such as 10.0.0.0/8, as curl and requests read NO_PROXY, and urllib not."""
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_network(network.strip(), strict=False)
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
