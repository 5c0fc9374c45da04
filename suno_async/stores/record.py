"""What a store keeps of a submission, and the steps that one takes: pure, so that every store takes them alike."""

import enum
from typing import Any

from msgspec import Struct

from ..api.updates import Source, Stage

__all__ = [
    "Record",
    "State",
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
    request_json: str = ""
    """The job that was sent, as JSON by our names: see `job_of`."""
    fingerprint: str = ""
    """The fingerprint of the job as it was given, before files were handed in."""
    key: str = ""
    """The idempotency key; empty if there is none."""
    context: Any = None
    """What the submitter wants to find again."""
    task_id: str = ""
    state: State = State.SENDING
    stage: Stage = Stage.PENDING
    source: Source = Source.POLL
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

    def __repr__(self) -> str:
        return f"<Record {self.ref} {self.kind} {self.task_id or 'without a task'} {self.state.value}>"


# ---- jobs as text ----------------------------------------------------------------------------------------------------


# ---- steps: what becomes of a record, None if nothing does -----------------------------------------------------------


# ---- back to what a task is fed --------------------------------------------------------------------------------------
