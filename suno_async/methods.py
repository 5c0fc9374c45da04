"""The client's methods, made from the classes of requests: `generate_music = submits(GenerateMusic)`."""

import inspect
import textwrap
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from .api.construction import signature_of
from .api.descriptions import field_descriptions, summary
from .api.requests import Call, Job, Request
from .tasks.task import Task

__all__ = ["Client", "calls", "submits"]

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
R = TypeVar("R")


class Client(Protocol):
    """What the methods need of the client."""

    def submit(self, job: Job[R], /) -> Coroutine[Any, Any, Task[R]]:
        """Send a job and return its task."""
        ...

    def run(self, request: Request[R], /) -> Coroutine[Any, Any, R]:
        """Send a request and return its result."""
        ...


def submits(job: Callable[P, Job[R]]) -> Callable[Concatenate[Client, P], Coroutine[Any, Any, Task[R]]]:
    """Return a client method that submits a job.

    Its arguments are the fields of the class, as are its signature and its documentation.

    Args:
        job: The class of the job. The method is used in the body of a client class, under any name.
    """

    async def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        return await self.submit(job(*args, **kwargs))

    kind = cast("type[Request[Any]]", job)
    returns = f"The task, once the service has accepted the job. Await it for its result, {_named(kind.result)}."
    task: Any = Task
    made: Any = _Method(method, kind, task[kind.result], returns, _SUBMIT_RAISES)
    return cast("Callable[Concatenate[Client, P], Coroutine[Any, Any, Task[R]]]", made)


def calls(call: Callable[P, Call[R]]) -> Callable[Concatenate[Client, P], Coroutine[Any, Any, R]]:
    """Return a client method that sends a call and returns its answer.

    Its arguments are the fields of the class, as are its signature and its documentation.

    Args:
        call: The class of the call. The method is used in the body of a client class, under any name.
    """

    async def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.run(call(*args, **kwargs))

    kind = cast("type[Request[Any]]", call)
    made: Any = _Method(method, kind, kind.result, f"The answer, {_named(kind.result)}.", _CALL_RAISES)
    return cast("Callable[Concatenate[Client, P], Coroutine[Any, Any, R]]", made)


def _named(result: Any) -> str:
    return f"{'an' if result.__name__[0] in 'AEIOU' else 'a'} `{result.__name__}`"


_SUBMIT_RAISES = """\
InvalidJob: If a field is wrong; nothing was sent.
StoreError: If the store could not be written; nothing was sent.
ApiError: If the service refused the job; its subclasses name the reason.
ConnectError: If there was no connection; nothing was sent.
SubmissionUncertain: If the answer was lost; the task may be running."""

_CALL_RAISES = """\
InvalidJob: If a field is wrong; nothing was sent.
ApiError: If the service refused the call; its subclasses name the reason.
ConnectError: If there was no connection; nothing was sent.
ResponseLost: If the answer was lost, and the call is free.
SubmissionUncertain: If the answer was lost, and the call may have been charged.
TaskFailed: If the answer says that the call failed."""


class _Method(Generic[F]):
    """A method that gets its name, signature and documentation when it is first used.

    To describe all methods takes longer than the rest of importing the client, and a process uses few of them.
    """

    def __init__(self, method: F, kind: type[Request[Any]], result: Any, returns: str, raises: str) -> None:
        self._method, self._kind, self._result = method, kind, result
        self._returns, self._raises = returns, raises

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, client: object, owner: type[Any]) -> F:
        method: Any = self._method
        method.__name__, method.__qualname__ = self._name, f"{self._owner.__qualname__}.{self._name}"
        method.__module__ = self._owner.__module__
        method.__signature__ = _signature(self._kind, self._result)
        method.__annotations__ = {
            name: one.annotation for name, one in method.__signature__.parameters.items() if name != "self"
        } | {"return": self._result}
        method.__doc__ = _documentation(self._kind, self._returns, self._raises)
        setattr(self._owner, self._name, method)  # this object has done its work
        return cast("F", method if client is None else method.__get__(client, owner))


def _signature(kind: type[Request[Any]], result: Any) -> inspect.Signature:
    """`self`, then the fields of a class with types and defaults."""
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    return inspect.Signature([itself, *signature_of(kind).parameters.values()], return_annotation=result)


def _documentation(kind: type[Request[Any]], returns: str, raises: str) -> str:
    text, source = summary(kind)
    described = field_descriptions(kind)
    arguments = "\n".join(_entry(name, described[name]) for name in inspect.signature(kind).parameters)
    sections = (("Args", arguments), ("Returns", returns), ("Raises", raises))
    parts = (f"{name}:\n{textwrap.indent(lines, '    ')}" for name, lines in sections if lines)
    return "\n\n".join(filter(None, (text, *parts, source)))


def _entry(name: str, description: str) -> str:
    return textwrap.fill(f"{name}: {description}", 112, subsequent_indent="    ", break_long_words=False)
