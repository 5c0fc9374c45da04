"""Stores by their addresses."""

from contextlib import suppress
from urllib.parse import unquote, urlsplit

from ..errors import ConfigurationError
from .base import Store
from .memory import MemoryStore

__all__ = ["store_at"]


def store_at(url: str) -> Store:
    """The store at an address: sqlite:///songs.db (four slashes for an absolute path), redis://…, memory:.

    ConfigurationError for others, or if what it needs is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryStore()
    if path := url.removeprefix("sqlite:///").removeprefix(url):
        from .sqlite import SQLiteStore

        return SQLiteStore(unquote(path))
    if url.startswith(("redis://", "rediss://", "unix://")):
        try:
            from .redis import RedisStore
        except ImportError as exc:
            raise ConfigurationError(f"store at {parts.scheme}:// needs `pip install 'suno-async[redis]'`") from exc
        with suppress(ValueError):  # a port or database that is no number
            return RedisStore(url)
    shown = url.replace(f":{parts.password}@", ":…@") if parts.password else url
    raise ConfigurationError(f"store must be sqlite:///path, redis://…, memory: or a Store, got {shown!r}")
