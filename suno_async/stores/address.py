"""Stores by their addresses."""

import re
from contextlib import suppress
from urllib.parse import unquote

from ..errors import ConfigurationError
from .base import Store
from .memory import MemoryStore

__all__ = ["store_at"]


def store_at(url: str) -> Store:
    """Return the store at an address, unopened.

    Args:
        url: `sqlite:///songs.db` (four slashes for an absolute path), `redis://host:6379/0`, `rediss://…`, `unix://…`,
            `postgresql://user@host/database`, or `memory:`. Blanks and line ends around it are ignored.

    Raises:
        ConfigurationError: If there is no store at such an address, or a package that it needs is not installed.
    """
    url = url.strip()
    scheme = url.partition(":")[0].lower()
    if scheme == "memory":
        return MemoryStore()
    if url.lower().startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return _sqlite(url)
    if url.startswith(("redis://", "rediss://", "unix://")):
        try:
            from .redis import RedisStore
        except ModuleNotFoundError as exc:
            raise ConfigurationError(f"store at {scheme}:// needs `pip install 'suno-async[redis]'`") from exc
        with suppress(ValueError):  # a port or database that is no number
            return RedisStore(url)
    if scheme in ("postgresql", "postgres"):
        try:
            from .postgres import PostgresStore
        except ImportError as exc:  # psycopg raises that also where there is no libpq
            raise ConfigurationError(f"store at {scheme}:// needs `pip install 'suno-async[postgres]'`") from exc
        return PostgresStore(url)
    shown = re.sub(r"(?<=:)[^:@]*(?=@)", "…", url)  # a password
    raise ConfigurationError(
        f"store must be sqlite:///path, redis://…, postgresql://…, memory: or a Store, got {shown!r}"
    )


def _sqlite(url: str) -> Store:
    if "mode=memory" in url:
        raise ConfigurationError("store: a SQLite database in memory is lost with its connection; use memory:")
    if "?" in url:
        raise ConfigurationError(f"store: an address of SQLite takes no options (write %3F for ?), got {url!r}")
    from .sqlite import SQLiteStore

    return SQLiteStore(unquote(url[len("sqlite:///") :]))
