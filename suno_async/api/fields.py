"""The types of request fields, with their limits."""

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
AudioId = Annotated[str, Meta(min_length=1, description="Id of the track.")]
Flag = Annotated[bool, Meta(description="Default: follows from the other fields.")]
Instrumental = Annotated[bool, Meta(description="True: without singing.")]
ModelName = Annotated[
    str,
    Meta(min_length=1, description="A name of `Model`; others are passed on. Default: the client's model."),
]
Moment = Annotated[float, Meta(gt=0, description="Seconds from the start of the audio, more than 0.")]
Weight = Annotated[float, Meta(ge=0, le=1, description="0 to 1 in steps of 0.01. Default: the service's.")]
Duration = Annotated[
    float,
    Meta(
        ge=10,
        le=360,
        description="Desired length, 10 to 360 whole seconds. V5_5 and the V6 family only, in custom mode. "
        "Default: the service's; 180 with V6 at KIE's jobs API, whose own default is 20.",
    ),
]
Variety = Annotated[
    int,
    Meta(ge=0, le=4, description="How much results may differ, 0 to 4. Default: 1. V6 pages only."),
]
VocalGender = Annotated[Literal["m", "f"], Meta(description="Preferred voice, m or f; raises the probability only.")]
NegativeTags = Annotated[str, Meta(description="Styles to avoid.")]
AddedStyle = Annotated[str, Meta(min_length=1, description="Styles to use; at most 1000 characters at KIE.")]
PersonaId = Annotated[
    str, Meta(min_length=1, description="Id of a persona, or of a voice with `persona_model` voice_persona.")
]
PersonaModel = Annotated[
    Literal["style_persona", "voice_persona"],
    Meta(description="What `persona_id` names. V5, V5_5 and the V6 family only."),
]

WEIGHTS = (Weight, Optional[Weight])  # noqa: UP045  the type checkers refuse `|` with Annotated

if TYPE_CHECKING:
    Media = str | PathLike[str]
else:  # what is sent in the end; a Path is uploaded first
    Media = Annotated[str, Meta(pattern=Url.__metadata__[0].pattern, extra={"is": "an http(s) address or a Path"})]


def local_files(request: Struct) -> dict[str, list[str | PathLike[str]]]:
    """Return the fields of a request that hold Paths of this machine, which must be uploaded first.

    Args:
        request: The request; the values of the result are lists, also for fields that take one file.
    """
    found: dict[str, list[str | PathLike[str]]] = {}
    for name, default in _file_fields(type(request)):
        value: Any = getattr(request, name)
        if value is not default:
            each: list[Any] = list(cast(Any, value)) if isinstance(value, tuple | list) else [value]
            if any(isinstance(one, PathLike) for one in each):
                found[name] = each
    return found


@cache
def _file_fields(request: type[Struct]) -> tuple[tuple[str, Any], ...]:
    """Name and default of each field that takes files."""
    return tuple((name, default) for name, _, default, files in fields_of(request) if files)


def plain(value: object) -> str:
    """Return an instance of a subclass of `str`, as template engines make them, as plain `str`, for JSON encoders.

    Raises:
        TypeError: If the value is no text.
    """
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


@cache
def takes_files(kind: Any) -> bool:
    """Return whether a field of this type takes files."""
    return kind == Media or any(takes_files(part) for part in get_args(kind) if part is not ...)


@cache
def fields_of(request: type[Struct]) -> tuple[tuple[str, Any, Any, bool], ...]:
    """Return name, type and default of each field, and whether it takes files."""
    fields = msgspec.structs.fields(request)
    return tuple((field.name, field.type, field.default, takes_files(field.type)) for field in fields)
