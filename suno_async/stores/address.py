"""Stores by their addresses."""

from contextlib import suppress
from urllib.parse import unquote, urlsplit

from ..errors import ConfigurationError
from .base import Store
from .memory import MemoryStore

__all__ = ["store_at"]


def store_at(url: str) -> Store:
    """Return the store at an address, unopened.

    Args:
        url: `sqlite:///songs.db` (four slashes for an absolute path), `redis://host:6379/0`, `rediss://…`, `unix://…`,
            or `memory:`. Blanks and line ends around it are ignored.

    Raises:
        ConfigurationError: If there is no store at such an address, or a package that it needs is not installed.
    """
    url = url.strip()
    if url.lower().startswith("sqlite:"):
        return _sqlite(url)
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError as exc:
        raise ConfigurationError(f"store: not an address ({exc})") from None
    if parts.scheme == "memory":
        return MemoryStore()
    if parts.scheme in ("redis", "rediss", "unix"):
        try:
            from .redis import RedisStore
        except ModuleNotFoundError as exc:
            raise ConfigurationError(f"store at {parts.scheme}:// needs `pip install 'suno-async[redis]'`") from exc
        with suppress(ValueError):  # a port or database that is no number
            return RedisStore(url)
    shown = url.replace(f":{password}@", ":…@") if password else url
    raise ConfigurationError(f"store must be sqlite:///path, redis://…, memory: or a Store, got {shown!r}")


def _sqlite(url: str) -> Store:
    path = unquote(url[len("sqlite:///") :])
    if not url.lower().startswith("sqlite:///") or not path:
        raise ConfigurationError(f"store must be sqlite:///path, with three slashes and a path, got {url!r}")
    if "mode=memory" in url:
        raise ConfigurationError("store: a SQLite database in memory is lost with its connection; use memory:")
    if "?" in url:
        raise ConfigurationError(f"store: an address of SQLite takes no options (write %3F for ?), got {url!r}")
    from .sqlite import SQLiteStore

    return SQLiteStore(path)
