"""What the fields of requests mean, in words, and their types without limits: for `help()`, editors and the CLI."""

import inspect
import re
from functools import cache
from os import PathLike
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from .fields import Media

__all__ = ["field_descriptions", "plain_type", "summary"]

_ENTRY = re.compile(r"    (\w+): +(.*)")


@cache
def field_descriptions(kind: type[Struct]) -> dict[str, str]:
    """Return the description of each field of a struct; empty for a field that has none.

    A description stands in the `Args:` section of the docstring of the class, or of a base that has the field, or in
    the `Meta(description=…)` of the field's type.

    Args:
        kind: The class.
    """
    described: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base is not Struct and issubclass(base, Struct):
            described |= _arguments(vars(base).get("__doc__") or "")
    fields = msgspec.structs.fields(kind)
    return {field.name: described.get(field.name) or _description_of_type(field.type) for field in fields}


def summary(kind: type[Struct]) -> tuple[str, str]:
    """Return the docstring of a class in two parts: the text before its sections, and its `Source:` line.

    Args:
        kind: The class.
    """
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    text = [one for one in paragraphs if not one.startswith(("Args:", "Source:"))]
    source = [one for one in paragraphs if one.startswith("Source:")]
    return "\n\n".join(text), "\n\n".join(source)


def _arguments(docstring: str) -> dict[str, str]:
    """The entries of the `Args:` section."""
    _, _, section = inspect.cleandoc(docstring).partition("Args:\n")
    entries: dict[str, str] = {}
    name = ""
    for line in section.split("\n"):
        if not line.startswith("    "):
            break
        if entry := _ENTRY.fullmatch(line):
            name, entries[entry[1]] = entry[1], entry[2]
        elif name:
            entries[name] += f" {line.strip()}"
    return entries


def _description_of_type(kind: Any) -> str:
    for part in (kind, *get_args(kind)):
        if get_origin(part) is Annotated:
            for meta in part.__metadata__:
                if isinstance(meta, Meta) and meta.description:
                    return meta.description
    return ""


def plain_type(kind: Any) -> Any:
    """Return a type without the limits that `Annotated` adds, as a caller thinks of it.

    Args:
        kind: The type of a field, such as `Annotated[str, Meta(min_length=1)] | None`, which becomes `str | None`.
    """
    if kind == Media:
        return str | PathLike[str]
    if get_origin(kind) is Annotated:
        return plain_type(get_args(kind)[0])
    made = get_origin(kind)
    if made is None or made is Literal:
        return kind
    arguments = tuple(one if one is ... else plain_type(one) for one in get_args(kind))
    return Union[arguments] if made in (Union, UnionType) else made[arguments]  # noqa: UP007  made at run time
