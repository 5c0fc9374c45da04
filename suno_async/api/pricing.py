"""What jobs cost at KIE, as far as a page or report says so, and which failures give their credits back."""

from collections.abc import Mapping
from typing import Any

from .providers import Provider
from .requests import (
    AddInstrumental,
    AddVocals,
    BoostStyle,
    ConvertToWav,
    CreateMusicVideo,
    ExtendMusic,
    GenerateCover,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    GetCredits,
    GetTimestampedLyrics,
    Mashup,
    ReplaceSection,
    Request,
    SeparateStems,
    UploadBase64,
    UploadCover,
    UploadExtend,
    UploadFromUrl,
    UploadStream,
)
from .results import Music
from .updates import Stage, Update

__all__ = ["PRICES", "PRICES_AS_OF", "STEM_PRICES", "estimate", "list_price", "price_at", "refunded"]

PRICES_AS_OF = "2026-09"
"""Year and month of KIE's price feed that the prices are from (docs/service.md#price-list)."""
STEM_PRICES: Mapping[str, float] = {
    "separate_vocal": 10,  # the jobs API was reported to take 8
    "split_stem": 50,  # and 40
    "split_stem_advanced": 20,  # and 16
}
"""Credits for each type of separation. Of two reports the higher, so that no budget is exceeded."""
PRICES: Mapping[type[Request[Any]], float] = {
    GenerateMusic: 12,
    ExtendMusic: 12,
    UploadCover: 12,
    UploadExtend: 12,
    AddInstrumental: 12,
    AddVocals: 12,
    Mashup: 12,
    ReplaceSection: 5,
    GenerateSounds: 2.5,
    CreateMusicVideo: 2,
    ConvertToWav: 0.4,
    GenerateLyrics: 0.4,
    BoostStyle: 0.4,
    GetTimestampedLyrics: 0.5,
    GenerateCover: 0,
    GeneratePersona: 0,
    GenerateMidi: 0,
    GetCredits: 0,
    UploadBase64: 0,
    UploadFromUrl: 0,
    UploadStream: 0,
}
"""Credits for everything else. No price is known of voices, recovery and download links."""

_BY_PATH: Mapping[str, float] = {kind.path: float(credits) for kind, credits in PRICES.items()}
REFUNDED = 531
"""The code of a failure that says that the credits were given back."""


def list_price(kind: type[Request[Any]], values: Mapping[str, Any] | None = None) -> float | None:
    """Return what the list says of a request of a class, in credits; None if it says nothing.

    Args:
        kind: The class. One of your own has a price if its path is in the list.
        values: The given fields, by the names of the class (default: None, they are not known).
    """
    path = getattr(kind, "path", "")
    if path != SeparateStems.path:
        return _BY_PATH.get(path)
    if values is None:
        return None
    implied = "separate_vocal" if values.get("stem_name") is None else "split_stem_advanced"
    found = STEM_PRICES.get(values.get("type") or implied)
    return None if found is None else float(found)


def price_at(gateway: str, kind: type[Request[Any]], values: Mapping[str, Any] | None = None) -> float | None:
    """Return what a request of a class costs, in credits; None if that is not known.

    Args:
        gateway: Name of the provider. Only KIE has a price list.
        kind: The class.
        values: The given fields, by the names of the class (default: None, they are not known).
    """
    return list_price(kind, values) if gateway.partition("-")[0] == "kie" else None


def estimate(request: Request[Any], provider: Provider) -> float | None:
    """Return what a request will cost, in credits; None if that is not known.

    Args:
        request: The job or call.
        provider: The gateway. Only KIE has a price list.
    """
    given = {name: getattr(request, name, None) for name in ("type", "stem_name")}
    return price_at(provider.name, type(request), given)


def refunded(kind: type[Request[Any]], update: Update[Any]) -> bool | None:
    """Return whether a failure gave its credits back; None if neither the service nor its pages say so.

    Args:
        kind: The class of the request.
        update: The update that ended the task.
    """
    if update.code == REFUNDED:
        return True
    if update.credits is not None:
        return update.credits == 0
    statuses: Mapping[str | int, Stage] = getattr(kind, "statuses", {})
    told = update.code is not None or update.status in ("fail", "error") or statuses.get(update.status) is Stage.FAILED
    # Failed music gives its credits back (docs/service.md#billing). An end that we concluded ourselves is no failure.
    return True if told and isinstance(kind.result, type) and issubclass(kind.result, Music) else None
