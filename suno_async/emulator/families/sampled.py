"""Endpoints whose results no built-in family makes: they are answered with a sample."""

from collections.abc import Callable
from functools import reduce
from typing import Any, cast

import msgspec

from ...api.requests import Request
from ...api.results import Result
from ...api.updates import Stage
from ...wire.shapes import UNREADABLE, as_in_callbacks
from ..durations import OTHER
from ..runs import Run
from ..samples import Sampler
from .base import Family

__all__ = ["Sampled"]


class Sampled(Family):
    """Answers requests of one class with a sample of its result, given or built from the type.

    A task reaches the stages that the status words of its class can say, and posts one callback, at its end.

    Args:
        kind: The request class.
        sample: The result, as an instance of `kind.result` or as JSON as the service spells it; None builds one.

    Raises:
        ValueError: If the sample is not a complete result.
    """

    # State: none that changes.

    codes = (500, 400)

    def __init__(self, kind: type[Request[Any]], sample: Any) -> None:
        reached = {Stage.COMPLETE, *cast("dict[Any, Stage]", getattr(kind, "statuses", {})).values()}
        self.marks = {stage: mark for stage, mark in OTHER.items() if stage in reached}
        self._kind = kind
        self._given = None if sample is None else without_own_fields(msgspec.to_builtins(sample))
        self._check()

    def result(self, run: Run) -> Any:
        return self._sample(run.link, run.name)

    def posts(self, run: Run, stage: Stage) -> bool:
        return stage >= Stage.COMPLETE

    def posted_result(self, run: Run, stage: Stage) -> Any:
        if stage is not Stage.COMPLETE:
            return None
        found = msgspec.convert(self.result(run), self._kind.result, strict=False)
        spelled = msgspec.convert(found, as_in_callbacks(self._kind.result), from_attributes=True)
        return without_own_fields(msgspec.to_builtins(spelled))

    def jobs_result(self, run: Run, files: bool) -> Any:
        found = self.response(run, Stage.COMPLETE, files)
        path: tuple[str, ...] = getattr(self._kind.result, "jobs_result_path", ())
        return found if found is None else reduce(lambda inner, name: {name: inner}, reversed(path), found)

    def _sample(self, link: Callable[[str, str], str], id_of: Callable[[str], str]) -> Any:
        return Sampler(link, id_of).build(self._kind.result) if self._given is None else self._given

    def _check(self) -> None:
        """Refuse a sample that the client could not read, or would not accept as complete."""
        advice = f"give one: Emulator(endpoints={{{self._kind.__name__}: …}})"
        try:
            sample = self._sample(lambda place, suffix: f"http://127.0.0.1/{place}{suffix}", str)
            found = msgspec.convert(sample, self._kind.result, strict=False)
        except (*UNREADABLE, TypeError, ValueError) as exc:
            raise ValueError(f"no usable sample of the result of {self._kind.__name__} ({exc}); {advice}") from exc
        if isinstance(found, Result) and not found.complete:
            raise ValueError(f"the sample result of {self._kind.__name__} is not complete; {advice}")


def without_own_fields(value: Any) -> Any:
    """JSON without the fields of results that are ours and not the service's, whose names begin with an underscore."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return {name: without_own_fields(inner) for name, inner in found.items() if not name.startswith("_")}
    return [without_own_fields(inner) for inner in cast(Any, value)] if isinstance(value, list) else value
