"""What a field must be, in words, from its type."""

import math
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct, inspect

from ..errors import InvalidJob, Problem
from .fields import WEIGHTS, fields_of, plain, takes_files
from .models import Model, limits_of

if TYPE_CHECKING:
    from .providers import Provider
    from .requests.base import Request

__all__ = ["said", "wanted"]


def wanted(kind: Any) -> str:
    """What a field must be, in words, from its type."""
    if words := said(kind).get("is"):
        return str(words)
    match _bare(inspect.type_info(kind)):
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.StrType(min_length=1, max_length=None):
            return "text, not empty"
        case inspect.StrType(min_length=least, max_length=most):
            return f"text{_between(least, most, ' characters')}"
        case inspect.IntType(ge=least, le=most):
            return f"a whole number{_between(least, most)}"
        case inspect.FloatType(gt=floor) if floor is not None:
            return f"a number greater than {floor:g}"
        case inspect.FloatType(ge=least, le=most):
            return f"a number{_between(least, most)}"
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return f"a list{_between(least, most, ' entries')}, each {said(item).get('is', 'text')}"
        case inspect.StructType(cls=result):
            return f"a {result.__name__}"
        case inspect.BoolType():
            return "True or False"
        case other:
            return f"a {type(other).__name__}"


def _between(least: float | None, most: float | None, of: str = "") -> str:
    match least, most:
        case None | 0, None:
            return ""
        case _, None:
            return f" of at least {least:g}{of}"
        case None, _:
            return f" of at most {most:g}{of}"
        case _:
            return f" of {least:g}{of}" if least == most else f" from {least:g} to {most:g}{of}"


def _bare(described: inspect.Type) -> inspect.Type:
    """The one type inside `X | None` and `Annotated`."""
    if isinstance(described, inspect.UnionType):
        described = next(t for t in described.types if not isinstance(t, inspect.NoneType))
    return described.type if isinstance(described, inspect.Metadata) else described


def said(kind: Any) -> dict[str, Any]:
    """The `extra` words of an `Annotated` type."""
    described = kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)
    found = described.types if isinstance(described, inspect.UnionType) else (described,)
    extras = cast("list[dict[str, Any] | None]", [t.extra for t in found if isinstance(t, inspect.Metadata)])
    for extra in extras:
        if extra:
            return extra
    return {}


def too_long(request: Any, field: str, limit: str) -> Iterator[Problem]:
    """A limit of the request's model, by its name in `Limits`; in characters (not bytes)."""
    value, limits = getattr(request, field, None), limits_of(request.model)
    max_chars: int | None = getattr(limits, limit, None)
    if isinstance(value, str) and max_chars is not None and len(value) > max_chars:
        yield Problem(field, f"must have at most {max_chars} characters with {request.model}", value)


def _as_sent(value: Any) -> Any:
    """A value as it will be once its files are uploaded."""
    if isinstance(value, PathLike):
        return "https://uploaded.invalid"
    return [_as_sent(one) for one in cast(Any, value)] if isinstance(value, tuple | list) else value


def misfits(request: Struct) -> Iterator[Problem]:
    """What the types of the fields refuse, one problem a field."""
    for name, kind, default in fields_of(type(request)):
        value = getattr(request, name)
        if kind is Any or value is default:
            continue
        try:
            msgspec.convert(_as_sent(value) if takes_files(kind) else value, kind)
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


_ENCODER = msgspec.json.Encoder(enc_hook=plain)


def limits_exceeded(request: Struct, most: Mapping[str, int], where: str) -> Iterator[Problem]:
    """Texts over a gateway's own limits, in characters."""
    for name, limit in most.items():
        value = getattr(request, name)
        if isinstance(value, str) and len(value) > limit:
            yield Problem(name, f"must have at most {limit} characters at {where}", value)


def _beyond_types(name: str, kind: Any, value: object) -> Iterator[Problem]:
    """Rules that msgspec has no word for."""
    if isinstance(value, str) and value and not value.strip():
        yield Problem(name, "must not be blank", value)
    if isinstance(value, int) and abs(value) >= 2**63:
        yield Problem(name, "must be a number that fits", value)
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(name, "must be a finite number", value)
    elif isinstance(value, float) and kind in WEIGHTS and abs(value - round(value, 2)) > 1e-9:
        yield Problem(name, "must be a multiple of 0.01", value)
    if name == "model" and isinstance(value, str) and (meant := _misspelt(value)):
        yield Problem(name, f"must be spelt {meant!r}", value)


def _misspelt(model: str) -> str | None:
    """A known name written another way (v5.5, V4-5-Plus) is a slip; every gateway wants the exact spelling."""
    squeezed = {"".join(filter(str.isalnum, name)).upper(): name.value for name in Model}
    meant = squeezed.get("".join(filter(str.isalnum, model)).upper())
    return None if meant == model else meant


def check(request: "Request[Any]", provider: "Provider | None" = None) -> None:
    """Refuse what every gateway would refuse, and what this one would, or would silently leave out.

    InvalidJob with all problems, before anything is sent.
    """
    problems = list(misfits(request))
    unsupported_fields = provider.unsupported_fields.get(request.path, ()) if provider else ()
    try:
        problems += request.problems(unsupported_fields)
    except (TypeError, AttributeError, ArithmeticError):  # a rule met an odd value; that is in the list by now
        if not problems:
            raise
    if provider is not None and not problems:
        problems += _unmet(request, provider)
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def _unmet(request: "Request[Any]", provider: "Provider") -> Iterator[Problem]:
    """What this gateway does not offer, or wants beyond what the others want."""
    if request.path in provider.unsupported_endpoints:
        yield Problem("endpoint", f"is not offered by {provider.name}", request.path)
    sent = request.payload(provider.unsupported_fields.get(request.path, ()))
    for name in provider.unsupported_fields.get(request.path, ()):
        if name in sent:
            yield Problem(name, f"is not known at {provider.name}", sent[name])
    for name in provider.required_fields.get(request.path, ()):
        if name not in sent:
            yield Problem(name, f"must be given at {provider.name}", None)
    yield from limits_exceeded(request, provider.max_chars.get(request.path, {}), provider.name)
    model: str | None = getattr(request, "model", None)
    if provider.models and limits_of(model) and model not in provider.models:
        yield Problem("model", f"must be one of {', '.join(provider.models)} at {provider.name}", model)
    for name, always in provider.fixed_flags_for(type(request), getattr(request, "model", None)).items():
        if name in sent and sent[name] is not always:
            yield Problem(name, f"can only be {always} at {provider.name} with {model}", sent[name])
