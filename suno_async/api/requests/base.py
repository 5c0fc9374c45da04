"""What an endpoint is: a request, answered at once (`Call`) or later by a task (`Job`)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar
from weakref import WeakSet

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, force_setattr

from ...errors import Problem
from ..construction import RequestType
from ..export import Exported
from ..representation import short_repr
from ..results import Result
from ..updates import Stage

__all__ = ["FROM_TRACK", "Call", "FromSource", "Job", "Request", "endpoints", "kind_by_token_id"]

R_co = TypeVar("R_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)


class Request(
    Struct, Exported, Generic[R_co], metaclass=RequestType, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Anything that can be asked of the service: the base of `Job` and `Call`.

    A class that states `path`, or inherits it, is an endpoint. It must have every fact that its kind needs, and is
    refused with a TypeError when it is defined if one is missing. A class without `path` is a family: it states what
    its endpoints share, and making an instance of it is a TypeError.
    """

    not_exported = frozenset({"source"})  # it fills other fields

    path: ClassVar[str]
    """Where the request goes on the legacy API, such as "/api/v1/generate"."""
    method: ClassVar[str] = "POST"
    """HTTP method on the legacy API."""
    operation: ClassVar[str] = ""
    """Name of the operation on the jobs API. Empty: the endpoint exists on the legacy API alone.

    A subclass that states a `path` of its own does not inherit it.
    """
    token_id: ClassVar[int] = 0
    """Number of the class in callback tokens, 1 to 255 and never given to another class; 0 for classes of users.

    Never inherited. Defining a second class with the same number is a TypeError.
    """
    result: ClassVar[Any]
    """Type of the result."""
    required: ClassVar[tuple[str, ...]] = ()
    """Fields that the service requires, by our names. Some have defaults here because they follow from other fields."""
    wire_names: ClassVar[Mapping[str, str]] = {}
    """The service's names of fields, by ours, where they are not simply our names in camelCase."""
    callback: ClassVar[str] = "callBackUrl"
    """Name of the callback address in the body."""
    callback_result_paths: ClassVar[tuple[tuple[str, ...], ...]] = (("data",),)
    """Where callbacks hold the result, as names from the outside in; one path for each form that a gateway uses."""
    success: ClassVar[tuple[int, ...]] = (200,)
    """Values of `code` in callbacks that bring a result."""
    quick: ClassVar[bool] = False
    """True: takes seconds rather than minutes. Decides the default pace."""
    usual_seconds: ClassVar[float | None] = None
    """Seconds after which the result is there at the latest, as a page of the service says it usually is; None if none
    says so. It counts for `task.eta` until a few have been seen.
    """
    unique: ClassVar[bool] = False
    """True: the same thing is made once only. A second request may be answered with the id of the first task."""
    from_source: ClassVar[Mapping[str, str]] = {"task_id": "task_id"}
    """Fields that `source` fills (see `FromSource`), each with the name of the result's field."""
    instead_of_source: ClassVar[str] = ""
    """Name of the field that may be given in place of the fields that `source` fills, such as an uploaded file."""

    _facts: ClassVar[tuple[str, ...]] = ("result",)

    def __init_subclass__(cls) -> None:
        """Refuse an endpoint without one of its facts. TypeError."""
        super().__init_subclass__()
        stated = vars(cls)
        if "token_id" not in stated:
            cls.token_id = 0
        if "path" in stated and "operation" not in stated:
            cls.operation = ""
        if not hasattr(cls, "path"):
            return
        if absent := [fact for fact in cls._facts if not hasattr(cls, fact)]:
            raise TypeError(f"{cls.__qualname__} is an endpoint, since it has a path, but has no {', '.join(absent)}")
        _register(cls)

    def __post_init__(self) -> None:
        """Fill fields from `source`; a field that was given explicitly keeps its value.

        Then `source` becomes None, so that requests are plain data. A result that did not have every value stays, and
        the check before sending reports it; so does one that contradicts the request.
        """
        if not hasattr(type(self), "path"):
            raise TypeError(f"{type(self).__qualname__} is a family without a path: use or define a subclass with one")
        source: Any = getattr(self, "source", None)
        if not isinstance(source, Result) or not isinstance(source, _source_type(type(self))):
            return
        for name, known in self.from_source.items():
            if getattr(self, name, self) is None and (value := getattr(source, known, None)):
                force_setattr(self, name, value)
        whole = all(getattr(self, name) is not None for name in self.from_source)
        if whole and not any(True for _ in self.contradictions(source)):
            force_setattr(self, "source", None)

    def contradictions(self, source: Any) -> Iterator[Problem]:
        """Yield what a request says that its source shows to be wrong.

        Args:
            source: The earlier result.
        """
        yield from ()

    def with_model(self, model: str) -> Self:
        """Return the same request with a model, if it takes one and neither it nor its source names one.

        Args:
            model: The model to fill in.
        """
        if getattr(self, "model", model) is None and getattr(self, "source", None) is None:
            return msgspec.structs.replace(self, model=model)
        return self

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        """Return the values to send, by our names: what was given, and what follows from it.

        Args:
            unsupported_fields: Fields that the gateway does not have. Where another field has the same meaning, the
                value goes there; otherwise it stays, and the check before sending refuses it.
        """
        values = asdict(self)  # a third of the time that getting each takes, and a submit needs it twice
        values.pop("source", None)
        return {name: value for name, value in values.items() if value is not None}

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        """Yield what every gateway would refuse, beyond what the types of the fields say.

        A subclass that adds rules yields these first: `yield from super().problems(unsupported_fields)`.

        Args:
            unsupported_fields: Fields that the gateway does not have.
        """
        if "source" not in self.__struct_fields__:
            return
        # `model` is not among them: the client has one for requests that name none.
        wanted = [name for name in self.from_source if name in self.required or self.instead_of_source]
        wanted = [name for name in wanted if name != "model"]
        other = self.instead_of_source
        if other and getattr(self, other) is not None:
            if any(getattr(self, name) is not None for name in wanted):
                yield Problem(other, f"cannot be given with {' or '.join(wanted)}", getattr(self, other))
            return
        source: object = getattr(self, "source", None)
        if isinstance(source, Result):
            yield from self.contradictions(source)
        hint = f": this {type(source).__name__} does not have it" if source else ", or the result it is about"
        hint += f", or {other}" if other else ""
        for name in wanted:
            if getattr(self, name) is None:
                yield Problem(name, f"must be given{hint}", None)

    def __repr__(self) -> str:
        return short_repr(self)


class Job(Request[R_co], frozen=True, kw_only=True):
    """A request answered later, by a task.

    A subclass that states `path` must have `result`, `details` and `statuses`, its own or inherited.
    """

    details: ClassVar[str]
    """Path of the details page, which tells the state of a task."""
    query: ClassVar[str] = "taskId"
    """Name of the task id in the query of the details page."""
    statuses: ClassVar[Mapping[str | int, Stage]]
    """The status words of the details page. A word that is not listed means PENDING
    (docs/service.md#task-life-cycle).
    """
    state_in_code: ClassVar[bool] = False
    """True: the status is the `code` of the answer. False: it is `data.status` or `data.successFlag`."""
    details_result_path: ClassVar[tuple[str, ...]] = ("data", "response")
    """Where the details page holds the result, as names from the outside in."""

    _facts: ClassVar[tuple[str, ...]] = ("result", "details", "statuses")


class Call(Request[R_co], frozen=True, kw_only=True):
    """A request answered at once.

    A subclass that states `path` must have `result`, its own or inherited.
    """

    quick = True
    repeatable: ClassVar[bool] = False
    """True: asking twice costs nothing and changes nothing, so that it is repeated when the answer was lost."""
    uploads: ClassVar[bool] = False
    """True: goes to the gateway's upload host."""


class FromSource(Struct, Generic[S_co], frozen=True):
    """Mixin of requests about an earlier result: `class ConvertToWav(FromSource[Track], Job[Wav])`.

    Combines with bases that have no fields of their own. `from_source` of the request says which fields the result
    fills. Those that are in `required`, too, have None as
    their default and must be given if the result is not.

    Args:
        source: The earlier result, the only positional argument.
    """

    # Not keyword-only: `kw_only` of a subclass counts for the fields of its own body alone.
    source: S_co | None = None


FROM_TRACK = {"task_id": "task_id", "audio_id": "id"}
"""`from_source` of requests about one track."""


def _source_type(kind: type[Request[Any]]) -> Any:
    """The type of `source`, with the type variable of `FromSource` replaced."""
    return msgspec.structs.fields(kind)[kind.__struct_fields__.index("source")].type


_endpoints: WeakSet[type[Request[Any]]] = WeakSet()
_by_token_id: dict[int, type[Request[Any]]] = {}


def _register(kind: type[Request[Any]]) -> None:
    if number := kind.token_id:
        if not 0 < number < 256:
            raise TypeError(f"{kind.__qualname__}: token_id must be from 1 to 255, got {number}")
        holder = _by_token_id.get(number, kind)
        # The same name again is the same class: a cell of a notebook that ran twice, or a module that was reloaded.
        if (holder.__module__, holder.__qualname__) != (kind.__module__, kind.__qualname__):
            raise TypeError(f"{kind.__qualname__}: token_id {number} belongs to {holder.__qualname__}; leave it out")
        _by_token_id[number] = kind
    _endpoints.add(kind)


def kind_by_token_id(token_id: int) -> type[Request[Any]] | None:
    """Return the class that a callback token names.

    Args:
        token_id: The number in the token; 0 names no class.
    """
    return _by_token_id.get(token_id)


def endpoints() -> Collection[type[Request[Any]]]:
    """Return every endpoint that is defined in this process, built-in or not."""
    return tuple(_endpoints)
