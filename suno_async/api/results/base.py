"""What a result is: its origin, whether it is complete, and its files."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Self, cast

import msgspec
from msgspec import Struct, field
from msgspec.structs import force_setattr

from ..export import Exported
from ..representation import short_repr
from ..updates import COMPLETE, PENDING, SETTLED, Provisional, Stage

__all__ = ["File", "Origin", "PathStep", "Result", "effective_stage", "origin_of"]

PathStep = str | int | tuple[str, ...]
"""One step into a JSON value: a name, an index, or several names of which the first that is there counts."""


class Origin(NamedTuple):
    """Where a result came from."""

    task_id: str = ""
    """Id of its task."""
    model: str = ""
    """The model that was asked for, if that is known."""
    body: bytes = b""
    """The answer or callback."""
    path: tuple[PathStep, ...] = ()
    """Where the body holds the result."""

    def inside(self, *steps: PathStep) -> "Origin":
        """Return the origin of a part of the result.

        Args:
            steps: Where the result holds the part.
        """
        return Origin(self.task_id, self.model, self.body, self.path + steps)  # `_replace` takes three times as long

    def raw(self) -> Any:
        """Return the JSON at that place; None if there is none."""
        try:
            value = msgspec.json.decode(self.body)
            for step in self.path:
                value = _inside(value, step)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None
        return value


def _inside(value: Any, step: PathStep) -> Any:
    if not isinstance(step, int) and type(value) is list:
        return cast(Any, value)  # the list that should have been under that name
    if isinstance(step, tuple):
        step = next((name for name in step if name in value), step[0])
    held = value[step]
    return msgspec.json.decode(held) if step == "resultJson" else held  # JSON as text, at the jobs API


class File(NamedTuple):
    """One file of a result, as `download` saves it."""

    url: str
    """Its address."""
    title: str
    """Title, which the file is named after."""
    id: str
    """Id, which tells files of one title apart."""
    suffix: str
    """Suffix of the file's name when the address has none, such as .mp3."""


class _ReadFrom:
    """Where a result was read from, beside the fields of the struct, so that no encoder writes it."""

    __slots__ = ("_origin",)

    _origin: "Origin | tuple[Origin, tuple[PathStep, ...]]"
    """Of a part of another result its origin and the steps from there, which few ask for."""


# gc=False, here and for other values that are made for each page: they hold no cycles, so the garbage collector need
# not look at them. It was 135 µs of each song.
class Result(_ReadFrom, Struct, Exported, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The result of a finished task or an answered call."""

    callback_names: ClassVar[Mapping[str, str]] = {}
    """Names that callbacks use for fields of this struct, where they differ. A struct inside a result may have them."""
    essential: ClassVar[tuple[str, ...]] = ()
    """Fields that carry what was bought: ids, addresses of files, texts. Where another field has a type that nobody
    expected, it becomes None; where one of these has, the answer cannot be read. A struct inside a result may have
    them."""
    jobs_result_path: ClassVar[tuple[str, ...]] = ()
    """Where `resultJson` of the jobs API holds the result, as names from the outside in."""
    parts: ClassVar[tuple[type, ...]] = ()
    """Types of the results inside this one, such as the tracks of music."""

    task_id: str = field(default="", name="_taskId")  # ours; theirs is often null
    """Id of the task that made it; empty if that is unknown."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        """Set the origin. Called once, where the answer is read.

        Args:
            origin: Where the result came from, or the result that it is a part of.
            steps: Where that result holds the part.
        """
        force_setattr(self, "task_id", origin.task_id)
        force_setattr(self, "_origin", (origin, steps) if steps else origin)  # beside the fields: no part of the value

    @classmethod
    def from_urls(cls, urls: tuple[str, ...]) -> Self | None:
        """Return the result that a bare list of addresses is, as the jobs API has for some; None if it is none.

        Args:
            urls: One address or more.
        """
        return None

    @property
    def raw(self) -> Any:
        """The JSON it was read from, with all unknown fields, parsed at each access; None if it was made otherwise, as
        by a copy or `pickle`.
        """
        origin = origin_of(self)
        return None if origin is None else origin.raw()

    @property
    def partial(self) -> bool:
        """Whether a part of it is there, such as the first track."""
        return self.complete

    @property
    def has_files(self) -> bool:
        """Whether anything that was bought is there: a file, an id or a text."""
        return self.partial

    @property
    def complete(self) -> bool:
        """Whether everything that was announced is there."""
        return True

    def files(self) -> Iterator[File]:
        """Yield the files to download."""
        return iter(())

    def __repr__(self) -> str:
        return short_repr(self)


def origin_of(result: Result) -> Origin | None:
    """Where a result was read from; None if it was made otherwise."""
    origin: Origin | tuple[Origin, tuple[PathStep, ...]] | None = getattr(result, "_origin", None)
    if origin is None or isinstance(origin, Origin):
        return origin
    whole, steps = origin
    return whole.inside(*steps)


def effective_stage(stage: Stage, found: Any) -> tuple[Stage, Provisional]:
    """Return the stage that counts: a success whose files are not there yet is not COMPLETE, and FIRST has a track.

    Args:
        stage: The stage that the service reports.
        found: The result that was read, None if there was none.
    """
    if stage is not COMPLETE:
        if stage is Stage.FIRST and not getattr(found, "tracks", found):
            return Stage.TEXT, SETTLED
        return stage, SETTLED
    if found.complete if isinstance(found, Result) else found is not None:
        return stage, SETTLED
    partial = isinstance(found, Result) and found.partial
    return (Stage.FIRST if partial else PENDING), Provisional.LATE_FILES


def moment(value: int | str | None) -> datetime | None:
    """Return a time of the service, which writes milliseconds or text (docs/service.md#types-of-times); None when it
    cannot be read.
    """
    try:
        if isinstance(value, str) and not value.isdigit():
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None if value is None else datetime.fromtimestamp(int(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
