"""The options of the network: completed from the environment, and checked before anything is sent."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from ..errors import ConfigurationError
from ..secret import Secret
from .network import Network, is_of_aiohttp, why_unusable
from .retry import MAX_RETRIES

__all__ = ["check", "completed", "retries"]

T = TypeVar("T")

OURS = {
    **dict.fromkeys(("authorization", "proxy-authorization"), "the key and the proxy have options of their own"),
    **dict.fromkeys(("host", "connection"), "the client sets it"),
    **dict.fromkeys(("content-type", "content-length", "transfer-encoding"), "the client sets it"),
    **dict.fromkeys(("accept-encoding", "expect"), "an answer that cannot be read would be lost"),
    "user-agent": "app_info is added to it",
}
"""Headers that cannot be given, and why."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name as headers may hold it (RFC 9110 §5.6.2)."""
_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def completed(network: Network) -> Network:
    """Return the same network with what is left out taken from the environment."""
    headers = network.headers or _from_env("SUNO_HEADERS", _headers) or {}
    app_info = network.app_info or _from_env("SUNO_APP_INFO", lambda text: tuple(text.split("/")))
    if network.trust_env is None:
        network = network._replace(trust_env=_from_env("SUNO_TRUST_ENV", _flag))
    if network.timeout is None:
        network = network._replace(timeout=_from_env("SUNO_TIMEOUT", float))
    return network._replace(
        proxy=network.proxy or _from_env("SUNO_PROXY", Secret),
        headers=MappingProxyType({name: Secret(value) for name, value in _items(headers)}),
        app_info=cast("tuple[str, str] | None", app_info),
    )


def check(network: Network) -> None:
    """Refuse what cannot be used together or at all. ConfigurationError."""
    _check_kind("session", network.session, "ClientSession")
    _check_kind("connector", network.connector, "BaseConnector")
    if not (isinstance(network.ssl, bool | ssl.SSLContext) or is_of_aiohttp(network.ssl, "Fingerprint")):
        raise ConfigurationError(
            f"ssl must be an ssl.SSLContext, an aiohttp.Fingerprint or a bool, got {network.ssl!r}"
        )
    if network.paid_through_session and network.session is None and network.connector is None:
        raise ConfigurationError("paid_through_session=True needs session= or connector=: there is none to go through")
    if network.session is not None and network.connector is not None:
        raise ConfigurationError("session and connector cannot both be given: the session has its own")
    if network.session is not None and not callable(network.session):
        if network.trace_configs:
            raise ConfigurationError("session and trace_configs cannot both be given: the session has its own")
        if why := why_unusable(network.session):
            raise ConfigurationError(why)
    if not (network.trust_env is None or isinstance(cast(Any, network.trust_env), bool)):
        raise ConfigurationError(f"trust_env must be True or False, got {network.trust_env!r}")
    _check_timeout(network.timeout)
    _check_headers(network.headers)
    _check_app_info(network.app_info)
    for one in cast("tuple[object, ...]", network.trace_configs):
        if not is_of_aiohttp(one, "TraceConfig"):
            raise ConfigurationError(f"trace_configs must be aiohttp.TraceConfigs, got {one!r}")


def _check_kind(name: str, given: Any, kind: str) -> None:
    if not (given is None or is_of_aiohttp(given, kind) or callable(given)):
        what = f"an aiohttp.{kind} or a function that makes one"
        raise ConfigurationError(f"{name} must be {what}, got {given!r}")


def retries(given: int | None) -> int:
    """Return how often a request is sent again, from the argument or the environment. ConfigurationError."""
    name = "SUNO_MAX_RETRIES" if given is None else "max_retries"
    value: Any = _from_env(name, int) if given is None else given
    if value is None:
        return MAX_RETRIES
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number of at least 0, got {value!r}")
    return value


def _check_timeout(given: Any) -> None:
    if given is None or is_of_aiohttp(given, "ClientTimeout"):
        return
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise ConfigurationError(f"timeout must be more than 0 seconds or an aiohttp.ClientTimeout, got {given!r}")


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ConfigurationError(f"headers must have names of letters, digits and dashes, got {name!r}")
        if why := OURS.get(name.lower()):
            raise ConfigurationError(f"headers must not hold {name}: {why}")
        if not value.isprintable() or not value.isascii() or value != value.strip():
            raise ConfigurationError(f"headers must have printable ASCII values; that of {name} is not")


def _check_app_info(given: Any) -> None:
    if given is None:
        return
    parts = cast("tuple[object, ...]", given) if isinstance(given, tuple) else ()
    if len(parts) != 2 or not all(isinstance(one, str) and _TOKEN.fullmatch(one) for one in parts):
        raise ConfigurationError(
            f"app_info must be a name and a version, such as ('my-bot', '1.2'), of letters, digits, dots and dashes, "
            f"got {given!r}"
        )


def _items(headers: Any) -> list[tuple[str, str]]:
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"headers must map names to texts, got a {type(headers).__name__}")
    items: Any = list(cast("Mapping[object, object]", headers).items())
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in items):
        raise ConfigurationError("headers must map names to texts")
    pairs: list[tuple[str, str]] = items
    return pairs


def _from_env(name: str, read: Callable[[str], T]) -> T | None:
    """Read a variable; one that is empty is not set."""
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        return read(text)
    except (ValueError, KeyError) as exc:
        shown = "" if name == "SUNO_HEADERS" else f", got {text!r}"
        raise ConfigurationError(f"{name} must be {_FORMS[name]}{shown}") from exc


_FORMS = {
    "SUNO_HEADERS": "name=value pairs separated by commas, values percent-encoded",
    "SUNO_MAX_RETRIES": "a whole number of at least 0",
    "SUNO_TIMEOUT": "seconds",
    "SUNO_TRUST_ENV": "true or false",
}


def _headers(text: str) -> dict[str, str]:
    """As OpenTelemetry writes headers in a variable: X-Team=audio,X-Note=two%20words."""
    pairs = [pair.split("=", 1) for pair in text.split(",") if pair.strip()]
    return {name.strip(): unquote(value.strip()) for name, value in pairs}


def _flag(text: str) -> bool:
    return _WORDS[text.lower()]
