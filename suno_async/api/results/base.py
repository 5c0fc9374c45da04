"""What a result is: where it came from, whether it is whole, and which files it has."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, cast

import msgspec
from msgspec import Struct, field
from msgspec.structs import force_setattr

from ..updates import Provisional, Stage

__all__ = ["File", "Origin", "Result", "Step", "effective_stage"]

Step = str | int | tuple[str, ...]
"""One way down a JSON value: a name, a place, or the first of some names that is there."""


class Origin(NamedTuple):
    """Where a result came from: its task, the model asked for if that is known, and its place in a body."""

    task_id: str = ""
    model: str = ""
    body: bytes = b""
    path: tuple[Step, ...] = ()

    def inside(self, *steps: Step) -> "Origin":
        """The origin of a part."""
        return Origin(self.task_id, self.model, self.body, self.path + steps)  # `_replace` takes three times as long

    def raw(self) -> Any:
        """The JSON at that place, None if there is none."""
        try:
            value = msgspec.json.decode(self.body)
            for step in self.path:
                value = _inside(value, step)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None
        return value


def _inside(value: Any, step: Step) -> Any:
    if not isinstance(step, int) and type(value) is list:
        return cast(Any, value)  # the list that should have been under that name
    if isinstance(step, tuple):
        step = next((name for name in step if name in value), step[0])
    held = value[step]
    return msgspec.json.decode(held) if step == "resultJson" else held  # JSON as text, on the jobs route


class File(NamedTuple):
    """One file of a result, as `download` saves it."""

    url: str
    title: str
    id: str
    suffix: str
    """Used when the address tells none."""


class Result(Struct, frozen=True, kw_only=True, rename="camel", dict=True):
    """What a finished task or an answered call gives."""

    callback_names: ClassVar[Mapping[str, str]] = {}
    """Names that callbacks use for fields of this struct, where they are not the field's own. A struct inside a result
    may have them, too."""
    jobs_result_path: ClassVar[tuple[str, ...]] = ()
    """Where `resultJson` of the jobs route holds it: names from the outside in."""
    parts: ClassVar[tuple[type, ...]] = ()
    """Results of their own inside this one."""

    task_id: str = field(default="", name="_taskId")  # ours; theirs is often null
    """The task this came from."""

    def came_from(self, origin: Origin) -> None:
        """Note the origin. For the reader of an answer, before anybody else sees the value."""
        force_setattr(self, "task_id", origin.task_id)
        force_setattr(self, "origin", origin)  # beside the fields: it is no part of the value

    @property
    def raw(self) -> Any:
        """The JSON this was read from, with all that we don't know; None if it was not read from an answer.

        Parsed when asked for, and anew each time.
        """
        origin: Origin | None = self.__dict__.get("origin")
        return None if origin is None else origin.raw()

    @property
    def partial(self) -> bool:
        """Whether a part of it is there."""
        return self.complete

    @property
    def complete(self) -> bool:
        """Whether everything that was announced is there."""
        return True

    def files(self) -> Iterator[File]:
        """What there is to download."""
        return iter(())


def effective_stage(stage: Stage, found: Any) -> tuple[Stage, Provisional]:
    """The stage a task is really at: a success whose files are not there yet is not COMPLETE."""
    complete = found.complete if isinstance(found, Result) else found is not None
    if stage is not Stage.COMPLETE or complete:
        return stage, Provisional.NONE
    partial = isinstance(found, Result) and found.partial
    return (Stage.FIRST if partial else Stage.PENDING), Provisional.LATE_FILES


def moment(said: int | str | None) -> datetime | None:
    """A time in any of the service's spellings (NOTES §14.16), None when it cannot be read."""
    try:
        if isinstance(said, str) and not said.isdigit():
            at = datetime.fromisoformat(said)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None if said is None else datetime.fromtimestamp(int(said) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
