"""Checks of a request before it is sent, and their messages."""

import math
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct, inspect
from msgspec.structs import astuple

from ..errors import InvalidJob, Problem
from .fields import WEIGHTS, fields_of, plain
from .models import Model, limits_of

if TYPE_CHECKING:
    from .providers import Provider
    from .requests.base import Request

__all__ = ["check", "expectation", "limits_exceeded", "misfits", "too_long"]


def expectation(kind: Any) -> str:
    """Return what a value of a type must be, in words, such as "a number from 0 to 1".

    Args:
        kind: The type of a field.
    """
    if words := _extra(kind).get("is"):
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
            return f"a list{_between(least, most, ' entries')}, each {_extra(item).get('is', 'text')}"
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


def _extra(kind: Any) -> dict[str, Any]:
    """The `extra` of an `Annotated` type."""
    described = kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)
    found = described.types if isinstance(described, inspect.UnionType) else (described,)
    extras = cast("list[dict[str, Any] | None]", [t.extra for t in found if isinstance(t, inspect.Metadata)])
    for extra in extras:
        if extra:
            return extra
    return {}


def too_long(request: Any, field: str, limit: str) -> Iterator[Problem]:
    """Yield a problem if a text is longer than the model of the request allows.

    Args:
        request: The request, which has a `model`.
        field: Name of the text's field.
        limit: Name of the limit in `Limits`, in characters.
    """
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
    """Yield what the types of the fields refuse, one problem for each field.

    Args:
        request: The request.
    """
    for (name, kind, default, files), value in zip(fields_of(type(request)), astuple(request), strict=True):
        if value is default or kind is Any:
            continue
        try:
            msgspec.convert(_as_sent(value) if files else value, kind)
            _ENCODER.encode(_as_sent(value))
        except msgspec.ValidationError:
            yield Problem(name, f"must be {expectation(kind)}", value)
        except UnicodeEncodeError:
            yield Problem(name, "must be text that can be sent as UTF-8", value)
        except (TypeError, OverflowError):
            yield Problem(name, "must be something that JSON can hold", value)
        else:
            yield from _beyond_types(name, kind, value)


_ENCODER = msgspec.json.Encoder(enc_hook=plain)


def limits_exceeded(request: Struct, max_chars: Mapping[str, int], where: str) -> Iterator[Problem]:
    """Yield the texts that are longer than a gateway allows.

    Args:
        request: The request.
        max_chars: The limits in characters, by field.
        where: Name of the gateway, for the message.
    """
    for name, limit in max_chars.items():
        value = getattr(request, name)
        if isinstance(value, str) and len(value) > limit:
            yield Problem(name, f"must have at most {limit} characters at {where}", value)


def _beyond_types(name: str, kind: Any, value: object) -> Iterator[Problem]:
    """Rules that a type cannot express."""
    if isinstance(value, str) and value and not value.strip():
        yield Problem(name, "must not be blank", value)
    if isinstance(value, int) and abs(value) >= 2**63:
        yield Problem(name, "must be a number that fits", value)
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(name, "must be a finite number", value)
    elif isinstance(value, float) and kind in WEIGHTS and abs(value - round(value, 2)) > 1e-9:
        yield Problem(name, "must be a multiple of 0.01", value)
    if name == "duration" and isinstance(value, float) and not value.is_integer():
        yield Problem(name, "must be whole seconds", value)
    if name == "model" and isinstance(value, str) and (meant := _intended_model(value)):
        yield Problem(name, f"must be written {meant!r}", value)


def _intended_model(model: str) -> str | None:
    """The known model that a name means but writes differently (v5.5, V4-5-Plus); gateways want the exact name."""
    if limits_of(model) is not None:
        return None
    return _SQUEEZED.get("".join(filter(str.isalnum, model)).upper())


_SQUEEZED = {"".join(filter(str.isalnum, name)).upper(): name.value for name in Model}


def check(request: "Request[Any]", provider: "Provider | None" = None) -> None:
    """Check a request before it is sent.

    Args:
        request: The request.
        provider: The gateway, whose own rules count, too; what it would ignore is a problem as well. Default: only
            the rules of every gateway.

    Raises:
        InvalidJob: If there is a problem; it lists all of them.
    """
    problems = list(misfits(request))
    if provider is not None:
        provider = provider.api_for(request)
    unsupported_fields = provider.unsupported(type(request)) if provider else ()
    try:
        problems += request.problems(unsupported_fields)
    except (
        TypeError,
        AttributeError,
        ArithmeticError,
    ):  # a rule met a value of a wrong type
        if not problems:
            raise
    if provider is not None and not problems:
        problems += _gateway_problems(request, provider)
    if problems:
        raise InvalidJob(type(request).__name__, problems)


def _gateway_problems(request: "Request[Any]", provider: "Provider") -> Iterator[Problem]:
    """What this gateway does not offer, or requires although others do not."""
    if request.path in provider.unsupported_endpoints:
        yield Problem("endpoint", f"is not offered by {provider.name}", request.path)
    kind, where = type(request), provider.name
    rule, unsupported_fields = provider.rule(kind), provider.unsupported(kind)
    payload = request.payload(unsupported_fields)
    for name in sorted(unsupported_fields):
        if name in payload:
            yield Problem(name, f"is not known at {where}", payload[name])
    needed = dict.fromkeys(provider.required(kind), "")
    for name, condition in rule.required_of(request):
        needed.setdefault(name, f" ({condition})")
    for name, when in needed.items():
        if name not in payload:
            yield Problem(name, f"must be given at {where}{when}", None)
    yield from limits_exceeded(request, provider.chars(kind), where)
    model: str | None = getattr(request, "model", None)
    models = provider.models_for(kind)
    if models and limits_of(model) and model not in models:
        yield Problem("model", f"must be one of {', '.join(models)} at {where}", model)
    if rule.min_seconds and round(payload.get("end", math.inf) - payload.get("start", 0), 2) < rule.min_seconds:
        yield Problem("end", f"must be at least {rule.min_seconds:g} seconds after start at {where}", payload["end"])
    for name, always in provider.fixed_flags_for(type(request), getattr(request, "model", None)).items():
        if name in payload and payload[name] is not always:
            yield Problem(name, f"can only be {always} at {provider.name} with {model}", payload[name])
