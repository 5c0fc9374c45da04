"""What a store keeps of a submission, and the steps that one takes: pure, so that every store takes them alike."""

import enum
import hashlib
import os
from functools import cache
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..api.fields import plain
from ..api.providers import Provider
from ..api.requests import TABLE, Request
from ..api.updates import Doubt, Source, Stage, Update
from ..errors import InvalidJob, Problem, StoreError, SunoError
from ..wire import callbacks
from ..wire import envelope as wire

__all__ = [
    "Record",
    "State",
    "accepted",
    "check_context",
    "dismissed",
    "doubted",
    "fingerprint",
    "kind_named",
    "model_of",
    "name_of",
    "recalled",
    "told",
    "updated",
    "written",
]


class State(enum.StrEnum):
    """Where a submission is."""

    SENDING = "sending"
    """It is about to leave, or has left: whoever sends it knows more."""
    UNCERTAIN = "uncertain"
    """It left, and its answer was lost: it may have been accepted and charged."""
    RUNNING = "running"
    """It was accepted as a task."""
    FINISHED = "finished"
    """Its task has ended, in either way."""
    DISMISSED = "dismissed"
    """A person gave it up."""

    @property
    def open(self) -> bool:
        """Whether something is still to come."""
        return self in (State.SENDING, State.UNCERTAIN, State.RUNNING)


class Record(Struct, frozen=True, kw_only=True):
    """One submission, as a store keeps it."""

    ref: str = ""
    """Our own id of it, made before it was sent; empty if it was made elsewhere."""
    kind: str = ""
    """The endpoint's class, as GenerateMusic; of a class of one's own with its module."""
    provider: str = ""
    """The gateway by name, which tells the route, too."""
    sent: str = ""
    """The job that was sent, as JSON by our names; see `job`."""
    print: str = ""
    """The fingerprint of the job as it was given, before files were handed in."""
    key: str = ""
    """The idempotency key; empty if there is none."""
    context: Any = None
    """What the submitter wants to find again."""
    task_id: str = ""
    state: State = State.SENDING
    stage: Stage = Stage.PENDING
    source: Source = Source.LOOK
    """How the last news came."""
    status: str = ""
    """The service's own word."""
    code: int | None = None
    """Why it failed, if the service says."""
    message: str = ""
    body: bytes = b""
    """The answer or callback that the last news was read from."""
    error: str = ""
    """Why it is uncertain."""
    created: float = 0.0
    """Unix seconds, by the clock of the submitter."""
    updated: float = 0.0
    """Unix seconds, by the clock of whoever brought the last news."""
    delivered: bool = False
    """Whether somebody took it on himself to hand the result on."""

    @property
    def job(self) -> Request[Any]:
        """The job that was sent, files handed in. StoreError if its class is not imported, or has other fields now."""
        values: dict[str, Any] = msgspec.json.decode(self.sent)
        for name, held in values.items():
            if isinstance(held, list):
                values[name] = tuple(cast(Any, held))
        try:
            return kind_named(self.kind)(**values)
        except TypeError as exc:
            raise StoreError(f"record {self.ref} can't be read as {self.kind}: {exc}") from exc

    def __repr__(self) -> str:
        return f"<Record {self.ref} {self.kind} {self.task_id or 'without a task'} {self.state.value}>"


# ---- jobs as text ----------------------------------------------------------------------------------------------------


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


def written(request: Request[Any]) -> str:
    """A request as JSON, by our names, without what it has by default; the same for equal requests."""
    defaults = _defaults(type(request))
    values = ((name, getattr(request, name)) for name in request.__struct_fields__)
    try:
        given = {name: value for name, value in values if value is not defaults[name]}
        for name, value in given.items():
            if isinstance(value, float) and value.is_integer():
                given[name] = int(value)
        return _ENCODER.encode(given).decode()
    except (TypeError, ValueError, OverflowError) as exc:  # reached only by requests nobody checked
        raise InvalidJob(type(request).__name__, [Problem("body", f"must be JSON ({exc})", request)]) from exc


@cache
def _defaults(kind: type[Struct]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(kind)}


def fingerprint(request: Request[Any]) -> str:
    """What tells one job from another: the same for the same words."""
    return hashlib.sha256(f"{name_of(type(request))} {written(request)}".encode()).hexdigest()[:32]


def check_context(kind: str, context: Any) -> None:
    """Refuse a context that would not come back as it is. InvalidJob."""
    try:
        whole = bool(msgspec.json.decode(msgspec.json.encode(context)) == context)
    except (TypeError, ValueError, OverflowError, RecursionError):
        whole = False
    if not whole:
        raise InvalidJob(kind, [Problem("context", "must be what JSON gives back: no tuples, keys of text", context)])


# ---- steps: what becomes of a record, None if nothing does -----------------------------------------------------------


def accepted(record: Record, task_id: str, now: float) -> Record | None:
    """The service has made a task of it."""
    if record.task_id == task_id:
        return None
    # What another task was said to be is nothing to this one: its own answer is the last word on whose it is.
    return replace(record, task_id=task_id, state=State.RUNNING, stage=Stage.PENDING, body=b"", error="", updated=now)


def doubted(record: Record, error: str, now: float) -> Record | None:
    """Its answer was lost."""
    if record.state is not State.SENDING:
        return None  # a callback came first
    return replace(record, state=State.UNCERTAIN, error=error, updated=now)


def updated(record: Record, update: Update[Any], now: float) -> Record | None:
    """A look or callback tells something of it."""
    if record.task_id not in ("", update.task_id) or record.state is State.FINISHED:
        return None
    if record.task_id and update.stage <= record.stage:
        return None
    return replace(
        record,
        task_id=update.task_id,
        state=State.FINISHED if update.stage >= Stage.COMPLETE else State.RUNNING,
        stage=update.stage,
        source=update.source,
        status=update.status,
        code=update.code if update.code is None or abs(update.code) < 2**63 else None,
        message=update.message,
        body=update.body if update.stage else b"",
        error="",
        updated=now,
    )


def told(record: Record) -> Record | None:
    """Somebody hands its result on."""
    return None if record.delivered or record.state is not State.FINISHED else replace(record, delivered=True)


def dismissed(record: Record, seen: State | None, now: float) -> Record | None:
    """A person who has seen it in that state gives it up; its key is free again."""
    if not record.state.open or seen not in (None, record.state):
        return None  # more is known by now
    return replace(record, state=State.DISMISSED, key="", updated=now)


# ---- back to what a task is fed --------------------------------------------------------------------------------------


def model_of(record: Record) -> str:
    """The model that was asked for; empty if none was."""
    return msgspec.json.decode(record.sent or "{}", type=_Asked).model or ""


class _Asked(Struct, frozen=True):
    model: str | None = None


def recalled(record: Record, kind: type[Request[Any]], provider: Provider, model: str = "") -> Update[Any] | None:
    """The last news of a record; None if there is none, or if it can't be read any more: a look will tell."""
    if not record.stage:
        return None
    said: Update[Any] = Update(task_id=record.task_id, stage=record.stage)
    if record.body:
        try:
            said = _read(record, kind, provider, model)
        except SunoError:
            if record.stage is not Stage.FAILED:
                return None
    if said.result is None and record.stage is Stage.COMPLETE:
        return None
    return replace(
        said,
        stage=record.stage,
        status=record.status,
        code=record.code,
        message=record.message,
        doubt=Doubt.NONE,
        source=record.source,
    )


def _read(record: Record, kind: type[Request[Any]], provider: Provider, model: str) -> Update[Any]:
    if record.source is Source.CALLBACK:
        return callbacks.update(callbacks.parse(record.body), kind, model)
    reply = wire.Reply(200, record.body)
    if record.source is Source.ANSWER:
        answered = wire.accepted(reply, provider, kind)
        if isinstance(answered, Update):
            return answered
        raise StoreError(f"record {record.ref} holds no answer")
    return wire.update(reply, kind, provider, record.task_id, model)
