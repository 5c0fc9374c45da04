"""Stores: where submissions are kept, so that nothing paid for is lost and no key is paid twice.

`MemoryStore` keeps them in this process, `SQLiteStore` in a file for the processes of one machine, `RedisStore` and
`PostgresStore` in a server for many machines. `Store` is the protocol that a store of your own follows.
"""

from typing import TYPE_CHECKING, Any

from .address import store_at
from .base import Damaged, Store, Transition, Wanted
from .memory import MemoryStore
from .record import Record, State

if TYPE_CHECKING:
    from .postgres import PostgresStore
    from .redis import RedisStore
    from .sqlite import SQLiteStore

__all__ = [
    "Damaged",
    "MemoryStore",
    "PostgresStore",
    "Record",
    "RedisStore",
    "SQLiteStore",
    "State",
    "Store",
    "Transition",
    "Wanted",
    "store_at",
]

_LAZY = {"PostgresStore": ".postgres", "RedisStore": ".redis", "SQLiteStore": ".sqlite"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
