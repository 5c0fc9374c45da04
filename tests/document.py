"""The service's own description, and a validator that is not ours."""

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]

from suno_async.api import providers
from suno_async.api.providers import Provider
from suno_async.api.requests import Request

from .sampled import LOADER

DOCUMENT: Any = yaml.load((Path(__file__).parent / "data" / "suno.openapi.yaml").read_text(), LOADER)
SCHEMAS: Any = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[tuple[str, str], Any] = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method in ("get", "post")
}


def close_enough(validator: Any, step: float, value: Any, schema: Any) -> Any:
    """`multipleOf: 0.01` is meant in decimals; in floats it would refuse 0.29 (docs/service.md#models-and-limits)."""
    if abs(value / step - round(value / step)) > 1e-6:
        yield ValidationError(f"{value} is no multiple of {step}")


Judge = cast(Any, extend)(Draft202012Validator, {"multipleOf": close_enough})
WHOLE = Judge(DOCUMENT)
"""It has read through the document once, which takes some milliseconds, and knows what each `$ref` names."""


def judge_of(schema: Any) -> Any:
    """Return the validator of a part of the document."""
    return WHOLE.evolve(schema=schema)


def judge(value: Any, schema: Any) -> None:
    _judge(json.dumps(value), json.dumps(schema))


@cache
def _judge(value: str, schema: str) -> None:
    """Many pages are answered again and again, and looked through once."""
    judge_of(json.loads(schema)).validate(json.loads(value))


def resolved(schema: Any) -> Any:
    while "$ref" in schema:
        node = DOCUMENT
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        schema = node
    return schema


def documented(kind: type[Request[Any]], provider: Provider) -> Any:
    """The operation's description at a gateway."""
    return OPERATIONS[kind.method, provider.path(kind)]


def body_schema(kind: type[Request[Any]], provider: Provider) -> Any:
    """What a request's body must be like; on the jobs route, that of its operation."""
    if provider.uses_jobs_api(kind):
        return resolved({"$ref": job_schemas()[providers.PREFIX + kind.operation]})
    content = documented(kind, provider)["requestBody"]["content"]
    return resolved(next(iter(content.values()))["schema"])


def job_schemas() -> dict[str, str]:
    return cast("dict[str, str]", SCHEMAS["JobCreateRequest"]["discriminator"]["mapping"])


def inner_fields(kind: type[Request[Any]], provider: Provider) -> Any:
    """The documented fields that carry what the user says."""
    properties = body_schema(kind, provider)["properties"]
    return resolved(properties["input"])["properties"] if provider.uses_jobs_api(kind) else properties


def callback_schema(kind: type[Request[Any]], provider: Provider) -> Any:
    item = resolved(documented(kind, provider)["callbacks"]["onResult"])
    (operation,) = item.values()
    return operation["post"]["requestBody"]["content"]["application/json"]["schema"]
