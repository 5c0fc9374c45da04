"""The gateways: one value each. An own one is `msgspec.structs.replace(KIE, api="https://…")`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from .endpoints import GetCredits, Mashup, ReplaceSection, Request, UploadCover
from .errors import (
    AlreadyExists,
    ApiError,
    ConfigurationError,
    InsufficientCredits,
    InvalidRequest,
    Maintenance,
    NotFound,
    QuotaExceeded,
    RateLimited,
    ServerError,
    Unauthorized,
)

__all__ = ["KIE", "PROVIDERS", "SUNOAPI", "Provider", "Rate", "provider_named"]

Codes = Mapping[int, type[ApiError]]


class Rate(NamedTuple):
    """At most `calls` in any window of `seconds`."""

    calls: int
    seconds: float


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway: its hosts, its words for refusals, its limits, and where it differs."""

    name: str
    api: str
    """Base address of the API."""
    uploads: str
    """Base address of the upload host. Like `api`, a place the key may go."""
    codes: Codes
    codes_by_path: Mapping[str, Codes] = {}
    """Pages with a table of their own."""
    paths: Mapping[str, str] = {}
    """Endpoints that live elsewhere than the table says."""
    gone: Mapping[str, Mapping[str, bool]] = {}
    """Flags, by our names, that a path no longer knows with V6 models, and how it always behaves instead."""
    submits: Rate = Rate(20, 10.0)
    """New tasks per account (NOTES §7)."""
    looks_per_second: float = 3.0
    """Looks at one task (NOTES §7)."""

    def path(self, request: type[Request[Any]]) -> str:
        """Where a request goes at this gateway."""
        return self.paths.get(request.path, request.path)

    def refusal(self, code: int, message: str, path: str) -> type[ApiError]:
        """The class of error that a code means here (NOTES §6)."""
        kind = self.codes_by_path.get(path, self.codes).get(code)
        if code == 429 and "credit" in message.lower():
            return InsufficientCredits  # the two tables contradict each other in this code; the text decides
        return kind or (ServerError if code >= 500 else ApiError)


_KIE_CODES: Codes = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    404: NotFound,
    408: ServerError,
    409: AlreadyExists,
    413: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    430: RateLimited,
    433: QuotaExceeded,
    451: InvalidRequest,
    455: Maintenance,
}
_SUNOAPI_CODES: Codes = {
    400: InvalidRequest,
    401: Unauthorized,
    402: InsufficientCredits,
    404: NotFound,
    405: RateLimited,
    409: AlreadyExists,
    413: InvalidRequest,
    422: InvalidRequest,
    429: InsufficientCredits,
    430: RateLimited,
    451: InvalidRequest,
    455: Maintenance,
}

KIE = Provider(
    name="kie",
    api="https://api.kie.ai",
    uploads="https://kieai.redpandaai.co",
    codes=_KIE_CODES,
)
"""KIE.AI by its older paths: https://docs.kie.ai/old-model/suno-api/generate-music"""

SUNOAPI = Provider(
    name="sunoapi",
    api="https://api.sunoapi.org",
    uploads="https://sunoapiorg.redpandaai.co",
    codes=_SUNOAPI_CODES,
    codes_by_path={Mashup.path: _KIE_CODES, ReplaceSection.path: _KIE_CODES},
    paths={GetCredits.path: "/api/v1/generate/credit"},
    gone={
        UploadCover.path: {"custom_mode": True},
        Mashup.path: {"custom_mode": True, "instrumental": False},
    },
)
"""sunoapi.org: https://docs.sunoapi.org/suno-api/generate-music"""

PROVIDERS: Mapping[str, Provider] = {provider.name: provider for provider in (KIE, SUNOAPI)}


def provider_named(name: str) -> Provider:
    """The gateway of that name; ConfigurationError lists the known ones."""
    try:
        return PROVIDERS[name]
    except KeyError:
        known = ", ".join(PROVIDERS)
        raise ConfigurationError(f"provider must be one of {known} or a Provider, got {name!r}") from None
