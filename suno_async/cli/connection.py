"""The client of a command: its store, and its pace at an emulator."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..stores.base import Store
    from ..tasks.pace import Pace

__all__ = [
    "SPEED",
    "UNLIMITED_RATE",
    "connected",
    "default_store",
    "opened_store",
    "pace_of_environment",
    "speed_of_environment",
]

SPEED = "SUNO_EMULATOR_SPEED"
"""Environment variable that `suno-async emulator` prints: how fast its clock goes, so that it is polled as often."""
UNLIMITED_RATE = "SUNO_EMULATOR_UNLIMITED"
"""Environment variable that it prints if it has no rate limits."""
NO_KEY_NEEDED = "no-key"


def connected(store: "Store", *, key_needed: bool = True, **options: Any) -> "SunoClient":
    """Return a client as the environment says.

    Args:
        store: Its store.
        key_needed: False for what sends nothing, so that it can be tried without a key.
        options: More arguments of `SunoClient`.
    """
    from ..client import SunoClient

    given: dict[str, Any] = _of_emulator()
    if not key_needed and not os.environ.get("SUNO_API_KEY", "").strip():
        given["api_key"] = NO_KEY_NEEDED
    return SunoClient(store=store, **given | options)


def opened_store() -> "Store":
    """Return the store of SUNO_STORE, or the one of this user for the asked gateway."""
    from ..stores.address import store_at
    from ..stores.sqlite import SQLiteStore

    if place := os.environ.get("SUNO_STORE", "").strip():
        return store_at(place)
    path = default_store()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        from ..errors import ConfigurationError

        raise ConfigurationError(f"no store can be made: {path.parent}: {exc.strerror}; set SUNO_STORE") from None
    return SQLiteStore(path)


def default_store() -> Path:
    """Return the file of the store that is used without SUNO_STORE: one for each host of an API."""
    from platformdirs import user_data_path

    host = _base().netloc.rpartition("@")[2].replace(":", "-") or "unknown"
    return user_data_path("suno-async", appauthor=False) / f"{host}.sqlite"


def _base() -> SplitResult:
    from ..api.providers import provider_named

    given = os.environ.get("SUNO_BASE_URL", "").strip()
    try:
        return urlsplit(given or provider_named(os.environ.get("SUNO_PROVIDER") or "kie").api)
    except ValueError:  # the client says what is wrong with it
        return urlsplit("")


def _of_emulator() -> dict[str, Any]:
    """Pace and provider that fit an emulator on this machine; nothing for another address."""
    if not _is_here():
        return {}
    options: dict[str, Any] = {"pace": pace_of_environment()}
    if os.environ.get(UNLIMITED_RATE):
        from ..api.providers import provider_named
        from ..emulator.service import UNLIMITED

        options["provider"] = provider_named(os.environ.get("SUNO_PROVIDER") or "kie").replace(**UNLIMITED)
    return options


def pace_of_environment() -> "Pace | None":
    """Return the pace that fits the emulator of the environment; None for the usual one."""
    speed = speed_of_environment()
    if not speed:
        return None
    from ..emulator.pace import pace_at

    return pace_at(speed)


def speed_of_environment() -> float | None:
    """Return how fast the clock of the environment's emulator runs, if that is stated."""
    return _number(os.environ.get(SPEED, "")) if _is_here() else None


def _is_here() -> bool:
    return _base().hostname in ("127.0.0.1", "localhost", "::1")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
