"""What a family of jobs and calls states of itself, and one request of it on its way."""

import hashlib
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from ...api.results import Music
from ...api.updates import Stage
from ..faults import Fault
from ..requests import Asked, Refused

__all__ = ["Family", "Run", "need_track", "place_of"]


class Run:
    """One request that was taken, and how far it is."""

    def __init__(
        self,
        id: str,
        asked: Asked,
        family: "Family",
        *,
        born: float,
        files: str,
        source: "Run | None" = None,
    ) -> None:
        self.id = id
        self.asked = asked
        self.kind = asked.kind
        self.params = asked.params
        self.family = family
        self.born = born
        self.files = files
        """Where its files are served from."""
        self.source = source
        """The one that its `task_id` names."""
        self.fault: Fault | None = None
        self.created = int(time.time() * 1000)
        luck = int(hashlib.sha256(id.encode()).hexdigest()[:4], 16) / 0xFFFF
        self.marks = {stage: a + (b - a) * luck for stage, (a, b) in family.marks.items()}
        """When it reaches its stages, in seconds of the service's time."""
        self.cost = family.price(self)
        self.left = 0.0
        """The credits that were left when it was paid for."""
        self.looks = 0
        """Looks since it is complete."""
        self.undelivered = False
        """Its callback address never answered 200."""

    def stage(self, now: float) -> Stage:
        """How far it is, if nothing goes wrong."""
        return max((stage for stage, mark in self.marks.items() if now >= self.born + mark), default=Stage.PENDING)

    def state(self, now: float) -> tuple[Stage, bool]:
        """The stage it is said to be at, and whether its files are there."""
        stage = self.stage(now)
        match self.fault:
            case Fault.FAIL | Fault.REJECT if stage is Stage.COMPLETE:
                return Stage.FAILED, False
            case Fault.STUCK:
                return max((mark for mark in self.marks if mark <= min(stage, Stage.TEXT)), default=Stage.PENDING), True
            case Fault.LATE_FILES if stage is Stage.COMPLETE:
                return stage, self.stage(now - 30) is Stage.COMPLETE
            case _:
                return stage, True

    @property
    def error(self) -> int:
        """The code of its failure."""
        return self.family.codes[self.fault is Fault.REJECT]

    @property
    def reason(self) -> str:
        """Its failure, for people."""
        return self.fault.value if self.fault else ""

    @property
    def param(self) -> str:
        """The request as the pages repeat it."""
        return msgspec.json.encode(self.asked.body).decode()

    def completed(self, stage: Stage) -> int | None:
        """When it ended, in the form of `created`."""
        return self.created + int(self.marks[Stage.COMPLETE] * 1000) if stage >= Stage.COMPLETE else None

    def link(self, place: int | str, suffix: str = "") -> str:
        """The address of one of its files."""
        return f"{self.files}/{self.id}/{place}{suffix}"

    def name(self, place: int | str) -> str:
        """The id of one of its parts, always the same."""
        digits = hashlib.sha256(f"{self.id} {place}".encode()).hexdigest()
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32]))


class Family:
    """What differs between the families; everything else about an answer is in the table.

    Results are stated as the details page spells them; `news` and `job` are for callbacks and for the jobs route.
    """

    credits: ClassVar[float] = 0.0
    """What it costs, as far as a page tells (NOTES §9)."""
    marks: ClassVar[Mapping[Stage, tuple[float, float]]] = {Stage.COMPLETE: (5, 15)}
    """When a stage is reached at the earliest and at the latest, in seconds of the service's time."""
    state: ClassVar[str] = "status"
    """What the details page calls the state."""
    failed: ClassVar[str | int | None] = None
    """Its word for FAIL, if not the second of the table's words for failures, which speaks of the work itself."""
    codes: ClassVar[tuple[int, int]] = (500, 500)
    """Why it failed: FAIL and REJECT."""
    fine: ClassVar[tuple[int | None, str | None]] = (None, None)
    """`errorCode` and `errorMessage` while nothing is wrong."""
    refunds: ClassVar[bool] = False
    """Whether a failure gives the credits back."""
    unique: ClassVar[tuple[str, ...]] = ()
    """The fields that name what can be made only once."""
    at_once: ClassVar[bool] = False
    """Whether the jobs route, too, answers it at once."""

    def price(self, run: Run) -> float:
        """What this one costs."""
        return self.credits

    def check(self, run: Run, now: float) -> None:
        """Raise Refused for what the service refuses at once, beyond what the table says."""

    def repeated(self, first: Run) -> Refused:
        """What a second request for a thing made once gets; whether it names the first is not stated (NOTES §10)."""
        return Refused(409, f"{self.__class__.__name__} record already exists")

    def result(self, run: Run) -> Any:
        """The result, finished."""
        raise NotImplementedError

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        """The result as far as it is there: with its files or without."""
        return self.result(run) if stage is Stage.COMPLETE and files else None

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        """What else the details page says, beside id, state, result and error."""
        return {}

    def news(self, run: Run, stage: Stage) -> Any:
        """What callbacks post where the table says they hold the result."""
        return self.response(run, stage, True)

    def posts(self, run: Run, stage: Stage) -> bool:
        """Whether a stage is posted."""
        return True

    def told(self, run: Run) -> int:
        """The code of a callback that tells of a failure."""
        return run.error

    def job(self, run: Run, files: bool) -> Any:
        """The result as the jobs route holds it; where that is not established, in the older shape."""
        return self.response(run, Stage.COMPLETE, files)

    def refusal(self, run: Run) -> tuple[int, str, Any]:
        """Code, message and data of a call that fails."""
        return (422, run.reason, None) if run.fault is Fault.REJECT else (500, "Server error", None)

    def seed(self, run: Run, place: str) -> str:
        """The text that one of its files is made from."""
        return f"{place} {run.params}"


def place_of(run: Run) -> int | None:
    """Which track of its source a request names."""
    if run.source is None or run.source.kind.result is not Music:
        return None
    return next((place for place in range(2) if run.source.name(place) == run.params.get("audio_id")), None)


def need_track(run: Run) -> None:
    """Refuse a made-up track (NOTES §10)."""
    if place_of(run) is None:
        raise Refused(422, "Record does not exist")
