"""What the pages of each API of each gateway say of an endpoint, beyond what every page says.

One row is one endpoint at one API. A test holds the rows against `tests/data/suno.openapi.yaml`. Models before V6 are
asked for what the pages before V6 ask, at every gateway, since no page that lists them was written without those rules.
Where pages of two eras of one gateway disagree, the wider one counts (docs/service.md#conflicts).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from .models import Model, before_v6
from .representation import short_repr
from .requests import (
    AddInstrumental,
    AddVocals,
    ExtendMusic,
    GenerateMusic,
    GenerateSounds,
    Mashup,
    ReplaceSection,
    Request,
    SeparateStems,
    UploadCover,
    UploadExtend,
)

__all__ = ["CONDITIONS", "RULES", "Rule", "holds"]

V6 = (Model.V6, Model.V6_WILD, Model.V6_MINI)
BEFORE_V6 = (Model.V5_5, Model.V5, Model.V4_5PLUS, Model.V4_5ALL, Model.V4_5, Model.V4)
EVERY_MODEL = (*V6, *BEFORE_V6)
ADDING = (Model.V5_5, Model.V5, Model.V4_5PLUS)
SOUNDING = (Model.V5_5, Model.V5)
TO_V5 = (Model.V5, Model.V4_5PLUS, Model.V4_5ALL, Model.V4_5, Model.V4)


class Rule(Struct, frozen=True, kw_only=True):
    """What the pages of one API say of one endpoint."""

    models: tuple[str, ...] = ()
    """The models that they list; other models that we know are refused. Empty: no list."""
    unknown: frozenset[str] = frozenset()
    """Fields of the request class that they do not have."""
    required: tuple[str, ...] = ()
    """Fields that they require always, besides those of the request class."""
    required_when: Mapping[str, tuple[str, ...]] = {}
    """Fields that they require under a condition: one or more of `CONDITIONS`, all of which must hold."""
    max_chars: Mapping[str, int] = {}
    """Limits of texts in characters, where the request class states none, or a wider one."""
    min_seconds: float = 0.0
    """The shortest section that can be replaced."""
    defaults_when: Mapping[str, Mapping[str, Any]] = {}
    """What is sent under a condition for a field that was left out, since the service's own default would surprise."""

    def required_of(self, request: Request[Any]) -> Iterator[tuple[str, str]]:
        """Yield the fields that they require of a request besides `required`, each with the condition that holds.

        Args:
            request: The request.
        """
        for condition, names in self.required_when.items():
            if holds(condition, request):
                for name in names:
                    yield name, condition

    def __repr__(self) -> str:
        return short_repr(self)


CONDITIONS: Mapping[str, Callable[[Any], bool]] = {
    "before V6": lambda request: before_v6(getattr(request, "model", None)),
    "V6": lambda request: not before_v6(getattr(request, "model", None)),
    "custom": lambda request: getattr(request, "custom", None) is True,
    "plain": lambda request: getattr(request, "custom", None) is False,
    "sung": lambda request: not getattr(request, "instrumental", False),
    "inherited": lambda request: getattr(request, "own_parameters", None) is False,
    "upload": lambda request: getattr(request, "upload_url", None) is not None,
}
"""What rows ask of a request. "V6" holds for unknown models, too, which are newer."""


def holds(condition: str, request: Request[Any]) -> bool:
    """Return whether all parts of a condition hold for a request.

    Args:
        condition: Names of `CONDITIONS`, with ", " between them.
        request: The request.
    """
    for part in _parts(condition):  # noqa: SIM110  `all` takes twice as long, and a submit asks five times
        if not part(request):
            return False
    return True


@cache
def _parts(condition: str) -> tuple[Callable[[Any], bool], ...]:
    return tuple(CONDITIONS[part] for part in condition.split(", "))


_BEFORE_V6_SONG = {
    "before V6, custom": ("style", "title"),
    "before V6, custom, sung": ("prompt",),
    "before V6, plain": ("prompt",),
}
_BEFORE_V6_VOCALS = {"before V6": ("prompt",)}
_INHERITED = {"inherited": ("prompt",)}
_ADDED = {"style": 1000, "negative_tags": 200}
_V6_PAGES_ONLY = frozenset({"lyrics", "variety"})
_ATTACHED = frozenset({"image_urls", "video_urls", "audio_urls"})
_PERSONA = frozenset({"persona_id", "persona_model"})
_WEIGHTS = frozenset({"vocal_gender", "style_weight", "weirdness_constraint", "audio_weight"})
_NOT_AT_APIKLEY = frozenset({"persona_model", "variety", "lyrics", "duration"})
_LENGTH = {"V6, custom": {"duration": 180}}

RULES: Mapping[str, Mapping[str, Rule]] = {
    GenerateMusic.path: {
        "kie-legacy": Rule(
            models=BEFORE_V6,
            unknown=_V6_PAGES_ONLY | _ATTACHED,
            required=("prompt",),
            required_when=_BEFORE_V6_SONG,
        ),
        "kie-jobs": Rule(
            models=EVERY_MODEL,
            required_when={"custom": ("title",), **_BEFORE_V6_SONG},
            max_chars={"title": 80},
            defaults_when=_LENGTH,
        ),
        "sunoapi": Rule(models=EVERY_MODEL, required_when=_BEFORE_V6_SONG),
        "apikley": Rule(models=TO_V5, unknown=_NOT_AT_APIKLEY | _ATTACHED, required_when=_BEFORE_V6_SONG),
    },
    ExtendMusic.path: {
        "kie-legacy": Rule(models=BEFORE_V6, unknown=frozenset({"variety"})),
        "kie-jobs": Rule(models=EVERY_MODEL),
        "sunoapi": Rule(models=EVERY_MODEL, unknown=frozenset({"instrumental"})),
        "apikley": Rule(models=TO_V5, unknown=_NOT_AT_APIKLEY | {"instrumental"}),
    },
    UploadCover.path: {
        "kie-legacy": Rule(
            models=BEFORE_V6,
            unknown=_V6_PAGES_ONLY | {"image_urls"},
            required=("prompt",),
            required_when=_BEFORE_V6_SONG,
        ),
        "kie-jobs": Rule(
            models=EVERY_MODEL,
            required=("instrumental",),
            required_when=_BEFORE_V6_SONG,
            defaults_when=_LENGTH,
        ),
        "sunoapi": Rule(models=EVERY_MODEL, unknown=frozenset({"image_urls"}), required_when=_BEFORE_V6_SONG),
        "apikley": Rule(
            models=TO_V5,
            unknown=_NOT_AT_APIKLEY | {"image_urls"},
            required=("prompt", "custom_mode", "instrumental"),
            required_when=_BEFORE_V6_SONG,
        ),
    },
    UploadExtend.path: {
        "kie-legacy": Rule(
            models=BEFORE_V6, unknown=frozenset({"variety"}), required=("continue_at",), required_when=_INHERITED
        ),
        "kie-jobs": Rule(models=EVERY_MODEL, required=("continue_at",), required_when=_INHERITED),
        "sunoapi": Rule(models=EVERY_MODEL, unknown=frozenset({"variety"}), required_when=_INHERITED),
        "apikley": Rule(models=TO_V5, unknown=_NOT_AT_APIKLEY, required_when=_INHERITED),
    },
    AddInstrumental.path: {
        "kie-legacy": Rule(models=ADDING, unknown=_V6_PAGES_ONLY, max_chars=_ADDED),
        "kie-jobs": Rule(models=(*V6, *ADDING), unknown=_V6_PAGES_ONLY, max_chars=_ADDED),
        "sunoapi": Rule(models=EVERY_MODEL),
        "apikley": Rule(models=(Model.V5, Model.V4_5PLUS), unknown=_NOT_AT_APIKLEY),
    },
    AddVocals.path: {
        "kie-legacy": Rule(models=ADDING, unknown=_V6_PAGES_ONLY, required_when=_BEFORE_V6_VOCALS, max_chars=_ADDED),
        "kie-jobs": Rule(
            models=(*V6, *ADDING), unknown=_V6_PAGES_ONLY, required_when=_BEFORE_V6_VOCALS, max_chars=_ADDED
        ),
        "sunoapi": Rule(models=EVERY_MODEL, required_when=_BEFORE_V6_VOCALS),
        "apikley": Rule(models=(Model.V5, Model.V4_5PLUS), unknown=_NOT_AT_APIKLEY, required_when=_BEFORE_V6_VOCALS),
    },
    Mashup.path: {
        "kie-legacy": Rule(models=BEFORE_V6, unknown=_V6_PAGES_ONLY | _PERSONA, required_when=_BEFORE_V6_SONG),
        "kie-jobs": Rule(
            models=EVERY_MODEL,
            unknown=_V6_PAGES_ONLY | _PERSONA,
            required=("style", "title"),
            required_when=_BEFORE_V6_SONG,
            max_chars={"title": 80},
            defaults_when=_LENGTH,
        ),
        "sunoapi": Rule(models=EVERY_MODEL, required_when=_BEFORE_V6_SONG),
        "apikley": Rule(models=TO_V5, unknown=_NOT_AT_APIKLEY | {"persona_id"}, required_when=_BEFORE_V6_SONG),
    },
    ReplaceSection.path: {
        "kie-legacy": Rule(
            models=BEFORE_V6,
            unknown=_V6_PAGES_ONLY | _PERSONA,
            required_when={"upload": ("full_lyrics",)},  # the page that takes uploads is the one that requires them
        ),
        "kie-jobs": Rule(
            models=EVERY_MODEL,
            unknown=_V6_PAGES_ONLY | _PERSONA | _WEIGHTS,
            required=("full_lyrics",),
            min_seconds=10.0,
        ),
        "sunoapi": Rule(models=EVERY_MODEL, required=("full_lyrics",)),
        "apikley": Rule(models=TO_V5, unknown=_NOT_AT_APIKLEY | {"persona_id"}),
    },
    GenerateSounds.path: {
        "kie-legacy": Rule(models=SOUNDING),
        "kie-jobs": Rule(models=(*V6, *SOUNDING)),
        "sunoapi": Rule(models=EVERY_MODEL),
        "apikley": Rule(models=(Model.V5,)),
    },
    SeparateStems.path: {
        "kie-legacy": Rule(),
        "kie-jobs": Rule(),
        "sunoapi": Rule(unknown=frozenset({"audio_url"})),
        "apikley": Rule(unknown=frozenset({"audio_url"})),
    },
}
"""The rows, by path of the endpoint and name of the API. Of Apikley only upload-cover is documented; its other rows
are those of sunoapi.org before V6, an assumption."""
