"""Shapes of bodies that no struct states: a value some way down, and a struct as callbacks spell it."""

from collections.abc import Callable, Mapping
from functools import cache
from types import UnionType
from typing import Any, Optional, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

__all__ = ["as_called", "at", "shape", "without_nulls"]


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


@cache
def as_called(kind: Any) -> Any:
    """The same type as callbacks spell it: snake_case, except where a field says its name itself.

    Values read with it become the original by `msgspec.convert(…, from_attributes=True)`.
    """
    if isinstance(kind, type) and issubclass(kind, Struct):
        if all(_called(field, kind) == field.encode_name for field in msgspec.structs.fields(kind)):
            return kind
        return msgspec.defstruct(
            kind.__name__,
            [
                (field.name, as_called(field.type), msgspec.field(default=field.default, name=_called(field, kind)))
                for field in msgspec.structs.fields(kind)
            ],
            kw_only=True,
            frozen=True,
        )
    args = tuple(as_called(arg) for arg in get_args(kind))
    match get_origin(kind):
        case None:
            return cast(Any, kind)
        case origin if origin in (UnionType, Union):
            return Union[args]  # noqa: UP007  made at run time
        case made:
            return made[args]


def _called(field: msgspec.structs.FieldInfo, kind: type[Struct]) -> str:
    callback_names: Mapping[str, str] = getattr(kind, "callback_names", {})
    if field.name in callback_names:
        return callback_names[field.name]
    head, *rest = field.name.split("_")
    renamed = field.encode_name == head + "".join(word.capitalize() for word in rest)
    return field.name if renamed else field.encode_name


def without_nulls(value: Any) -> Any:
    """The same JSON without what is null: null where we want a list or text is the same as nothing."""
    if isinstance(value, dict):
        held = cast("dict[str, Any]", value)
        return {name: without_nulls(inside) for name, inside in held.items() if inside is not None}
    if isinstance(value, list):
        return [without_nulls(inside) for inside in cast(Any, value) if inside is not None]
    return value
