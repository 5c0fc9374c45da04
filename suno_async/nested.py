"""A value of one type, some way down a JSON body."""

from collections.abc import Callable
from functools import cache
from typing import Any, Optional

import msgspec

__all__ = ["at", "shape"]


def shape(path: tuple[str, ...], kind: Any) -> Any:
    """The type of a body that holds a value of a kind at the end of a path; missing or null on the way is fine."""
    for name in reversed(path):
        inside = ("inside", Optional[kind], msgspec.field(name=name, default=None))  # noqa: UP045  made at run time
        kind = msgspec.defstruct("Holding", [inside], frozen=True)
    return kind


@cache
def at(path: tuple[str, ...], kind: Any) -> Callable[[bytes], Any]:
    """A reader of that value, None if it is not there; it raises what msgspec raises."""
    decoder = msgspec.json.Decoder(shape(path, kind), strict=False)

    def read(body: bytes) -> Any:
        value = decoder.decode(body)
        for _ in path:
            if value is None:
                break
            value = value.inside
        return value

    return read
