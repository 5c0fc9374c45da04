"""Results wherever a body holds them: under any wrapper and in any spelling that was seen or documented."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from ..api.requests import Request
from ..api.results import Origin, Result
from . import lenient
from .shapes import UNREADABLE

__all__ = ["NOWHERE", "Reading", "best", "came_from", "nodes", "nothing", "places"]

R = TypeVar("R")

WRAPPERS = ("resultObject", "result_object", "response", "data")
"""What may stand around a result, at any API."""
URLS = ("resultUrls", "result_urls")
"""Names of a list of addresses, at the jobs API."""
DEEPEST = 3
"""Wrappers inside each other at most."""


class Reading(NamedTuple):
    """One way to read a result."""

    fit: tuple[bool, bool, int]
    """How well it fits: whether it is complete, whether it is partial, and how many fields are known."""
    found: Any
    origin: Origin
    """Where the body holds it."""

    @property
    def usable(self) -> bool:
        """Whether what was bought is there, or a part of it."""
        return self.fit[0] or self.fit[1]


NOWHERE = Reading((False, False, 0), None, Origin())
"""Nothing could be read."""


@cache
def nothing(kind: Any) -> Any:
    """Return the result that says nothing, which every JSON object can be read as; None if it must say something.

    Args:
        kind: The class of the result.
    """
    try:
        return kind() if issubclass(kind, Result) else None
    except TypeError:
        return None


def places(kind: type[Request[Any]]) -> tuple[str, ...]:
    """Return the names under which a result may be, the documented ones first.

    Args:
        kind: The class of the request.
    """
    documented = [*getattr(kind.result, "jobs_result_path", ()), *getattr(kind, "details_result_path", ())[1:]]
    posted = [place[-1] for place in kind.callback_result_paths if len(place) > 1]
    return tuple(dict.fromkeys((*documented, *posted, *WRAPPERS)))


def nodes(origin: Origin, paths: Iterable[tuple[str, ...]]) -> list[tuple[Any, Origin]]:
    """Return what a body has at some places, None where it has nothing, each with its origin.

    Args:
        origin: The body.
        paths: Names from the outside in.

    Raises:
        msgspec.DecodeError: The body is not JSON; or another of `UNREADABLE`.
    """
    page: Any = msgspec.json.decode(origin.body)
    found: list[tuple[Any, Origin]] = []
    for path in dict.fromkeys(paths):
        value = page
        for step in path:
            value = cast(Any, value).get(step) if isinstance(value, dict) else None
        found.append((value, origin._replace(path=path)))
    return found


def best(held: Iterable[tuple[Any, Origin]], kind: type[Request[R]]) -> Reading:
    """Return the reading that fits best; of equals the first. `NOWHERE` if no field of the result is there.

    Args:
        held: Parsed JSON in which the result may be, and where it is, the documented place first.
        kind: The class of the request.

    Raises:
        msgspec.ValidationError: Something essential has a form that cannot be read, and nothing else was found.
    """
    found, problem = NOWHERE, None
    for node, origin in held:
        for value, place in _inside(node, origin, places(kind), DEEPEST):
            try:
                reading = _read(value, kind.result, place)
            except UNREADABLE as exc:
                problem = problem or exc
                continue
            if reading.fit > found.fit:
                found = reading
    if problem is not None and not found.usable:
        raise problem
    return found


def came_from(reading: Reading) -> Any:
    """Return what was read, with its origin set.

    Args:
        reading: The reading.
    """
    if isinstance(reading.found, Result):
        reading.found.came_from(reading.origin)
    return reading.found


def _inside(value: Any, origin: Origin, names: tuple[str, ...], depth: int) -> Iterator[tuple[Any, Origin]]:
    """The value itself, then what is in it under one of the names."""
    yield value, origin
    if not isinstance(value, dict) or not depth:
        return
    for name in names:
        inside: Any = cast(Any, value).get(name)
        if isinstance(inside, dict):
            yield from _inside(inside, origin.inside(name), names, depth - 1)


def _read(value: Any, kind: Any, origin: Origin) -> Reading:
    """One value as a result."""
    if not (isinstance(kind, type) and issubclass(kind, Result)):
        if value is None:
            return NOWHERE
        return Reading((True, True, 1), msgspec.convert(value, cast(Any, kind), strict=False), origin)
    listed: Mapping[str, str] = kind.callback_names
    if isinstance(value, list) and listed and any(isinstance(one, dict) for one in cast(Any, value)):
        value = {next(iter(listed.values())): cast(Any, value)}
    count = lenient.known(value, kind)
    found = lenient.fitted(value, kind) if count else None
    if found is None or not found.partial:
        urls, name = _urls(value)
        if (made := kind.from_urls(urls) if urls else None) is not None:
            return Reading((made.complete, True, 1), made, origin.inside(name))
    if found is None:
        return NOWHERE
    return Reading((found.complete, found.partial, count), found, origin)


def _urls(value: Any) -> tuple[tuple[str, ...], str]:
    """The addresses of a result that is nothing but addresses, and their name."""
    if isinstance(value, dict):
        for name in URLS:
            held: Any = cast(Any, value).get(name)
            if isinstance(held, list) and held and all(isinstance(url, str) and url for url in cast(Any, held)):
                return tuple(cast(Any, held)), name
    return (), ""
