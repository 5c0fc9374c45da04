"""Records to requests, tasks and updates, and back: requests as JSON text, updates from stored bodies."""

import hashlib
import os
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from ..api.fields import plain
from ..api.pricing import price_at
from ..api.providers import Provider
from ..api.requests import TABLE
from ..api.requests.base import Request
from ..api.results import Result
from ..api.updates import Provisional, Source, Stage, Update
from ..errors import InvalidJob, Problem, StoreError, SunoError
from ..log import log
from ..stores.record import Record
from ..tasks.task import Task, TaskInfo
from ..wire import callbacks, details, envelope
from ..wire.shapes import UNREADABLE

__all__ = [
    "check_context",
    "fingerprint",
    "info_of",
    "job_of",
    "kind_named",
    "known",
    "model_of",
    "name_of",
    "restore",
    "restore_update",
    "to_json",
    "whole",
]

R = TypeVar("R")


def name_of(kind: type[Request[Any]]) -> str:
    """What a record calls an endpoint."""
    return kind.__name__ if _NAMED.get(kind.__name__) is kind else f"{kind.__module__}:{kind.__qualname__}"


def kind_named(name: str) -> type[Request[Any]]:
    """The endpoint of that name, ours or one's own if that is imported; StoreError if there is none."""
    if (ours := _NAMED.get(name)) is not None:
        return ours
    waiting: list[type[Request[Any]]] = [Request]
    while waiting:
        kind = waiting.pop()
        if name_of(kind) == name:
            return kind
        waiting += kind.__subclasses__()
    raise StoreError(f"a record is of the kind {name}, which is not imported here")


_NAMED: dict[str, type[Request[Any]]] = {kind.__name__: kind for kind in TABLE}


def _as_text(value: object) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(cast("os.PathLike[str]", value))
    return plain(value)


_ENCODER = msgspec.json.Encoder(enc_hook=_as_text, decimal_format="number")


def to_json(request: Request[Any]) -> str:
    """A request as JSON, by our names, without what it has by default; the same for equal requests."""
    defaults = _defaults(type(request))
    given: dict[str, Any] = {}
    try:
        for (name, default), value in zip(defaults, astuple(request), strict=True):
            if value is not default:
                given[name] = int(value) if isinstance(value, float) and value.is_integer() else value
        return _ENCODER.encode(given).decode()
    except (TypeError, ValueError, OverflowError) as exc:  # reached only by requests nobody checked
        raise InvalidJob(type(request).__name__, [Problem("body", f"must be JSON ({exc})", request)]) from exc


@cache
def _defaults(kind: type[Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in msgspec.structs.fields(kind))


def fingerprint(request: Request[Any]) -> str:
    """What tells one job from another: the same for the same words."""
    return hashlib.sha256(f"{name_of(type(request))} {to_json(request)}".encode()).hexdigest()[:32]


def check_context(kind: str, context: Any) -> None:
    """Refuse a context that would not come back as it is. InvalidJob."""
    try:
        whole = bool(msgspec.json.decode(msgspec.json.encode(context)) == context)
    except (TypeError, ValueError, OverflowError, RecursionError):
        whole = False
    if not whole:
        raise InvalidJob(kind, [Problem("context", "must be what JSON gives back: no tuples, keys of text", context)])


def model_of(record: Record) -> str:
    """The model that was asked for; empty if none was, or if the request cannot be read."""
    return _asked(record).model or ""


class _Asked(Struct, frozen=True):
    model: str | None = None
    type: str | None = None
    stem_name: str | None = None


def _asked(record: Record) -> _Asked:
    """What a task must know of its request."""
    try:
        return _ASKED.decode(record.request_json or "{}")
    except UNREADABLE:  # its task goes on all the same
        return _Asked()


_ASKED = msgspec.json.Decoder(_Asked)


def restore_update(record: Record, kind: type[Request[Any]], provider: Provider, model: str = "") -> Update[Any] | None:
    """The last update of a record; None if there is none, or if it can't be read any more: a poll will tell."""
    if not record.stage:
        return None
    said: Update[Any] = Update(task_id=record.task_id, stage=record.stage)
    if record.body:
        try:
            said = _read(record.source, record.body, record.task_id, kind, _api(record.provider, provider), model)
        except SunoError:
            if record.stage is not Stage.FAILED:
                return None
    brings = said.result.partial if isinstance(said.result, Result) else said.result is not None
    if record.stage is Stage.COMPLETE and not brings:
        return None
    return said.replaced(
        stage=record.stage,
        status=record.status,
        code=record.code,
        message=record.message,
        provisional=Provisional.NONE,
        source=record.source,
    )


def whole(update: Update[R], task: Task[R], provider: Provider) -> Update[R]:
    """Return an update that was cut with its result and record, read from its body again."""

    def read(api: Provider) -> Update[R]:
        return _read(update.source, update.body, update.task_id, task.kind, api, task.model)

    known = provider.api_named(task.api) if task.api else None
    said = read(known or provider)
    if said.stage is not update.stage and known is None and provider.jobs is not None:
        # Of a task that was attached by its bare id nobody here may know the API.
        with suppress(SunoError):
            said = read(provider.jobs)
    return msgspec.structs.replace(update, result=said.result).came_from(update.body, said.record)


def _api(name: str, provider: Provider) -> Provider:
    return provider.api_named(name) or provider


def _read(
    source: Source, body: bytes, task_id: str, kind: type[Request[Any]], provider: Provider, model: str
) -> Update[Any]:
    if source is Source.CALLBACK:
        return callbacks.update(callbacks.parse(body), kind, model)
    reply = envelope.Reply(200, body)
    if source is Source.ANSWER:
        answered = envelope.accepted(reply, provider, kind)
        if isinstance(answered, Update):
            return answered
        raise StoreError("the body has no answer in it")
    return details.update(reply, kind, provider, task_id, model)


def job_of(record: Record) -> Request[Any]:
    """Return the job that was sent, with its files uploaded.

    Raises:
        StoreError: Its class is not imported or has other fields now, or the record is damaged.
    """
    if record.erased:
        raise StoreError(f"record {record.ref} was erased: its job is not known any more")
    try:
        values = msgspec.json.decode(record.request_json, type=dict[str, Any])
        for name, held in values.items():
            if isinstance(held, list):
                values[name] = tuple(cast(Any, held))
        return kind_named(record.kind)(**values)
    except (TypeError, *UNREADABLE) as exc:
        raise StoreError(f"record {record.ref} can't be read as {record.kind}: {exc}") from exc


def known(record: Record, provider: Provider) -> bool:
    """Return whether a record is of this gateway and of a class that is imported; one that is not is logged."""
    if provider.api_named(record.provider) is None:
        return False
    try:
        kind_named(record.kind)
    except StoreError as exc:
        log.error("%s: left alone", exc)
        return False
    return True


def info_of(record: Record) -> TaskInfo:
    """Return what a record knows of its task. StoreError if its class is not imported."""
    kind = kind_named(record.kind)
    asked = _asked(record)
    price = price_at(record.provider, kind, {"type": asked.type, "stem_name": asked.stem_name})
    return TaskInfo(
        *(record.task_id, kind, record.ref, asked.model or "", record.context),
        api=record.provider,
        price=price,
        trace=record.trace,
    )


def restore(record: Record, provider: Provider) -> tuple[TaskInfo, Update[Any] | None]:
    """Return what a record knows of its task, and the last update it was written from."""
    info = info_of(record)
    return info, restore_update(record, info.kind, provider, info.model)
