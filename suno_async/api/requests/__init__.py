"""The table: one class is one endpoint.

A family (`MusicJob`) states what its jobs share: details page, result, status words. A job or call adds its path and
fields. Everything else is made from these classes: client methods, bytes on the wire, checks before sending, the
emulator. Fields carry our names; the service's are camelCase by rule, and `wire_names` has the odd ones.

An endpoint is written in the file of its family and named in that file's `__all__`; nothing here lists it again.
"""

# ruff: noqa: F403, F405  each family's own `__all__` says what it offers
from typing import Any

from ..results import Result
from . import account, base, music, tracks, voices, words
from .account import *
from .base import *
from .music import *
from .tracks import *
from .voices import *
from .words import *

__all__: list[str] = ["TABLE", "maker_of"]
__all__ += base.__all__
__all__ += music.__all__
__all__ += words.__all__
__all__ += tracks.__all__
__all__ += voices.__all__
__all__ += account.__all__

TABLE: tuple[type[Request[Any]], ...] = tuple(
    kind
    for module in (music, words, tracks, voices, account)
    for kind in vars(module).values()
    if isinstance(kind, type) and "path" in vars(kind)
)
"""Every built-in endpoint, in the order of the families."""


def maker_of(result: Result) -> type[Job[Any]] | None:
    """Return a job whose details page shows a result, to get fresh links for it; None if there is none.

    Args:
        result: A finished result, or a part of one, such as a track.
    """
    for kind in TABLE:
        if issubclass(kind, Job) and type(result) in (kind.result, *kind.result.parts):
            return kind
    return None
