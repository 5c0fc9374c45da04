"""How the network is reached, as the user says; nothing of aiohttp is loaded for it."""

import asyncio
import ssl as tls
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..version import __version__

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Network", "is_of_aiohttp", "why_unusable"]

USER_AGENT = f"suno-async/{__version__}"  # the service's CDN blocks Python's default (docs/service.md#rate-limits)


class Network(NamedTuple):
    """How the network is reached, as the user says."""

    session: "aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None" = None
    connector: "aiohttp.BaseConnector | Callable[[], aiohttp.BaseConnector] | None" = None
    proxy: str | None = None
    ssl: "tls.SSLContext | aiohttp.Fingerprint | bool" = True
    paid_through_session: bool = False
    trust_env: bool | None = None
    timeout: "float | aiohttp.ClientTimeout | None" = None
    headers: Mapping[str, str] = MappingProxyType({})
    app_info: tuple[str, str] | None = None
    trace_configs: "Sequence[aiohttp.TraceConfig]" = ()

    @property
    def user_agent(self) -> str:
        """What requests call themselves, downloads among them."""
        return USER_AGENT if self.app_info is None else f"{USER_AGENT} {'/'.join(self.app_info)}"

    @property
    def trusts_env(self) -> bool:
        """Whether the environment's proxies are used. A given session, connector or proxy says the way itself."""
        if self.trust_env is None:
            return self.session is None and self.connector is None and self.proxy is None
        return self.trust_env and self.proxy is None

    @property
    def given(self) -> "aiohttp.ClientSession | aiohttp.BaseConnector | None":
        """The session or connector that was given, which belongs to the event loop that it was made in."""
        for one in (self.session, self.connector):
            if one is not None and not callable(one):
                return one
        return None

    @property
    def of_another_loop(self) -> bool:
        """Whether what was given belongs to another event loop than the running one."""
        loop = getattr(self.given, "_loop", None)  # aiohttp has no public name for it
        return loop is not None and loop is not asyncio.get_running_loop()


def why_unusable(session: "aiohttp.ClientSession") -> str:
    """Return why a session cannot be used, if it cannot."""
    if session.trust_env:
        return (
            "session must not have trust_env=True: aiohttp would read ~/.netrc, send its passwords to media hosts and "
            "replace the key by them. SunoClient(trust_env=True) uses the proxies of the environment with any session"
        )
    if not session.auto_decompress:
        return "session must not have auto_decompress=False: answers could not be read, those to paid requests neither"
    if session.auth is not None:
        return "session must not have auth=: it would stand in the place of the key, and go to media hosts"
    return ""


def is_of_aiohttp(value: object, name: str) -> bool:
    """Return whether a value is of a class of aiohttp, which is not loaded for it: who has such a value has loaded it.

    Args:
        value: What a user has given.
        name: The class, as ClientTimeout.
    """
    aiohttp = sys.modules.get("aiohttp")
    return aiohttp is not None and isinstance(value, getattr(aiohttp, name))
