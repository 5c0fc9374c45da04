"""What the pages of a gateway require of a request beyond the types of its fields."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..api import rules
from ..api.providers import Provider
from ..api.requests import (
    ExtendMusic,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    ReplaceSection,
    Request,
    SeparateStems,
    UploadExtend,
)
from ..api.requests.music import ContinuingJob, CustomJob
from ..api.validation import limits_exceeded, too_long
from ..errors import Problem

__all__ = ["exceeded", "missing", "optional", "wrong"]

OPTIONAL: Mapping[tuple[str, str], tuple[str, ...]] = {
    (UploadExtend.path, "kie-legacy"): ("instrumental", "prompt"),
    (UploadExtend.path, "kie-jobs"): ("instrumental", "prompt", "default_param_flag", "continue_at"),
    (UploadExtend.path, "sunoapi"): ("instrumental", "prompt"),
    (UploadExtend.path, "apikley"): ("instrumental", "prompt"),
    (ExtendMusic.path, "kie-jobs"): ("default_param_flag",),
    (GenerateSounds.path, "kie-legacy"): ("model",),
}
"""Fields that the client always sends since some page requires them, although another page of the same API does not,
by path and name of the API. The service accepts what any of its pages accepts."""
CUSTOM = {"prompt": "lyrics", "lyrics": "lyrics", "style": "style", "title": "title", "negative_tags": "negative_tags"}
CONTINUED = {"prompt": "lyrics", "style": "style", "title": "title_extended"}
"""Texts, and the limits of the model that hold for them."""


def optional(kind: type[Request[Any]], provider: Provider) -> tuple[str, ...]:
    """The required fields of a class that may be left out."""
    return OPTIONAL.get((kind.path, provider.rules), ())


def missing(request: Request[Any], params: Mapping[str, Any], provider: Provider) -> Iterator[str]:
    """The fields that a request lacks, by our names."""
    unneeded = optional(type(request), provider)
    for name, _ in provider.rule(type(request)).required_of(request):
        if name not in (*params, *unneeded) and not _is_sung(name, params):
            yield name
    yield from (name for name in _needed(request) if name not in params)


def _is_sung(name: str, params: Mapping[str, Any]) -> bool:
    """Whether a field is given by another name: V6 takes lyrics by both."""
    return name == "prompt" and "lyrics" in params


def _needed(request: Request[Any]) -> Iterator[str]:
    """What requests of some classes need, at every gateway."""
    match request:
        case GenerateMusic() if not (request.prompt or request.lyrics or request.style or request.attachments):
            if not (request.custom and request.negative_tags):
                yield "prompt"
        case ContinuingJob() if request.own_parameters:
            instrumental = getattr(request, "instrumental", False)
            yield from ("continue_at",) if instrumental else ("continue_at", "prompt")
            if isinstance(request, ExtendMusic):  # left out of upload-extend, they were accepted
                yield from ("style", "title")
        case ReplaceSection():
            yield from ("task_id", "audio_id") if request.upload_url is None else ("model",)
        case SeparateStems() if request.type == "split_stem_advanced":
            yield "stem_name"
        case _:
            pass


def exceeded(request: Request[Any], provider: Provider) -> Iterator[Problem]:
    """The texts that are too long."""
    yield from limits_exceeded(request, provider.chars(type(request)), provider.name)
    match request:
        case CustomJob():
            limits = CUSTOM if request.custom else {"prompt": request.idea}
        case ContinuingJob() if request.own_parameters:
            limits = CONTINUED
        case _:
            limits = {}
    for name, limit in limits.items():
        yield from too_long(request, name, limit)


def _models(kind: type[Request[Any]], provider: Provider) -> Collection[str]:
    """The models that pages of the gateway list, those of its other API included; empty if there is no list.

    Whether the legacy API of KIE takes the models of the jobs API was not seen (docs/service.md#the-two-apis-of-kie).
    """
    gateway = (provider.rules or provider.name).partition("-")[0]
    rows = rules.RULES.get(kind.path, {}).items()
    return provider.models or {model for api, row in rows if api.partition("-")[0] == gateway for model in row.models}


def wrong(request: Request[Any], provider: Provider) -> Iterator[str]:
    """What else a request is refused for, in words."""
    model, listed = getattr(request, "model", None), _models(type(request), provider)
    if model is not None and listed and model not in listed:
        yield f"model {model} is not supported"
    if isinstance(request, ReplaceSection):
        shortest = provider.rule(type(request)).min_seconds or 6
        if round(request.end - request.start, 2) < shortest:
            yield f"the section must have at least {shortest:g} seconds"
        if request.upload_url is not None and (request.task_id or request.audio_id):
            yield "uploadUrl cannot be given with taskId and audioId"
    if isinstance(request, GeneratePersona):
        start, end = request.vocal_start, request.vocal_end
        if not 10 <= round((30 if end is None else end) - (start or 0), 2) <= 30:
            yield "the vocal section must have 10 to 30 seconds"
