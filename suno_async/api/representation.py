"""What `repr` shows of our values: one line of at most 120 characters, as a debugger and a notebook want it."""

import enum
import reprlib
from typing import Any, cast

from msgspec import Struct

__all__ = ["WIDTH", "short_line", "short_repr"]

WIDTH = 120
"""Characters of a line."""

_values = reprlib.Repr()
_values.maxstring = _values.maxother = 40  # an id of the service has 36
_values.maxlevel = 2


def short_repr(value: Struct) -> str:
    """Return the class and the fields that are not empty, cut to one line. Of values inside, only their number.

    Args:
        value: A struct.
    """
    fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
    shown = (f"{name}={_shown(held)}" for name, held in fields if held or held in (False, 0))
    return short_line(" ".join((f"<{type(value).__name__}", *shown)))


def short_line(begin: str, more: object = None) -> str:
    """Return a repr that begins like this, closed by ">", cut to one line.

    Args:
        begin: What comes first, with the "<".
        more: What follows, if anything.
    """
    text = begin if more is None else f"{begin} {more!r}"
    text = " ".join(text.split())
    return f"{text}>" if len(text) < WIDTH else f"{text[: WIDTH - 3].rstrip()} …>"


def _shown(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Struct):
        return str(len(cast("tuple[Struct, ...]", value)))
    return _values.repr(value.value if isinstance(value, enum.Enum) else value)
