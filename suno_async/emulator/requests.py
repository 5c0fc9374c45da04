"""What comes in: read, translated back to the table's names, and refused where the service would."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import msgspec

from ..api import providers
from ..api.providers import Provider
from ..api.requests import TABLE, GenerateVoice, Job, Request, ValidateVoice
from ..wire import encoding
from ..wire.shapes import UNREADABLE

__all__ = ["Asked", "Refused", "body_of", "by_job", "by_path"]

UNCALLED = (ValidateVoice, GenerateVoice)
"""Jobs whose older paths want no callback address (NOTES §14.14)."""
OPERATIONS = {kind.operation: kind for kind in TABLE if kind.operation}


class Refused(Exception):
    """The service takes no such request."""

    def __init__(self, code: int, message: str, data: Any = None, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status


class Asked(NamedTuple):
    """A request that was understood."""

    kind: type[Request[Any]]
    provider: Provider
    """The gateway by the route that the request took."""
    params: dict[str, Any]
    """What was given, by the table's names."""
    body: dict[str, Any]
    """As it came."""
    callback: str = ""

    @property
    def jobs_api(self) -> bool:
        """Whether it took the jobs route."""
        return self.provider.uses_jobs_api(self.kind)


def by_path(body: bytes, kind: type[Request[Any]], provider: Provider) -> Asked:
    """A request to the path of an endpoint."""
    given = body_of(body)
    params = _params(given, kind, provider)
    callback = given.get(kind.callback)
    if issubclass(kind, Job) and not callback and kind not in UNCALLED:
        raise Refused(422, "Please enter callBackUrl.")
    return Asked(kind, provider, params, given, str(callback or ""))


def by_job(body: bytes, provider: Provider) -> Asked:
    """A request by the jobs route: the outer model names the operation, and no callback address is wanted."""
    given = body_of(body)
    model, held = str(given.get("model")), given.get("input")
    kind = OPERATIONS.get(model.removeprefix(providers.PREFIX)) if model.startswith(providers.PREFIX) else None
    if kind is None:
        raise Refused(422, f"model {model} is not supported")
    if not isinstance(held, dict):
        raise Refused(422, "input cannot be null")
    params = _params(cast("dict[str, Any]", held), kind, provider)
    return Asked(kind, provider, params, given, str(given.get("callBackUrl") or ""))


def body_of(body: bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE as exc:
        raise Refused(400, f"not valid JSON: {exc}") from None


def _params(given: Mapping[str, Any], kind: type[Request[Any]], provider: Provider) -> dict[str, Any]:
    """The fields of the table among what was given, if the gateway takes them."""
    field_names = {name: theirs for name, theirs in encoding.names(kind, provider).items() if name != "source"}
    params = {name: given[theirs] for name, theirs in field_names.items() if given.get(theirs) is not None}
    fixed_flags = provider.fixed_flags_for(kind, params.get("model"))
    for name in (*kind.required, *provider.required_fields.get(kind.path, ())):
        if name not in params and name not in fixed_flags:
            raise Refused(422, f"{field_names[name]} cannot be null")
    for name in provider.unsupported_fields.get(kind.path, ()):
        if name in params:
            raise Refused(422, f"{field_names[name]} is not supported")
    for name, always in fixed_flags.items():
        if params.get(name, always) is not always:
            raise Refused(422, f"{field_names[name]} can only be {always}")
    _check_types(params, kind)
    return params


def _check_types(params: Mapping[str, Any], kind: type[Request[Any]]) -> None:
    table = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    try:
        msgspec.json.decode(msgspec.json.encode({table[name]: value for name, value in params.items()}), type=kind)
    except (*UNREADABLE, msgspec.MsgspecError) as exc:
        raise Refused(422, str(exc)) from None
