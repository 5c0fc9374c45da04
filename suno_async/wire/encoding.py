"""Requests to bytes, for each gateway."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from ..api import providers
from ..api.fields import plain
from ..api.names import wire_names
from ..api.providers import Provider
from ..api.requests.base import Request
from ..api.rules import holds
from ..errors import InvalidJob, Problem
from . import jobs_api

__all__ = ["encode", "names"]


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=plain)


def encode(request: Request[Any], provider: Provider, callback_url: str = "") -> bytes:
    """Return the body of a request for a gateway.

    Args:
        request: The request, checked.
        provider: The gateway; the API whose pages list the model gives the form.
        callback_url: Address for callbacks. Empty (default): none is sent.

    Raises:
        InvalidJob: If a value cannot be JSON.
    """
    provider = provider.api_for(request)
    kind, not_sent = type(request), provider.fixed_flags_for(type(request), getattr(request, "model", None))
    field_names = names(kind, provider)
    try:
        payload = _defaults(request, provider) | request.payload(provider.unsupported(kind))
        body: dict[str, Any] = {field_names[name]: value for name, value in payload.items() if name not in not_sent}
        if provider.uses_jobs_api(kind):
            body = {"model": providers.PREFIX + kind.operation, "input": body}
        if callback_url:
            body["callBackUrl" if provider.uses_jobs_api(kind) else kind.callback] = callback_url
        return _ENCODER.encode(body)
    except (TypeError, ValueError, AttributeError, OverflowError, LookupError) as exc:  # only of unchecked requests
        raise InvalidJob(kind.__name__, [Problem("body", f"must be JSON ({exc})", request)]) from exc


def _defaults(request: Request[Any], provider: Provider) -> dict[str, Any]:
    """What is sent for fields that were left out, where the service's own default would surprise."""
    return {
        name: value
        for condition, values in provider.rule(type(request)).defaults_when.items()
        if holds(condition, request)
        for name, value in values.items()
    }


def names(kind: type[Request[Any]], provider: Provider) -> Mapping[str, str]:
    """Return the gateway's names of the fields of a request.

    Args:
        kind: The class of the request.
        provider: The gateway.
    """
    if provider.uses_jobs_api(kind):
        return _names_at_jobs_api(kind)
    others = provider.field_names.get(kind.path)
    return {**wire_names(kind), **others} if others else wire_names(kind)


@cache
def _names_at_jobs_api(kind: type[Request[Any]]) -> Mapping[str, str]:
    return {name: jobs_api.wire_name(theirs) for name, theirs in wire_names(kind).items()}
