"""The types of request fields, their limits, and how a given value is held against them."""

from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, cast, get_args

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "AddedStyle",
    "AudioId",
    "Duration",
    "Flag",
    "Instrumental",
    "Media",
    "ModelName",
    "Moment",
    "NegativeTags",
    "PersonaId",
    "PersonaModel",
    "Text",
    "Url",
    "Variety",
    "VocalGender",
    "Weight",
    "local_files",
    "plain",
]


Text = Annotated[str, Meta(min_length=1)]
Url = Annotated[str, Meta(pattern=r"^(?i:https?)://[^\s/]", extra={"is": "an http(s) address"})]
AudioId = Annotated[str, Meta(min_length=1, description="The track, by its id.")]
Flag = Annotated[bool, Meta(description="Follows from the other fields unless given.")]
Instrumental = Annotated[bool, Meta(description="True: no singing.")]
ModelName = Annotated[
    str,
    Meta(min_length=1, description="V6, V5, … (`Model`); unknown names are passed on. Left out: the client's `model`."),
]
Moment = Annotated[float, Meta(gt=0, description="Seconds from the start of the audio, greater than 0.")]
Weight = Annotated[float, Meta(ge=0, le=1, description="0 to 1 in steps of 0.01.")]
Duration = Annotated[
    float, Meta(ge=10, le=360, description="Wished length, 10 to 360 seconds; V5_5 and the V6 family only.")
]
Variety = Annotated[
    int, Meta(ge=0, le=4, description="How far results may differ: 0 off, 1 normal, 2 high, 3 extra, 4 max. V6 time.")
]
VocalGender = Annotated[Literal["m", "f"], Meta(description="Preferred singer; raises the probability only.")]
NegativeTags = Annotated[str, Meta(description="Styles to avoid.")]
AddedStyle = Annotated[str, Meta(min_length=1, description="Styles wanted (1000 characters at KIE).")]
PersonaId = Annotated[
    str, Meta(min_length=1, description="A persona id, or a voice id with persona_model voice_persona.")
]
PersonaModel = Annotated[
    Literal["style_persona", "voice_persona"],
    Meta(description="How persona_id is read. voice_persona: V5, V5_5 and the V6 family only."),
]

WEIGHTS = (Weight, Optional[Weight])  # noqa: UP045  `|` is not for Annotated in the checkers' eyes

if TYPE_CHECKING:
    Media = str | PathLike[str]
else:  # what is sent in the end; msgspec knows no paths
    Media = Annotated[str, Meta(pattern=Url.__metadata__[0].pattern, extra={"is": "an http(s) address or a Path"})]


def local_files(request: Struct) -> dict[str, list[str | PathLike[str]]]:
    """The fields of a request that name files of this machine, which the service can't read."""
    found: dict[str, list[str | PathLike[str]]] = {}
    for name, kind, default in fields_of(type(request)):
        value: Any = getattr(request, name)
        if value is not default and takes_files(kind):
            each: list[Any] = list(cast(Any, value)) if isinstance(value, tuple | list) else [value]
            if any(isinstance(one, PathLike) for one in each):
                found[name] = each
    return found


def plain(value: object) -> str:
    """Text of a class of its own, as template engines and parsers hand it on, is text."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


@cache
def takes_files(kind: Any) -> bool:
    return kind == Media or any(takes_files(part) for part in get_args(kind) if part is not ...)


@cache
def fields_of(request: type[Struct]) -> tuple[tuple[str, Any, Any], ...]:
    """The names of the fields, their types and defaults."""
    return tuple((field.name, field.type, field.default) for field in msgspec.structs.fields(request))
