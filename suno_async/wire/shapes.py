"""Forms of bodies that no struct states: a value at a path, a struct with the names of callbacks, lenient reading."""

from collections.abc import Callable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Optional, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

__all__ = ["UNREADABLE", "as_in_callbacks", "at", "shape", "snake_case", "spellings", "without_nulls"]

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises for bytes from strangers."""


def shape(path: tuple[str, ...], kind: Any) -> Any:
    """Return the type of a body that holds a value at a path, any part of which may be missing or null.

    Args:
        path: Names from the outside in.
        kind: Type of the value.
    """
    for name in reversed(path):
        inside = ("inside", Optional[kind], msgspec.field(name=name, default=None))  # noqa: UP045  made at run time
        kind = msgspec.defstruct("Holding", [inside], frozen=True, gc=False)
    return kind


@cache
def at(path: tuple[str, ...], kind: Any) -> Callable[[bytes], Any]:
    """Return a function that reads the value at a path from a body; None if it is not there.

    The function raises what msgspec raises (`UNREADABLE`).

    Args:
        path: Names from the outside in.
        kind: Type of the value.
    """
    decoder = msgspec.json.Decoder(shape(path, kind), strict=False)

    def read(body: bytes) -> Any:
        value = decoder.decode(body)
        for _ in path:
            if value is None:
                break
            value = value.inside
        return value

    return read


@cache
def as_in_callbacks(kind: Any) -> Any:
    """Return the same type with the names of callbacks: snake_case, or what `callback_names` says.

    Values read with it become the original by `msgspec.convert(…, from_attributes=True)`.

    Args:
        kind: A result class, or a type that contains some.
    """
    if isinstance(kind, type) and issubclass(kind, Struct):
        if all(_callback_name(field, kind) == field.encode_name for field in msgspec.structs.fields(kind)):
            return kind
        return msgspec.defstruct(
            kind.__name__,
            [
                (
                    field.name,
                    as_in_callbacks(field.type),
                    msgspec.field(default=field.default, name=_callback_name(field, kind)),
                )
                for field in msgspec.structs.fields(kind)
            ],
            kw_only=True,
            frozen=True,
            gc=False,
        )
    args = tuple(as_in_callbacks(arg) for arg in get_args(kind))
    match get_origin(kind):
        case None:
            return cast(Any, kind)
        case origin if origin in (UnionType, Union):
            return Union[args]  # noqa: UP007  made at run time
        case made:
            return made[args]


def _callback_name(field: msgspec.structs.FieldInfo, kind: type[Struct]) -> str:
    callback_names: Mapping[str, str] = getattr(kind, "callback_names", {})
    if field.name in callback_names:
        return callback_names[field.name]
    return field.name if field.encode_name == _camel_case(field.name) else field.encode_name


def spellings(field: msgspec.structs.FieldInfo, kind: type[Struct]) -> tuple[str, ...]:
    """Return the names under which a field may come: as pages and callbacks spell it, and in the other case.

    Args:
        field: The field.
        kind: Its struct.
    """
    names = [field.encode_name, _callback_name(field, kind)]
    if not field.encode_name.startswith("_"):  # ours, which nobody sends
        names += [snake_case(names[0]), _camel_case(names[1])]
    return tuple(dict.fromkeys(names))


@cache
def snake_case(name: str) -> str:
    """Return a name of the legacy API in snake_case: infillStartS becomes infill_start_s.

    Args:
        name: The name.
    """
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest) if rest else name


def without_nulls(value: Any) -> Any:
    """Return the same JSON without nulls, since null in place of a list or text means nothing.

    Args:
        value: Parsed JSON.
    """
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: without_nulls(inside) for name, inside in fields.items() if inside is not None}
    if isinstance(value, list):
        return [without_nulls(inside) for inside in cast(Any, value) if inside is not None]
    return value
