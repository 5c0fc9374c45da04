"""What a store keeps of one submission."""

import enum
from typing import Any

from msgspec import Struct

from ..api.representation import short_line
from ..api.updates import Source, Stage

__all__ = [
    "Record",
    "State",
]


class State(enum.StrEnum):
    """How far a submission is."""

    SENDING = "sending"
    """It is about to be sent, or its answer is awaited."""
    UNCERTAIN = "uncertain"
    """It was sent and its answer was lost: it may have been accepted and charged."""
    RUNNING = "running"
    """The service accepted it as a task."""
    FINISHED = "finished"
    """Its task is complete or failed."""
    DISMISSED = "dismissed"
    """The application gave it up."""

    @property
    def open(self) -> bool:
        """Whether the submission may still change without the application: sending, uncertain or running."""
        return self is not FINISHED and self is not DISMISSED


SENDING, FINISHED, DISMISSED = State.SENDING, State.FINISHED, State.DISMISSED
"""Not through the class, as for the stages in `api.updates`."""


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """One submission, as a store keeps it."""

    ref: str = ""
    """The submission's id, made before it was sent."""
    kind: str = ""
    """The class of the request by name, as GenerateMusic; with its module if it is not one of this package."""
    provider: str = ""
    """The gateway by name, which also tells the API: "kie" is its legacy API, "kie-jobs" its jobs API."""
    request_json: str = ""
    """The request that was sent, as JSON with our field names: see `suno_async.submissions.codec.job_of`."""
    fingerprint: str = ""
    """A hash of the request as the caller gave it, before local files were uploaded."""
    key: str = ""
    """The idempotency key; empty if there is none."""
    context: Any = None
    """A JSON value of the caller's."""
    task_id: str = ""
    """The service's id of the task; empty until it is known."""
    state: State = State.SENDING
    stage: Stage = Stage.PENDING
    observed: Stage = Stage.PENDING
    """The highest stage that observers were called for."""
    source: Source = Source.POLL
    """How the last update came."""
    status: str = ""
    """The service's own word for the stage."""
    code: int | None = None
    """Why the task failed, if the service says so."""
    message: str = ""
    """The service's explanation of a failure."""
    body: bytes = b""
    """The answer or callback that the last update was read from."""
    error: str = ""
    """Why the submission is uncertain."""
    created: float = 0.0
    """When the submission was made: Unix seconds by the submitter's clock."""
    updated: float = 0.0
    """When the record last changed: Unix seconds by the clock of the process that changed it."""
    delivered: bool = False
    """Whether the application has handed the result on."""
    erased: bool = False
    """Whether what its user wrote and got was removed for good; later updates keep none of it either."""
    trace: str = ""
    """The `traceparent` (W3C) of the span that submitted it, so that other processes go on with its trace; empty if
    there is none.
    """

    def __repr__(self) -> str:
        return short_line(f"<Record {self.ref} {self.kind} {self.task_id or 'without a task'} {self.state.value}")
