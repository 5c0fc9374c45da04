"""What can go wrong on request: each fault is a value."""

import msgspec

__all__ = [
    "CallbackException",
    "CallbackFault",
    "CloseIdle",
    "DeadLinks",
    "DelayCallbacks",
    "Drop",
    "DropAfterAccepting",
    "DropHalfway",
    "DuplicateCallbacks",
    "EarlyCallback",
    "Endless",
    "ErrorPage",
    "Fail",
    "Fault",
    "ForgeCallback",
    "HtmlMedia",
    "Invisible",
    "LateFiles",
    "LateMedia",
    "LoseCallbacks",
    "MediaFault",
    "NoAnswer",
    "NoFiles",
    "OddTypes",
    "Refuse",
    "ReorderCallbacks",
    "RequestFault",
    "Slow",
    "Stuck",
    "TaskFault",
    "Truncate",
    "TruncateMedia",
]

REJECTED = "SENSITIVE_WORD_ERROR"
"""The status of music whose text is not allowed."""


class _Fault(msgspec.Struct, frozen=True, tag=True, omit_defaults=True, repr_omit_defaults=True):
    """What all faults share."""


# ---- of a request ----------------------------------------------------------------------------------------------------


class Refuse(_Fault, frozen=True):
    """The request is refused, and nothing is created.

    Args:
        code: The code in the answer, as 455 for maintenance (default: None, the code of the provider's rate limit).
        message: The text in the answer (default: "", that of the code).
    """

    code: int | None = None
    message: str = ""


class Drop(_Fault, frozen=True):
    """The connection breaks, and nothing is created."""


class DropAfterAccepting(_Fault, frozen=True):
    """The request is done, and the connection breaks before the answer."""


class DropHalfway(_Fault, frozen=True):
    """The request is done, and the connection breaks in the middle of the answer."""


class CloseIdle(_Fault, frozen=True):
    """The request is answered, and then the connection is closed, although it was to be kept alive."""


class Slow(_Fault, frozen=True):
    """The request is handled late.

    Args:
        seconds: How late, in real seconds at any speed (default: 5).
    """

    seconds: float = 5.0


class NoAnswer(_Fault, frozen=True):
    """Nothing is created, and nothing is ever answered. The connection stays open until the client closes it."""


class Endless(_Fault, frozen=True):
    """The request is done, and the answer never ends: after its body, spaces follow until the client closes."""


class OddTypes(_Fault, frozen=True):
    """The request is done, and the answer has numbers as text and truth values as numbers in its `data`."""


class Truncate(_Fault, frozen=True):
    """The request is done, and the last 10 bytes of the answer are missing."""


class ErrorPage(_Fault, frozen=True):
    """The HTML page of a proxy in front of the service, and nothing is created.

    Args:
        status: The HTTP status, from 500 to 599 (default: 502).
    """

    status: int = 502

    def __post_init__(self) -> None:
        if not 500 <= self.status <= 599:
            raise ValueError(f"status of ErrorPage must be from 500 to 599, got {self.status}")


# ---- of a task -------------------------------------------------------------------------------------------------------


class Fail(_Fault, frozen=True):
    """The task fails when it would be complete; a call that is answered at once fails.

    Args:
        status: The status on the details page, as "GENERATE_AUDIO_FAILED" (default: "", the usual one of the endpoint,
            which also stands where a page has no such status). One that no endpoint has is refused.
            "SENSITIVE_WORD_ERROR" stands at every endpoint for a text that is not allowed.
        message: The error message (default: "the task fails").
    """

    status: str = ""
    message: str = "the task fails"

    @property
    def rejects(self) -> bool:
        """Whether it is because of the text."""
        return self.status == REJECTED


class Stuck(_Fault, frozen=True):
    """The task never ends."""


class Invisible(_Fault, frozen=True):
    """The details page does not know the task at first.

    Args:
        seconds: For how long, in seconds of the emulator's clock (default: 30).
    """

    seconds: float = 30.0


class LateFiles(_Fault, frozen=True):
    """The details page reports success before the files exist.

    Args:
        seconds: How long before, in seconds of the emulator's clock (default: 30).
    """

    seconds: float = 30.0


class NoFiles(_Fault, frozen=True):
    """The details page reports success, and the files never come."""


class CallbackException(_Fault, frozen=True):
    """The details page says CALLBACK_EXCEPTION once the task is complete, whatever the callback address answered."""


# ---- of callbacks ----------------------------------------------------------------------------------------------------


class LoseCallbacks(_Fault, frozen=True):
    """No callback is posted."""


class DelayCallbacks(_Fault, frozen=True):
    """Each callback is posted late.

    Args:
        seconds: How late, in seconds of the emulator's clock (default: 60).
    """

    seconds: float = 60.0


class ReorderCallbacks(_Fault, frozen=True):
    """All callbacks are posted after the task has ended, the last one first."""


class DuplicateCallbacks(_Fault, frozen=True):
    """Each callback is posted twice at once, and both must be answered 200."""


class EarlyCallback(_Fault, frozen=True):
    """The first callback is posted before the submit is answered. The answer waits for it, 1 real second at most."""


class ForgeCallback(_Fault, frozen=True):
    """Before the callbacks of the task, somebody else posts that it is complete, without token and signature."""


# ---- of files --------------------------------------------------------------------------------------------------------


class DeadLinks(_Fault, frozen=True):
    """The first URLs of the files are dead. From the second poll of the complete task on there are new ones."""


class LateMedia(_Fault, frozen=True):
    """The files cannot be fetched at first, although the details page links to them: HTTP 404.

    Args:
        seconds: For how long after the task is complete, in seconds of the emulator's clock (default: 30).
    """

    seconds: float = 30.0


class HtmlMedia(_Fault, frozen=True):
    """Each file is an HTML page, with HTTP status 200."""


class TruncateMedia(_Fault, frozen=True):
    """The connection breaks in the middle of each file."""


RequestFault = (
    Refuse
    | Drop
    | DropAfterAccepting
    | DropHalfway
    | CloseIdle
    | Slow
    | NoAnswer
    | Endless
    | OddTypes
    | Truncate
    | ErrorPage
)
"""What goes wrong with one request, whatever it is for."""
TaskFault = Fail | Stuck | Invisible | LateFiles | NoFiles | CallbackException
"""What goes wrong with a task."""
CallbackFault = LoseCallbacks | DelayCallbacks | ReorderCallbacks | DuplicateCallbacks | EarlyCallback | ForgeCallback
"""What goes wrong with the callbacks of a task."""
MediaFault = DeadLinks | LateMedia | HtmlMedia | TruncateMedia
"""What goes wrong with the files of a task."""
Fault = RequestFault | TaskFault | CallbackFault | MediaFault
"""What goes wrong with one request, or with its task, callbacks or files."""
