"""What an endpoint is: a request, answered at once (`Call`) or later by a task (`Job`)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from ...errors import Problem
from ..results import Result, Track
from ..updates import Stage

__all__ = ["OF_TRACK", "Call", "Job", "Request", "TrackCall", "TrackJob"]

R_co = TypeVar("R_co", covariant=True)


class Request(Struct, Generic[R_co], frozen=True, kw_only=True, rename="camel"):
    """Anything that can be asked of the service."""

    path: ClassVar[str]
    method: ClassVar[str] = "POST"
    operation: ClassVar[str] = ""
    """Its name on KIE's jobs route; empty for what is not there and goes to `path` always."""
    token_id: ClassVar[int] = 0
    """Its number in callback tokens, never given to another; 0 for classes of one's own."""
    result: ClassVar[Any]
    """What the answer becomes."""
    required: ClassVar[tuple[str, ...]] = ()
    """Fields the service insists on, by our names. Some follow from others and so have defaults here."""
    callback: ClassVar[str] = "callBackUrl"
    """What the callback address is called."""
    callback_result_paths: ClassVar[tuple[tuple[str, ...], ...]] = (("data",),)
    """Where callbacks hold the result; where gateways differ, every place."""
    success: ClassVar[tuple[int, ...]] = (200,)
    """Codes of callbacks that bring a result."""
    quick: ClassVar[bool] = False
    """Seconds rather than minutes; decides the default pace."""
    unique: ClassVar[bool] = False
    """Whether the same thing is made once only, so that a second request may be told of the first."""
    from_source: ClassVar[Mapping[str, str]] = {"task_id": "task_id"}
    """Fields that a result handed in as `source` fills, and what they are called there."""

    def __post_init__(self) -> None:
        """Take from a result that was handed in what it knows; what was said explicitly wins.

        It is let go then, so that requests are plain data; one that did not know enough stays, for the check to say so.
        """
        source: Any = getattr(self, "source", None)
        if not isinstance(source, Result):
            return
        wanted = msgspec.structs.fields(self)[self.__struct_fields__.index("source")].type
        if not isinstance(source, wanted):
            return
        for name, known in self.from_source.items():
            if getattr(self, name, self) is None and (value := getattr(source, known, None)):
                force_setattr(self, name, value)
        if all(getattr(self, name) is not None for name in self.from_source):
            force_setattr(self, "source", None)

    def with_model(self, model: str) -> Self:
        """The same request, its model filled in if it takes one and neither it nor its source names one."""
        if getattr(self, "model", model) is None and getattr(self, "source", None) is None:
            return msgspec.structs.replace(self, model=model)
        return self

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        """What goes out, by our names: what was given, and what follows from it; `lacks` are fields a gateway has not.

        Words that have no field of their own there go into one that says the same; the rest stays, to be refused.
        """
        values = ((name, getattr(self, name)) for name in self.__struct_fields__ if name != "source")
        return {name: value for name, value in values if value is not None}

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        """What every gateway of every era would refuse, beyond what the types of the fields say."""
        return iter(())


class Job(Request[R_co], frozen=True, kw_only=True):
    """A request answered later, by a task."""

    details: ClassVar[str]
    """Path of the details page."""
    query: ClassVar[str] = "taskId"
    """What the details page calls the id."""
    statuses: ClassVar[Mapping[str | int, Stage]]
    """The details page's words for the stages; others mean "still going" (NOTES §4)."""
    state_in_code: ClassVar[bool] = False
    """Whether that word is the `code` of the answer instead of `data.status` or `data.successFlag`."""
    details_result_path: ClassVar[tuple[str, ...]] = ("data", "response")
    """Where the details page holds the result: names from the outside in."""


class Call(Request[R_co], frozen=True, kw_only=True):
    """A request answered at once."""

    quick = True
    repeatable: ClassVar[bool] = False
    """Whether asking twice costs nothing and changes nothing, so that a lost answer may be asked for again."""
    uploads: ClassVar[bool] = False
    """Whether it goes to the gateway's upload host."""


OF_TRACK = {"task_id": "task_id", "audio_id": "id"}

# These two have the track as their only positional field: `kw_only` counts for a class's own fields alone.


class TrackJob(Job[R_co], frozen=True):
    """A job on a finished track: the track itself, or task_id and audio_id."""

    from_source = OF_TRACK
    source: Track | None = None
    """Fills task_id and audio_id."""


class TrackCall(Call[R_co], frozen=True):
    """A call about a finished track: the track itself, or task_id and audio_id."""

    from_source = OF_TRACK
    source: Track | None = None
    """Fills task_id and audio_id."""


def kind_by_token_id(token_id: int) -> "type[Request[Any]] | None":
    """Return the endpoint that callback tokens mean by this number."""
    from . import TABLE

    return next((kind for kind in TABLE if token_id and kind.token_id == token_id), None)
