"""Requests: read, translated to the names of the request classes, and refused where the service would refuse them."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, cast

import msgspec
from aiohttp import web

from ..api import providers
from ..api.names import wire_names
from ..api.providers import Provider
from ..api.requests import GenerateVoice, Job, Request, ValidateVoice
from ..wire import encoding
from ..wire.shapes import UNREADABLE
from . import checks

__all__ = ["Asked", "Refused", "origin", "parse", "parse_jobs_request"]

NO_CALLBACK = (ValidateVoice, GenerateVoice)
"""Jobs whose paths at the legacy API need no callback address (docs/service.md#callback-address-of-voices)."""


class Refused(Exception):
    """The service refuses a request, with this code, message and HTTP status."""

    def __init__(self, code: int, message: str, data: Any = None, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status


class Asked(NamedTuple):
    """A request as it was understood."""

    kind: type[Request[Any]]
    provider: Provider
    """The provider, with `jobs_api` set if the request came by the jobs API."""
    params: dict[str, Any]
    """The given fields, by the names of the request class."""
    body: dict[str, Any]
    """The body as it came."""
    callback: str = ""
    """Where callbacks are to be posted; empty for nowhere."""

    @property
    def jobs_api(self) -> bool:
        """Whether it came by the jobs API."""
        return self.provider.uses_jobs_api(self.kind)


def origin(request: web.Request) -> str:
    """The base URL that a request was sent to, which links in its answer begin with."""
    try:
        return str(request.url.origin())
    except ValueError:  # the Host header is empty, or its port is none
        raise Refused(400, "the Host header is not valid", status=400) from None


def parse(body: bytes, kind: type[Request[Any]], provider: Provider) -> Asked:
    """Read a request to the path of an endpoint."""
    given = _json_object(body) if body or kind.method != "GET" else {}
    params = _params(given, kind, provider)
    callback = given.get(kind.callback)
    if issubclass(kind, Job) and not callback and kind not in NO_CALLBACK:
        raise Refused(422, "Please enter callBackUrl.")
    return Asked(kind, provider, params, given, str(callback or ""))


def parse_jobs_request(body: bytes, operations: Mapping[str, type[Request[Any]]], provider: Provider) -> Asked:
    """Read a request by the jobs API: the outer `model` names the operation, and a callback address is optional."""
    given = _json_object(body)
    model, held = str(given.get("model")), given.get("input")
    kind = operations.get(model.removeprefix(providers.PREFIX)) if model.startswith(providers.PREFIX) else None
    if kind is None:
        raise Refused(422, f"model {model} is not supported")
    if not isinstance(held, dict):
        raise Refused(422, "input cannot be null")
    params = _params(cast("dict[str, Any]", held), kind, provider)
    return Asked(kind, provider, params, given, str(given.get("callBackUrl") or ""))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE as exc:
        raise Refused(400, f"not valid JSON: {exc}") from None


def _params(given: Mapping[str, Any], kind: type[Request[Any]], provider: Provider) -> dict[str, Any]:
    """The fields of the request class among those given, after the checks that this provider makes."""
    field_names = {name: theirs for name, theirs in encoding.names(kind, provider).items() if name != "source"}
    params = {name: given[theirs] for name, theirs in field_names.items() if _is_given(given.get(theirs))}
    fixed_flags = provider.fixed_flags_for(kind, params.get("model"))
    for name in (*kind.required, *provider.required(kind)):
        if name not in params and name not in fixed_flags and name not in checks.optional(kind, provider):
            raise Refused(422, f"{field_names[name]} cannot be null")
    for name in provider.unsupported(kind):
        if name in params:
            raise Refused(422, f"{field_names[name]} is not supported")
    for name, always in fixed_flags.items():
        if params.get(name, always) is not always:
            raise Refused(422, f"{field_names[name]} can only be {always}")
    _check_types(params, kind)
    _check_rules(params, kind, provider, field_names)
    return params


def _is_given(value: Any) -> bool:
    """Whether a value stands for something: a blank text is the same as none."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def _check_rules(
    params: Mapping[str, Any], kind: type[Request[Any]], provider: Provider, field_names: Mapping[str, str]
) -> None:
    request = kind(**params)
    for name in checks.missing(request, params, provider):
        raise Refused(422, f"{field_names[name]} cannot be null")
    for problem in checks.exceeded(request, provider):
        raise Refused(_too_long(kind, provider), f"{field_names[problem.field]} {problem.limit}")
    for message in checks.wrong(request, provider):
        raise Refused(422, message)


def _too_long(kind: type[Request[Any]], provider: Provider) -> int:
    """The code for texts that are too long: 413 by the table of codes of sunoapi.org (docs/service.md#errors)."""
    by_own_table = provider.rules == "sunoapi" and kind.path not in provider.codes_by_path
    return 413 if by_own_table else 422


def _check_types(params: Mapping[str, Any], kind: type[Request[Any]]) -> None:
    theirs = wire_names(kind)
    try:
        msgspec.json.decode(
            msgspec.json.encode({theirs[name]: value for name, value in params.items()}), type=_as_sent(kind)
        )
    except (*UNREADABLE, msgspec.MsgspecError) as exc:
        raise Refused(422, str(exc)) from None


@cache
def _as_sent(kind: type[Request[Any]]) -> type[msgspec.Struct]:
    """The same fields by the service's names, so that refusals name those."""
    theirs = wire_names(kind)
    fields: list[Any] = [
        (one.name, one.type, msgspec.field(default=one.default, name=theirs[one.name]))
        for one in msgspec.structs.fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, fields, kw_only=True)
