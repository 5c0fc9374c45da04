"""How a family of jobs and calls proceeds, and what the service reports of it."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from ...api import pricing
from ...api.requests import TABLE, Request
from ...api.results import Music
from ...api.updates import Stage
from ..durations import OTHER
from ..faults import Fail
from ..media import Content
from ..media.songs import whole
from ..requests import Refused
from ..runs import Run

__all__ = ["Family", "gives", "linked_file", "names_task", "need_track", "track_number"]


FILE = re.compile(r"/files/(?:new/)?([0-9a-f]{32})/([^/.?#]+)")
SECONDS = 30.0
"""Length of a tune that nothing is stated of."""


class Family:
    """What differs between families. Everything else in an answer follows from the request class.

    Results are spelled as the details page spells them; `posted_result` and `jobs_result` are for callbacks and for the
    jobs API.
    """

    marks: Mapping[Stage, tuple[float, float]] = {Stage.COMPLETE: OTHER[Stage.COMPLETE]}
    """When a stage is reached, in seconds of the emulator's clock."""
    state: ClassVar[str] = "status"
    """The name of the state on the details page."""
    failed: ClassVar[str | int | None] = None
    """Its status word for FAIL, if that is not the second of the class's words for failures."""
    codes: ClassVar[tuple[int, int]] = (500, 500)
    """The error codes of FAIL and REJECT."""
    no_error: ClassVar[tuple[int | None, str | None]] = (None, None)
    """`errorCode` and `errorMessage` of a task that has not failed."""
    refunds: ClassVar[bool] = False
    """Whether the credits of a failed task are given back."""
    unique: ClassVar[tuple[str, ...]] = ()
    """The fields that identify what is made only once."""
    at_once: ClassVar[bool] = False
    """Whether the jobs API answers it at once, too."""

    def price(self, run: Run) -> float:
        """What this run costs, in credits: by the list that clients estimate by, and 0 where it says nothing.

        Endpoints of a user's own cost what a built-in one with the same result costs.
        """
        same = (kind for made in getattr(run.kind.result, "__mro__", ()) for kind in TABLE if kind.result is made)
        prices = (pricing.list_price(kind, run.params) for kind in (run.kind, *same))
        return next((price for price in prices if price is not None), 0.0)

    def check(self, run: Run, now: float) -> None:
        """Raise Refused for what the service refuses at once, beyond the checks of the request class."""

    def repeated(self, first: Run) -> Refused:
        """The refusal of a second request for what is made once. Whether it names the first is unknown
        (docs/service.md#retries-and-idempotency).
        """
        return Refused(409, f"{self.__class__.__name__} record already exists")

    def result(self, run: Run) -> Any:
        """The complete result."""
        raise NotImplementedError

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        """The result at a stage, with its files or without; None if there is nothing to show."""
        return self.result(run) if stage is Stage.COMPLETE and files else None

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        """Fields of the details page beside id, state, result and error."""
        return {}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        """The result in a callback."""
        return self.response(run, stage, True)

    def posts(self, run: Run, stage: Stage) -> bool:
        """Whether a callback is posted for a stage."""
        return True

    def failure_code(self, run: Run) -> int:
        """The code of a callback that reports a failure."""
        return run.error

    def jobs_result(self, run: Run, files: bool) -> Any:
        """The result at the jobs API; in the shape of the legacy API where no other is known."""
        return self.response(run, Stage.COMPLETE, files)

    def refusal(self, run: Run) -> tuple[int, str, Any]:
        """Code, message and data of a call that fails."""
        rejected = isinstance(run.fault, Fail) and run.fault.rejects
        return (422, run.reason, None) if rejected else (500, "Server error", None)

    def content(self, run: Run, place: str) -> Content:
        """What one of its files is made of."""
        text = f"{place} {run.params}"
        return Content(whole(run.composer.tune(text, SECONDS)), text)


def gives(kind: type[Request[Any]], result: type[Any]) -> bool:
    """Whether the result of a request class is of a type, or of a subclass of it."""
    return isinstance(kind.result, type) and issubclass(kind.result, result)


def track_number(run: Run) -> int | None:
    """Which track of its source a request names: 0 or 1; None if it names none of them."""
    if run.source is None or not gives(run.source.kind, Music):
        return None
    return next((number for number in range(2) if run.source.name(number) == run.params.get("audio_id")), None)


def linked_file(url: object) -> tuple[str, str] | None:
    """The id of the run and the place of the file that a URL leads to; None if it is no file of a result."""
    found = FILE.search(str(url))
    return (found[1], found[2]) if found else None


def names_task(run: Run) -> bool:
    """Whether requests of this class name an earlier task; those of a user's class may not."""
    return "task_id" in run.kind.__struct_fields__


def need_track(run: Run) -> None:
    """Refuse a request for a track that does not exist (docs/service.md#retries-and-idempotency)."""
    if names_task(run) and track_number(run) is None:
        raise Refused(422, "Record does not exist")
