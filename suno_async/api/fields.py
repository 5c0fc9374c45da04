"""The types of request fields, their limits, and how a given value is held against them."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, cast, get_args

import msgspec
from msgspec import Meta, Struct

from ..errors import Problem
from .updates import Model, limits_of

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
    "before_v6",
    "is_v6",
    "limits_exceeded",
    "local_files",
    "misfits",
    "plain",
    "too_long",
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

_WEIGHTS = (Weight, Optional[Weight])  # noqa: UP045  `|` is not for Annotated in the checkers' eyes

if TYPE_CHECKING:
    Media = str | PathLike[str]
else:  # what is sent in the end; msgspec knows no paths
    Media = Annotated[str, Meta(pattern=Url.__metadata__[0].pattern, extra={"is": "an http(s) address or a Path"})]


def before_v6(model: str | None) -> bool:
    """Whether a model takes lyrics as `prompt`. Names we don't know are newer than those we do."""
    limits = limits_of(model)
    return limits is not None and not limits.separate_lyrics


def is_v6(model: str | None) -> bool:
    """Whether a model is known to be of the V6 family."""
    limits = limits_of(model)
    return limits is not None and limits.separate_lyrics


def too_long(request: Any, field: str, limit: str) -> Iterator[Problem]:
    """A limit of the request's model, by its name in `Limits`; in characters (not bytes)."""
    value, limits = getattr(request, field, None), limits_of(request.model)
    most: int | None = getattr(limits, limit, None)
    if isinstance(value, str) and most is not None and len(value) > most:
        yield Problem(field, f"must have at most {most} characters with {request.model}", value)


def local_files(request: Struct) -> dict[str, list[str | PathLike[str]]]:
    """The fields of a request that name files of this machine, which the service can't read."""
    found: dict[str, list[str | PathLike[str]]] = {}
    for name, kind, default in _fields(type(request)):
        value: Any = getattr(request, name)
        if value is not default and _takes_files(kind):
            each: list[Any] = list(cast(Any, value)) if isinstance(value, tuple | list) else [value]
            if any(isinstance(one, PathLike) for one in each):
                found[name] = each
    return found


def _as_sent(value: Any) -> Any:
    """A value as it will be once its files are uploaded."""
    if isinstance(value, PathLike):
        return "https://uploaded.invalid"
    return [_as_sent(one) for one in cast(Any, value)] if isinstance(value, tuple | list) else value


def misfits(request: Struct) -> Iterator[Problem]:
    """What the types of the fields refuse, one problem a field."""
    for name, kind, default in _fields(type(request)):
        value = getattr(request, name)
        if kind is Any or value is default:
            continue
        try:
            msgspec.convert(_as_sent(value) if _takes_files(kind) else value, kind)
            _ENCODER.encode(_as_sent(value))
        except msgspec.ValidationError:
            from .validation import wanted

            yield Problem(name, f"must be {wanted(kind)}", value)
        except UnicodeEncodeError:
            yield Problem(name, "must be text that can be sent as UTF-8", value)
        except (TypeError, OverflowError):
            yield Problem(name, "must be something that JSON can hold", value)
        else:
            yield from _beyond_types(name, kind, value)


def plain(value: object) -> str:
    """Text of a class of its own, as template engines and parsers hand it on, is text."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


_ENCODER = msgspec.json.Encoder(enc_hook=plain)


def limits_exceeded(request: Struct, most: Mapping[str, int], where: str) -> Iterator[Problem]:
    """Texts over a gateway's own limits, in characters."""
    for name, limit in most.items():
        value = getattr(request, name)
        if isinstance(value, str) and len(value) > limit:
            yield Problem(name, f"must have at most {limit} characters at {where}", value)


@cache
def _takes_files(kind: Any) -> bool:
    return kind == Media or any(_takes_files(part) for part in get_args(kind) if part is not ...)


@cache
def _fields(request: type[Struct]) -> tuple[tuple[str, Any, Any], ...]:
    """The names of the fields, their types and defaults."""
    return tuple((field.name, field.type, field.default) for field in msgspec.structs.fields(request))


def _beyond_types(name: str, kind: Any, value: object) -> Iterator[Problem]:
    """Rules that msgspec has no word for."""
    if isinstance(value, str) and value and not value.strip():
        yield Problem(name, "must not be blank", value)
    if isinstance(value, int) and abs(value) >= 2**63:
        yield Problem(name, "must be a number that fits", value)
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(name, "must be a finite number", value)
    elif isinstance(value, float) and kind in _WEIGHTS and abs(value - round(value, 2)) > 1e-9:
        yield Problem(name, "must be a multiple of 0.01", value)
    if name == "model" and isinstance(value, str) and (meant := _misspelt(value)):
        yield Problem(name, f"must be spelt {meant!r}", value)


def _misspelt(model: str) -> str | None:
    """A known name written another way (v5.5, V4-5-Plus) is a slip; every gateway wants the exact spelling."""
    squeezed = {"".join(filter(str.isalnum, name)).upper(): name.value for name in Model}
    meant = squeezed.get("".join(filter(str.isalnum, model)).upper())
    return None if meant == model else meant
