"""One request that the emulator accepted, and its progress."""

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from ..api.updates import Stage
from .faults import DeadLinks, Fail, Fault, Invisible, LateFiles, NoFiles, Stuck
from .media.songs import Composer
from .requests import Asked

if TYPE_CHECKING:
    from .families import Family

__all__ = ["Run"]


class Run:
    """One accepted request and its progress, as `Emulator.runs` shows it.

    Args:
        id: The task id, 32 hexadecimal digits.
        asked: The request as it was understood.
        family: How requests of its kind proceed.
        born: When it was accepted, in seconds of the emulator's clock.
        files: Base URL of its files.
        source: The earlier run that the request names by `task_id`, `audio_id` or the URL of a file (default: None).
        fault: What goes wrong with it (default: None, nothing).
        composer: Makes the music of its files (default: one without a seed).

    Attributes:
        kind: The request class.
        params: The given fields, by the names of the request class.
        created: When it was accepted, in milliseconds since 1970.
        marks: When it reaches each of its stages, in seconds after `born`.
        cost: What it costs, in credits.
        credits_left: The balance after it was paid.
        polls: Polls answered since it is complete.
    """

    # State, all of it: fault, created, marks, credits_left and polls; the rest does not change.

    def __init__(
        self,
        id: str,
        asked: Asked,
        family: "Family",
        *,
        born: float,
        files: str,
        source: "Run | None" = None,
        fault: Fault | None = None,
        composer: Composer = Composer(),  # noqa: B008  a value
    ) -> None:
        self.id = id
        self.asked = asked
        self.kind = asked.kind
        self.params = asked.params
        self.family = family
        self.born = born
        self.source = source
        self.fault = fault
        self.created = int(time.time() * 1000)
        self.files = files
        self.composer = composer
        share = int(hashlib.sha256(id.encode()).hexdigest()[:4], 16) / 0xFFFF  # random, but the same for the same id
        self.marks = {stage: a + (b - a) * share for stage, (a, b) in family.marks.items()}
        self.cost = family.price(self)
        self.credits_left = 0.0
        self.polls = 0

    # ---- what happens to it --------------------------------------------------------------------------------------

    def charged(self, credits_left: float) -> None:
        """Note that it was paid, and the balance after that."""
        self.credits_left = credits_left

    def misbehave(self, fault: Fault) -> None:
        """Let something go wrong with it from now on."""
        self.fault = fault

    def polled(self, now: float) -> None:
        """Note that it is being polled."""
        if self.state(now)[0] is Stage.COMPLETE:
            self.polls += 1

    def reach_at_once(self, stage: Stage) -> None:
        """Let it reach a stage at the time it was accepted."""
        self.marks[stage] = 0

    def finish(self, now: float) -> None:
        """Let it reach its remaining stages now, and complete whatever was planned for it."""
        shown = self.state(now)[0]
        if isinstance(self.fault, Fail | Stuck | LateFiles | NoFiles):
            self.fault = None
        self.marks = {stage: mark if stage <= shown else self._age(now) for stage, mark in self.marks.items()}

    def fail(self, now: float) -> None:
        """Let it fail now."""
        shown = self.state(now)[0]
        self.fault = Fail()
        reached = {stage: mark for stage, mark in self.marks.items() if stage <= shown}
        self.marks = reached | {Stage.COMPLETE: self._age(now)}

    def _age(self, now: float) -> float:
        """Its age, rounded down, so that a mark at it is reached at once, also while the clock stands still."""
        return max(0.0, now - self.born - 1e-6)

    def resume(self, *, created: int, marks: Mapping[Stage, float], credits_left: float, polls: int) -> None:
        """Go on from what was noted before a restart."""
        self.created = created
        self.marks = dict(marks)
        self.credits_left = credits_left
        self.polls = polls

    # ---- its progress --------------------------------------------------------------------------------------------

    def stage(self, now: float) -> Stage:
        """The stage it has reached if nothing goes wrong."""
        return max((stage for stage, mark in self.marks.items() if now >= self.born + mark), default=Stage.PENDING)

    def state(self, now: float) -> tuple[Stage, bool]:
        """The stage that its details page shows, and whether its files exist."""
        stage = self.stage(now)
        match self.fault:
            case Fail() if stage is Stage.COMPLETE:
                return Stage.FAILED, False
            case Stuck():
                return max((mark for mark in self.marks if mark <= min(stage, Stage.TEXT)), default=Stage.PENDING), True
            case LateFiles(seconds) if stage is Stage.COMPLETE:
                return stage, self.stage(now - seconds) is Stage.COMPLETE
            case NoFiles() if stage is Stage.COMPLETE:
                return stage, False
            case _:
                return stage, True

    def visible(self, now: float) -> bool:
        """Whether the details page knows it."""
        return not isinstance(self.fault, Invisible) or now >= self.born + self.fault.seconds

    def completed(self, stage: Stage) -> int | None:
        """When it ended, in milliseconds since 1970; None if it has not ended at this stage."""
        return self.created + int(self.marks[Stage.COMPLETE] * 1000) if stage >= Stage.COMPLETE else None

    # ---- what is reported of it ----------------------------------------------------------------------------------

    @property
    def error(self) -> int:
        """The error code if it fails."""
        return self.family.codes[isinstance(self.fault, Fail) and self.fault.rejects]

    @property
    def reason(self) -> str:
        """The error message if it fails."""
        return self.fault.message if isinstance(self.fault, Fail) else ""

    @property
    def param(self) -> str:
        """The request as JSON text, as details pages repeat it."""
        return msgspec.json.encode(self.asked.body).decode()

    def link(self, place: int | str, suffix: str = "") -> str:
        """The URL of one of its files."""
        replaced = isinstance(self.fault, DeadLinks) and self.polls > 1
        return f"{self.files}{'/new' if replaced else ''}/{self.id}/{place}{suffix}"

    def name(self, place: int | str) -> str:
        """The id of one of its parts; the same for the same run and part."""
        digits = hashlib.sha256(f"{self.id} {place}".encode()).hexdigest()
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32]))
