"""Requests from texts and JSON: of options, of files with fields, and of rows of batches."""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import msgspec
import typer

from ..api.construction import unknown_fields
from ..api.descriptions import plain_type
from ..api.fields import fields_of, takes_files
from ..api.requests import Request

__all__ = ["choices", "field_types", "fields_in_file", "given_text", "has_many", "request_of", "value_type"]


@cache
def field_types(kind: type[Request[Any]]) -> Mapping[str, Any]:
    """Return the types of the fields that a person gives: all but `source`."""
    return {name: type for name, type, *_ in fields_of(kind) if name != "source"}


def value_type(kind: Any) -> Any:
    """Return the plain type inside `X | None`, such as float; str for choices, addresses and files."""
    plain = plain_type(kind)
    if get_origin(plain) in (Union, UnionType):
        plain = next((one for one in get_args(plain) if one is not type(None)), str)
    return plain if plain in (bool, int, float) else str


def has_many(kind: Any) -> bool:
    """Return whether a field takes several values."""
    return any(get_origin(one) is tuple for one in (plain_type(kind), *get_args(plain_type(kind))))


def choices(kind: Any) -> tuple[str, ...]:
    """Return the only values that a field takes; empty if there are others."""
    plain = plain_type(kind)
    for one in (plain, *get_args(plain)):
        if get_origin(one) is Literal:
            return get_args(one)
    return ()


def request_of(kind: type[Request[Any]], values: Mapping[str, Any]) -> Request[Any]:
    """Return a request with fields from texts or JSON: paths become Paths, and texts numbers where those are wanted.

    Args:
        kind: The class.
        values: The values, by our names of the fields.

    Raises:
        typer.BadParameter: There is no such field, or one is missing.
    """
    types = field_types(kind)
    if unknown := unknown_fields(kind, [name for name in values if name not in types]):
        raise typer.BadParameter(unknown)
    if "source" in values:
        raise typer.BadParameter("source is filled by --last, or by task_id and audio_id")
    try:
        return kind(**{name: _value(types[name], value) for name, value in values.items()})
    except TypeError as exc:
        raise typer.BadParameter(str(exc)) from None


def _value(kind: Any, value: Any) -> Any:
    if has_many(kind):
        several: list[Any] = value.split() if isinstance(value, str) else list(value) if value else []
        return tuple(_one(kind, one) for one in several)
    return _one(kind, value)


def _one(kind: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if kind is Any or takes_files(kind):
        return value if value.lower().startswith(("http://", "https://")) else Path(value)
    wanted = value_type(kind)
    if wanted is not str:
        try:
            return msgspec.convert(value, wanted, strict=False)
        except msgspec.ValidationError:
            return value  # the check before sending says what it must be
    return value


def fields_in_file(given: str) -> dict[str, Any]:
    """Return the fields of `--param @file.json`.

    Args:
        given: The file's name after an @; `@-` is the standard input.

    Raises:
        typer.BadParameter: It cannot be read, or is no JSON object.
    """
    if not given.startswith("@"):
        raise typer.BadParameter(f"must be @file.json, got {given!r}", param_hint="--param")
    try:
        body = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
        return msgspec.json.decode(body, type=dict[str, Any])
    except OSError as exc:
        raise typer.BadParameter(f"{given[1:]}: {exc.strerror or exc}", param_hint="--param") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise typer.BadParameter(f"{given[1:]} must be a JSON object: {exc}", param_hint="--param") from None


def given_text(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same values, with the standard input in the place of the one that is `-`.

    Args:
        values: The values of options.

    Raises:
        typer.BadParameter: Two of them are, or the input is empty.
    """
    from_stdin = [name for name, value in values.items() if value == "-"]
    if len(from_stdin) > 1:
        names = " and ".join("--" + name.replace("_", "-") for name in from_stdin)
        raise typer.BadParameter(f"only one of {names} can be - (the standard input)")
    found = dict(values)
    for name in from_stdin:
        option = "--" + name.replace("_", "-")
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise typer.BadParameter("the standard input must be UTF-8 text", param_hint=option) from None
        found[name] = cast(str, text).removesuffix("\n")
        if not found[name]:
            raise typer.BadParameter("nothing came from the standard input", param_hint=option)
    return found
