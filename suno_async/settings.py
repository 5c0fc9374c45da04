"""The settings of a client: arguments and environment, checked once."""

import logging
import os
import time
from collections.abc import Callable, Hashable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from .api.providers import Provider, provider_named
from .api.requests import Request
from .api.requests.base import kind_by_token_id
from .errors import ConfigurationError
from .http import options
from .http.base import Transport
from .http.network import Network
from .http.request_events import OnRequest
from .http.retry import MAX_RETRIES
from .log import to_stderr
from .secret import Secret, hidden
from .stores.address import store_at
from .stores.base import DEFAULT_ACCOUNT, Store, check_account
from .stores.memory import MemoryStore
from .submissions.hooks import HousekeepingSettings, Observer, OnExpiring
from .tasks.pace import Pace, check_pace
from .webhooks.verification import Proofs
from .wire import tokens

__all__ = ["Settings", "check_callable", "check_task_id", "log_as_asked", "seconds_of"]

C = TypeVar("C")

NOWHERE = "https://suno-async.invalid/callback"
"""The API wants a callback address even from clients that poll; this one can never resolve (RFC 2606)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one client. They do not change."""

    api_key: Secret
    provider: Provider
    base: str
    """Base address of the API."""
    upload_base: str
    """Base address of the upload host; empty if none is known."""
    model: str
    callback_url: str
    """Empty if there is none."""
    secrets: tuple[bytes, ...]
    """What callback tokens are made with: the first makes them, all are accepted."""
    proofs: Proofs
    """What callbacks are verified against."""
    pace: Pace | None
    account: str
    """Whose records, idempotency keys and rate window are the client's in a store that several accounts share."""
    store: Any  # a Store, the account's part; msgspec knows no protocols
    own_store: bool
    """Whether the store is closed with the client."""
    shared: bool
    """Whether other processes may use the store, too."""
    validate: bool
    given_transport: Any = None  # a Transport
    network: Network = Network()
    housekeeping: HousekeepingSettings
    on_update: Observer | None
    on_request: OnRequest | None
    max_retries: int = MAX_RETRIES
    drain: float = 0.0
    """Seconds that closing waits for what is under way and what is awaited."""
    fair_by: Callable[[Any], Hashable] | None = None
    """Tells from a context which group takes turns with others in the rate window."""
    clock: Callable[[], float] = time.time
    """Unix seconds."""

    def transport(self) -> Transport:
        """Return the network of one event loop."""
        given: Transport | None = self.given_transport
        if given is not None:
            return given
        from .http.transport import HTTP  # here, since aiohttp is most of the time that importing the client took

        return HTTP(self.api_key, self.network, (self.base, self.upload_base))

    def callback_url_of(self, kind: type[Request[Any]], ref: str, api: Provider) -> str:
        """Return the callback address of one submission; the jobs API wants none from those who have none.

        Without a ref it is the address as it may be shown: `{token}` stands where the token will.
        """
        if not self.callback_url:
            return "" if api.uses_jobs_api(kind) else NOWHERE
        if not ref:
            return tokens.addressed(self.callback_url, tokens.PLACE)
        token_id = kind.token_id if kind_by_token_id(kind.token_id) is kind else 0  # an own class may inherit it
        return tokens.addressed(self.callback_url, tokens.issue(self.secrets[0], token_id, ref))

    def __repr__(self) -> str:
        return f"<Settings {self.provider.name} {self.base}>"

    @classmethod
    def of(
        cls,
        *,
        api_key: str | Sequence[str] | None,
        account: str | None,
        provider: str | Provider | None,
        base_url: str | None,
        model: str | None,
        callback_url: str | None,
        callback_secret: str | Sequence[str] | None,
        webhook_key: str | Sequence[str] | None,
        pace: Pace | None,
        store: Store | str | None,
        validate: bool,
        retention: timedelta | float | None,
        on_expiring: OnExpiring | None,
        expiring_within: timedelta | float,
        on_update: Observer | None,
        on_request: OnRequest | None,
        transport: Transport | None,
        network: Network,
        max_retries: int | None,
        drain: timedelta | float,
        fair_by: Callable[[Any], Hashable] | None,
        clock: Callable[[], float],
    ) -> "Settings":
        """Return the settings from arguments, and from the environment for those left out. ConfigurationError."""
        api_key = keys = _keys(api_key)
        chosen = provider or os.environ.get("SUNO_PROVIDER") or "kie"
        gateway = chosen if isinstance(chosen, Provider) else provider_named(chosen)
        gateway.__post_init__()  # which `msgspec.structs.replace` leaves out before 0.19
        base = base_url or os.environ.get("SUNO_BASE_URL")
        given = _several("callback_secret", callback_secret, "SUNO_CALLBACK_SECRET")
        secrets = tuple(secret.encode() for secret in given) or tuple(tokens.secret_of(key) for key in keys)
        webhook_keys = _several("webhook_key", webhook_key, "SUNO_WEBHOOK_KEY")
        posted_to = _callback_url(callback_url or "")
        if pace is not None:
            check_pace(pace)
        place = store or os.environ.get("SUNO_STORE") or None
        owner = check_account(account or os.environ.get("SUNO_ACCOUNT", "").strip() or DEFAULT_ACCOUNT)
        return cls(
            api_key=keys[0],
            provider=gateway,
            base=_base("base_url", base or gateway.api),
            upload_base=_base("base_url", base or gateway.uploads) if base or gateway.uploads else "",
            model=model or gateway.model,
            callback_url=posted_to,
            secrets=secrets,
            proofs=Proofs(secrets if given or posted_to else (), webhook_keys),
            pace=pace,
            account=owner,
            store=MemoryStore(clock=clock) if place is None else _store(place, owner),
            own_store=place is None or isinstance(place, str),
            shared=place is not None,
            validate=validate,
            given_transport=transport,
            network=_network(network, transport),
            housekeeping=HousekeepingSettings(
                None if retention is None else seconds_of("retention", retention),
                check_callable("on_expiring", on_expiring),
                seconds_of("expiring_within", expiring_within),
                clock,
            ),
            on_update=check_callable("on_update", on_update),
            on_request=check_callable("on_request", on_request),
            max_retries=options.retries(max_retries),
            drain=seconds_of("drain", drain),
            fair_by=check_callable("fair_by", fair_by),
            clock=clock,
        )


def _store(given: Store | str, account: str) -> Store:
    """An account's part of a store or of the one at an address. A path is refused: it names no kind of store."""
    if isinstance(given, str):
        given = store_at(given)
    elif not callable(getattr(given, "intend", None)) or isinstance(given, type):
        raise ConfigurationError(
            f"store must be sqlite:///path, redis://…, postgresql://…, memory: or a Store, got {given!r}"
        )
    return given if account == DEFAULT_ACCOUNT else given.account(account)


def _keys(given: str | Sequence[str] | None) -> tuple[Secret, ...]:
    """The API keys from the argument or the environment; errors never show them."""
    given = hidden(given)
    name = "SUNO_API_KEY" if given is None else "api_key"
    if given is None:
        given = [one for one in os.environ.get(name, "").split(",") if one.strip()]
    keys = tuple(_key(name, one) for one in ((given,) if isinstance(given, str) else given))
    if not keys:
        raise ConfigurationError(NO_KEY)
    return keys


NO_KEY = "no API key: pass api_key= or set the environment variable SUNO_API_KEY"


def _key(name: str, given: str) -> Secret:
    if not isinstance(given, str):
        raise ConfigurationError(f"{name} must be a string or a list of strings")
    key = Secret(given.strip())
    if not key:
        raise ConfigurationError(NO_KEY)
    if "bearer " in f"{key} ".lower() or key.lower().startswith("bearer:"):
        raise ConfigurationError(f"{name} must be the key alone, without the word Bearer in front of it")
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        raise ConfigurationError(f"{name} must be the key alone, without quotes around it")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError(
            f"{name} must be printable ASCII without spaces, got {len(key)} characters that are not"
        )
    return key


_QUOTES = "\"'`\u2018\u2019\u201c\u201d"


def _several(name: str, given: str | Sequence[str] | None, variable: str) -> tuple[str, ...]:
    """One secret or several, from the argument or the environment; errors never show them."""
    if given is None:
        given = [one for one in os.environ.get(variable, "").split(",") if one.strip()]
    elif not given:
        raise ConfigurationError(f"{name} must not be empty; leave it out to have none")
    several = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(one, str) and one.strip() and _encodes(one) for one in several):
        raise ConfigurationError(f"{name} must be a string that is not empty, or a list of such strings")
    return tuple(Secret(one.strip()) for one in several)


def _address(name: str, given: str, *, user: bool = False) -> str:
    """An http(s) address without the blanks and line ends around it; errors show no password.

    Args:
        name: What errors call it.
        given: The address.
        user: Whether it may hold a user name and password.
    """
    address = given.strip()
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool((parts.hostname or "").encode("idna"))
        usable = usable and parts.port != 0 and not any(char.isspace() for char in address)  # the port is checked so
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{name} must be an http(s) address, got {_shown(given)}")
    if not user and "@" in address.partition("://")[2].partition("/")[0]:
        raise ConfigurationError(f"{name} must not hold a user name or password")
    return address


def _shown(address: str) -> str:
    """An address as an error may show it."""
    return repr(str(address)) if "@" not in address and "?" not in address else f"{len(address)} characters"


def _base(name: str, given: str) -> str:
    """A base address; the paths of all endpoints begin with the version, so it is dropped here."""
    address = _address(name, given).rstrip("/").removesuffix("/api/v1").rstrip("/")
    if urlsplit(address).query or urlsplit(address).fragment:
        raise ConfigurationError(f"{name} must have no parameters")
    return address


def _callback_url(url: str) -> str:
    address = _address("callback_url", url) if url.strip() else ""
    if address and not tokens.placed(address):
        raise ConfigurationError(
            f"callback_url must have {tokens.PLACE} as a whole segment of its path or not at all, and no parameter "
            f"{tokens.NAME}, got {_shown(url)}"
        )
    return address


_DOORS = ("send", "upload", "fetch", "aclose")
"""What a transport must have."""


def _network(network: Network, transport: Transport | None) -> Network:
    if transport is not None:
        if missing := [name for name in _DOORS if not callable(getattr(transport, name, None))]:
            raise ConfigurationError(f"transport must be a Transport: {transport!r} has no {', '.join(missing)}")
        if network != Network():
            raise ConfigurationError(
                "transport= replaces the network: leave out session, connector, proxy, ssl, timeout, headers and the "
                "other options of it"
            )
        return network
    network = options.completed(network)
    options.check(network)
    if network.proxy is not None:
        _proxy("proxy", network.proxy)
    elif network.trusts_env:
        from .http.proxies import EnvironmentProxies  # here, since it loads urllib.request and all of email

        for variable, address in EnvironmentProxies().addresses.items():
            _proxy(variable, address)
    return network


def seconds_of(name: str, given: timedelta | float) -> float:
    """Return a duration in seconds, from 0 to a hundred years. ConfigurationError."""
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 100 * 365 * 86_400:
        raise ConfigurationError(f"{name} must be a timedelta or seconds, from 0 to a hundred years, got {given!r}")
    return float(seconds)


def check_callable(name: str, given: C) -> C:
    """Return what is a function or nothing. ConfigurationError."""
    if given is not None and not callable(given):
        raise ConfigurationError(f"{name} must be a function, got {given!r}")
    return given


def _proxy(name: str, given: str) -> None:
    if not isinstance(given, str):
        raise ConfigurationError(f"{name} must be an http(s) address, got a {type(given).__name__}")
    if given.partition("://")[0].startswith("socks"):
        raise ConfigurationError(
            f"{name} must be an http(s) address: for SOCKS give connector=, as examples/socks_proxy.py does"
        )
    _address(name, given, user=True)


LOG_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
"""Values of SUNO_LOG."""


def log_as_asked() -> None:
    """Write log lines to stderr if the environment variable SUNO_LOG says so. ConfigurationError if it is no level."""
    asked = os.environ.get("SUNO_LOG", "").strip()
    if not asked:
        return
    if asked.lower() not in LOG_LEVELS:
        raise ConfigurationError(f"SUNO_LOG must be one of {', '.join(LOG_LEVELS)}, got {asked!r}")
    to_stderr(LOG_LEVELS[asked.lower()])


def check_task_id(task_id: object, name: str = "task_id") -> None:
    """Refuse what can be no task id, or no name of the other kind that is given. ConfigurationError."""
    if not isinstance(task_id, str) or not task_id.strip() or not _encodes(task_id):
        raise ConfigurationError(f"{name} must be text, not empty, got {task_id!r}")


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
