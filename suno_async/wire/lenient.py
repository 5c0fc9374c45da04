"""The second, lenient reading of what strict reading refuses: a repaired text, and a walk by type.

Odd bytes must not hide a song (docs/architecture.md#law-7). It is slower than the strict reading, and used only after
that has failed.
"""

import json
import math
import re
from functools import cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from .shapes import spellings

__all__ = ["fitted", "known", "repaired"]


def repaired(body: bytes) -> bytes:
    """Return the same JSON as well-formed JSON.

    A byte order mark goes. NaN, infinities and numbers that no float holds become null. Control characters stay,
    escaped. Lone surrogates and bytes that are not UTF-8 become U+FFFD.

    Args:
        body: The body, or JSON text from inside one.

    Raises:
        msgspec.DecodeError: It is not JSON all the same. RecursionError if it is nested too deeply.
    """
    text = body.decode("utf-8-sig", errors="replace").strip(_AROUND)
    try:
        value = json.loads(
            text, strict=False, parse_constant=lambda _: None, parse_float=_number(float), parse_int=_number(int)
        )
        return _SURROGATES.sub("\ufffd", json.dumps(value, ensure_ascii=False)).encode()
    except ValueError as exc:
        raise msgspec.DecodeError(str(exc)) from exc


_SURROGATES = re.compile("[\ud800-\udfff]")
_AROUND = "\ufeff" + "".join(map(chr, range(33)))
"""What may stand before and after JSON: control characters and a second byte order mark, too."""


def _number(kind: type[float] | type[int]) -> Any:
    def read(digits: str) -> float | None:
        try:
            number = kind(digits)
            return number if math.isfinite(number) else None
        except (ValueError, OverflowError):  # int() takes 4300 digits at most; isfinite those that a float holds
            return None

    return read


def fitted(value: Any, kind: Any) -> Any:
    """Return parsed JSON as a type, with its defaults in place of what does not fit.

    Fields have any of their spellings. What a class declares `essential` is never replaced: an id may be a number, and
    what is false or empty is not there. An element of a list is never dropped, except null; one that does not fit is
    an object with nothing in it.

    Args:
        value: Parsed JSON.
        kind: Struct, tuple, or a type of what they hold.

    Raises:
        msgspec.ValidationError: Something essential does not fit.
    """
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _struct(value, kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return fitted(value, args[0])
    if origin in (UnionType, Union):
        return _union(value, args)
    if origin in (tuple, list) and args:
        if not isinstance(value, list):
            raise msgspec.ValidationError(f"expected a list, got {type(value).__name__}")
        made: Any = origin
        return made(_elements([one for one in cast(Any, value) if one is not None], args[0]))
    return msgspec.convert(value, cast(Any, kind), strict=False)


def known(value: Any, kind: type[Struct]) -> int:
    """Return how many fields of a struct are in an object, in any of their spellings and not null.

    Args:
        value: Parsed JSON.
        kind: The struct.
    """
    if not isinstance(value, dict):
        return 0
    held = cast("dict[str, Any]", value)
    return sum(any(held.get(name) is not None for name in field.names) for field in _fields(kind))


class _Field(NamedTuple):
    name: str
    names: tuple[str, ...]
    type: Any
    essential: bool


@cache
def _fields(kind: type[Struct]) -> tuple[_Field, ...]:
    essential = getattr(kind, "essential", ())
    return tuple(
        _Field(field.name, spellings(field, kind), field.type, field.name in essential)
        for field in msgspec.structs.fields(kind)
    )


def _struct(value: Any, kind: type[Struct], *, needed: bool = True) -> Any:
    """An object as a struct; without `needed`, what is essential may be replaced, too."""
    if not isinstance(value, dict):
        raise msgspec.ValidationError(f"expected an object, got {type(value).__name__}")
    held = cast("dict[str, Any]", value)
    read: dict[str, Any] = {}
    for field in _fields(kind):
        for name in field.names:
            if (inside := held.get(name)) is None:
                continue
            try:
                read[field.name] = fitted(inside, field.type)
                break
            except msgspec.ValidationError:
                if field.essential and type(inside) is int and field.name.lower().endswith("id"):
                    read[field.name] = str(inside)
                    break
                if needed and field.essential and inside:
                    raise
    try:
        return kind(**read)
    except TypeError as exc:
        raise msgspec.ValidationError(str(exc)) from exc


def _union(value: Any, kinds: tuple[Any, ...]) -> Any:
    walked = [kind for kind in kinds if get_origin(kind) or (isinstance(kind, type) and issubclass(kind, Struct))]
    if not walked:
        return msgspec.convert(value, Union[kinds], strict=False)  # noqa: UP007  made at run time
    for kind in walked[:-1]:
        try:
            return fitted(value, kind)
        except msgspec.ValidationError:
            continue
    return fitted(value, walked[-1])


def _elements(values: list[Any], kind: Any) -> list[Any]:
    """The elements of a list. One that cannot be read hides no other: what does not fit in it is replaced, or all.

    If none can be read, that is a failure, unless one has its file all the same.
    """
    read: list[Any] = []
    problems: list[msgspec.ValidationError] = []
    for value in values:
        try:
            read.append(fitted(value, kind))
        except msgspec.ValidationError as exc:
            if not (isinstance(kind, type) and issubclass(kind, Struct)):
                raise
            if isinstance(value, dict):
                problems.append(exc)
            read.append(_struct(value if isinstance(value, dict) else {}, kind, needed=False))
    if problems and len(problems) == len(read) and not any(getattr(one, "complete", False) for one in read):
        raise problems[0]
    return read
