"""The endpoints that an emulator serves: the built-in ones of its provider, and the user's."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import msgspec

from ..api.providers import Provider
from ..api.requests import TABLE, GetCredits, GetDownloadUrl, Job, Request, UploadBase64, UploadFromUrl, UploadStream
from .families import Family, family_of

__all__ = ["ACCOUNT", "Endpoints", "OwnEndpoints"]

OwnEndpoints = Collection[type[Request[Any]]] | Mapping[type[Request[Any]], Any]
"""Request classes, or a sample result for each."""

ACCOUNT = (GetCredits, GetDownloadUrl, UploadBase64, UploadFromUrl, UploadStream)
"""Calls about the account and its files, which have no family."""


class Endpoints:
    """What can be requested.

    Args:
        provider: The provider that the emulator stands for.
        own: The user's request classes; one with the path or the operation of a built-in class replaces it.

    Raises:
        TypeError: If a class has no `path`.
        ValueError: If no usable result can be built for a class.
    """

    # State: none that changes.

    def __init__(self, provider: Provider, own: OwnEndpoints = ()) -> None:
        given = cast("Mapping[type[Request[Any]], Any]", own if isinstance(own, Mapping) else dict.fromkeys(own))
        samples = dict(given)
        for kind in samples:
            if not getattr(kind, "path", ""):
                raise TypeError(f"{kind.__name__} has no path: it is a family of endpoints and not an endpoint")
        self.provider = provider
        self.legacy = _legacy(provider)
        """The same provider at the legacy API."""
        self.jobs = provider if provider.jobs_api else provider.jobs
        """The same provider at the jobs API; None if it has none."""
        built_in = [kind for kind in TABLE if kind.path not in provider.unsupported_endpoints]
        routes = {(kind.method, self.legacy.path(kind)): kind for kind in (*built_in, *samples)}
        self.operations = {kind.operation: kind for kind in (*built_in, *samples) if kind.operation}
        """The classes by their names at the jobs API."""
        self._kinds = list(routes.values())
        self._families = {kind: family_of(kind, samples.get(kind)) for kind in self._kinds if kind not in ACCOUNT}

    def __iter__(self) -> Iterator[type[Request[Any]]]:
        return iter(self._kinds)

    def family(self, kind: type[Request[Any]]) -> Family:
        """How requests of a class proceed."""
        return self._families[kind]

    def details_pages(self) -> Mapping[str, type[Job[Any]]]:
        """The details pages of the legacy API by their path, each with one of the classes that share it."""
        return {kind.details: kind for kind in self._kinds if issubclass(kind, Job)}


def _legacy(provider: Provider) -> Provider:
    """The same provider without the jobs API, whose differences from other providers do not hold for its legacy API."""
    if not provider.jobs_api:
        return provider
    return msgspec.structs.replace(provider, jobs_api=False, rules="", unsupported_fields={}, required_fields={})
