"""Everything this package raises; `except SunoError` is enough.

SunoError
├── ConfigurationError        a setting is missing or unusable; nothing was sent
├── InvalidJob                also a ValueError; lists every problem of a job; nothing was sent
├── TransportError
│   ├── ConnectError          the request never left
│   └── ResponseLost          it left; its fate is unknown
├── ApiError                  the service refused: code, path, status
│   ├── InvalidRequest        parameters, text or linked file not accepted
│   ├── Unauthorized          key missing, wrong or without rights
│   ├── InsufficientCredits   top up first
│   ├── QuotaExceeded         the limit of this key, not of the account, is reached
│   ├── RateLimited           too fast; nothing was created (retry_after)
│   ├── Maintenance           come back later; nothing was created
│   ├── NotFound              no such endpoint or thing
│   ├── AlreadyExists         made before; existing_task_id when the answer tells it
│   └── ServerError           the service failed, or something in front of it answered
├── SubmissionUncertain       sent, answer lost: ref, job; check the account before paying again
├── BudgetExceeded            a job of map that could exceed its budget; it was not sent: job, price, left
├── TaskFailed                the task ended without its result: task_id, status, code, refunded
│   └── ContentRejected       words or audio were refused; another try ends the same
├── TaskNotDone               also an asyncio.InvalidStateError; result() or exception() asked too early
├── TaskNotFound              the service does not know this task_id
├── TaskTimeout               also a TimeoutError; patience ended, the task goes on
├── DownloadFailed            saved, failed: some files could not be fetched
├── UpdatesMissed             a reader of updates() was too slow: count; read the state anew
├── CallbackError             a callback body that says nothing
├── StoreError                what must be kept could not be kept
└── DecodeError               an answer of a shape we do not know
"""

from asyncio import InvalidStateError
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "AlreadyExists",
    "ApiError",
    "BudgetExceeded",
    "CallbackError",
    "ConfigurationError",
    "ConnectError",
    "ContentRejected",
    "DecodeError",
    "DownloadFailed",
    "InsufficientCredits",
    "InvalidJob",
    "InvalidRequest",
    "Maintenance",
    "NotFound",
    "Problem",
    "QuotaExceeded",
    "RateLimited",
    "ResponseLost",
    "ServerError",
    "StoreError",
    "SubmissionUncertain",
    "SunoError",
    "TaskFailed",
    "TaskNotDone",
    "TaskNotFound",
    "TaskTimeout",
    "TransportError",
    "Unauthorized",
    "UpdatesMissed",
]


class SunoError(Exception):
    """Anything that went wrong, here or at the service."""


class ConfigurationError(SunoError):
    """A setting is missing or unusable. Nothing was sent."""


class Problem(NamedTuple):
    """One thing wrong with one field: what it must be, and what was given."""

    field: str
    limit: str
    value: object

    def __str__(self) -> str:
        long = isinstance(self.value, str) and len(self.value) > 60
        return f"{self.field} {self.limit}, got " + (f"{len(str(self.value))} characters" if long else repr(self.value))


class InvalidJob(SunoError, ValueError):
    """A job that every gateway would refuse. Nothing was sent; `problems` lists all of them."""

    def __init__(self, job: str, problems: Iterable[Problem]) -> None:
        self.job = job
        self.problems = tuple(problems)
        super().__init__(job, self.problems)

    def __str__(self) -> str:
        return f"{self.job} was not sent: {'; '.join(map(str, self.problems))}"


class TransportError(SunoError):
    """The network failed, not the service."""


class ConnectError(TransportError):
    """No connection was made, so the request never left.

    `permanent` says that another try would end the same: a certificate is not trusted, or a name is unknown.
    """

    def __init__(self, *args: object, permanent: bool = False) -> None:
        super().__init__(*args)
        self.permanent = permanent


class ResponseLost(TransportError):
    """The request left and no whole answer came back, so its fate is unknown."""


class ApiError(SunoError):
    """The service answered and refused.

    `code` is the business code of the body, 0 when the body was none of the API's; `status` is the HTTP status,
    `retry_after` the seconds the service asks to wait, if it does.
    """

    def __init__(
        self,
        code: int,
        message: str = "",
        path: str = "",
        *,
        status: int = 200,
        retry_after: float | None = None,
        existing_task_id: str | None = None,
        names_task: bool = False,
        gateway: str = "",
    ) -> None:
        super().__init__(code, message, path)
        self.code = code
        self.message = message
        self.path = path
        self.status = status
        self.retry_after = retry_after
        self.existing_task_id = existing_task_id
        self.names_task = names_task
        """Whether the refusal names a task all the same, which may have been created then."""
        self.gateway = gateway
        """Name of the provider that refused; empty if that is not known."""

    def __str__(self) -> str:
        said = f"code {self.code}" if self.code else f"HTTP {self.status}, not an answer of the API"
        return f"{self.path}: {self.message or 'no reason given'} ({said})"


class InvalidRequest(ApiError):
    """The parameters, the text or a linked file were not accepted."""


class Unauthorized(ApiError):
    """The key is missing, wrong, or lacks the right."""

    def __str__(self) -> str:
        return (
            f"{super().__str__()}; {self.gateway or 'the gateway'} refused the key: check api_key= or SUNO_API_KEY, "
            "and that the key is of this gateway (provider= or SUNO_PROVIDER)"
        )


class InsufficientCredits(ApiError):
    """The account is out of credits."""


class QuotaExceeded(ApiError):
    """This key's own hourly, daily or total limit is reached."""


class RateLimited(ApiError):
    """Too many requests. Nothing was created; `retry_after` is set when the service tells it."""


class Maintenance(ApiError):
    """The service is being worked on. Nothing was created."""


class NotFound(ApiError):
    """No such endpoint or thing."""


class AlreadyExists(ApiError):
    """The same was made before; `existing_task_id` is set when the answer tells it."""


class ServerError(ApiError):
    """The service failed, or something in front of it answered in its place (then `code` is 0)."""


class SubmissionUncertain(SunoError):
    """A request left and its answer was lost: it may have been accepted and charged.

    It is never sent again on its own. Wait for its callback or check the account's records before paying again.
    `ref` names the submission; it is empty for a call, which creates no task.
    """

    def __init__(self, ref: str, job: Any) -> None:
        super().__init__(ref, job)
        self.ref = ref
        self.job = job

    def __str__(self) -> str:
        ref = f" (ref {self.ref})" if self.ref else ""
        return f"{type(self.job).__name__}{ref} was sent but the answer was lost; it may have been charged"


class BudgetExceeded(SunoError):
    """A job of `map` was not sent, since it could exceed the budget or its price is not known.

    `price` is what the job costs, None if that is not known; `left` what is left of the budget, in credits. What
    unfinished jobs may still cost is not left.
    """

    def __init__(self, job: Any, price: float | None, left: float) -> None:
        super().__init__(job, price, left)
        self.job = job
        self.price = price
        self.left = left

    def __str__(self) -> str:
        kind = type(self.job).__name__
        if self.price is None:
            return f"{kind} was not sent: its price is not known; state it with map(prices={{{kind}: …}})"
        return f"{kind} was not sent: it costs {self.price:g} credits, and {self.left:g} of the budget are left"


class TaskFailed(SunoError):
    """The task ended without its result. `status` is the service's word, `code` its reason, if it gave one.

    It is raised, too, when the service has reported success for a minute without files. Then the task is not
    ended: files that come later complete it, and it can be awaited again.

    `refunded` tells whether its credits were given back: True or False where the service or its pages say so, else
    None.
    """

    def __init__(
        self,
        task_id: str,
        status: str = "",
        code: int | None = None,
        message: str = "",
        *,
        refunded: bool | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(task_id, status, code, message)
        self._body = body
        self.task_id = task_id
        self.status = status
        self.code = code
        self.message = message
        self.refunded = refunded

    def __str__(self) -> str:
        code = "" if self.code is None else f", code {self.code}"
        return f"task {self.task_id} failed: {self.message or 'no reason given'} ({self.status or 'no status'}{code})"

    @property
    def raw(self) -> Any:
        """What the service said, as JSON; None if that is not known."""
        return _as_json(self._body)


class ContentRejected(TaskFailed):
    """The words or the uploaded audio were refused (wording, copyright, known work)."""


class TaskNotDone(SunoError, InvalidStateError):
    """`result()` or `exception()` was asked of a task that has not ended. Await the task instead."""

    def __init__(self, task_id: str, stage: str) -> None:
        super().__init__(task_id, stage)
        self.task_id = task_id
        self.stage = stage

    def __str__(self) -> str:
        return f"task {self.task_id} has not ended (stage {self.stage}): await it first"


class TaskNotFound(SunoError):
    """The service does not know this task, some time after it would have shown up."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id

    def __str__(self) -> str:
        return f"the service knows no task {self.task_id!r}"


class TaskTimeout(SunoError, TimeoutError):
    """Patience ended before the task did. The task goes on: await it again, or `client.attach(…, task_id)` later."""

    def __init__(self, task_id: str, waited: float) -> None:
        super().__init__(task_id, waited)
        self.task_id = task_id
        self.waited = waited

    def __str__(self) -> str:
        return f"task {self.task_id} was not finished after {self.waited:.0f} s; it can be awaited again"


class DownloadFailed(SunoError):
    """Some files could not be fetched: `failed` lists their addresses and reasons, `saved` what is on disk."""

    def __init__(self, saved: Iterable[Path], failed: Iterable[tuple[str, str]], *, hint: str = "") -> None:
        self.saved = list(saved)
        self.failed = list(failed)
        self.hint = hint
        """What else could be tried; empty if nothing is known."""
        super().__init__(self.saved, self.failed)

    def __str__(self) -> str:
        reasons = "; ".join(f"{url}: {reason}" for url, reason in self.failed)
        hint = f" ({self.hint})" if self.hint else ""
        return f"{len(self.failed)} of {len(self.failed) + len(self.saved)} files were not saved: {reasons}{hint}"


class UpdatesMissed(SunoError):
    """A reader of `updates()` was too slow and missed updates; it has read all before them.

    `count` says how many it missed until now. Begin anew, and look at the tasks as they are.
    """

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(count, limit)
        self.count = count
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.count} updates were missed: more than limit={self.limit} were waiting to be read"


class CallbackError(SunoError):
    """A callback body from which no task can be read."""


class StoreError(SunoError):
    """What must be kept could not be kept. A callback that met it is to be sent again."""


class DecodeError(SunoError):
    """An answer that is JSON, but of a shape we do not know."""

    def __init__(self, message: str = "", *, body: bytes = b"") -> None:
        super().__init__(message)
        self._body = body
        self.message = message
        """What is wrong, without the answer; so it is logged, since answers repeat requests."""

    def __str__(self) -> str:
        begins = self._body[:200].decode(errors="replace")
        return f"{self.message} in {begins!r}" if begins else self.message

    @property
    def raw(self) -> Any:
        """The answer, as JSON; None if that is not known."""
        return _as_json(self._body)


def _as_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
