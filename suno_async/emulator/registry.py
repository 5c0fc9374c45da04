"""The accepted requests."""

from collections.abc import Collection, Hashable, Mapping
from typing import Any

from ..api.results import Music
from ..api.updates import Stage
from .clock import Clock
from .families import Family
from .families.base import gives, linked_file
from .fault_plan import FaultPlan
from .ids import Ids
from .media.songs import Composer
from .requests import Asked
from .runs import Run

__all__ = ["RunRegistry"]


class RunRegistry:
    """All tasks by their id, and what may be made only once."""

    # State, all of it: runs, the tasks by id; _tracks, those that made music, by the ids of their tracks; _unique, the
    # last run for each thing that is made once.

    def __init__(self, clock: Clock, ids: Ids, faults: FaultPlan, composer: Composer) -> None:
        self.runs: dict[str, Run] = {}
        self._tracks: dict[str, Run] = {}
        self._unique: dict[Hashable, Run] = {}
        self._clock = clock
        self._ids = ids
        self._faults = faults
        self.composer = composer

    def new(self, asked: Asked, family: Family, *, files: str) -> Run:
        """A run for a request, not kept yet. Refused if the service would not make what it asks for.

        A refused request leaves the planned fault to the next one.
        """
        fault = self._faults.peek(asked.kind, None)
        born = self._clock.now()
        run = Run(
            self._ids.new(),
            asked,
            family,
            born=born,
            files=files,
            source=self._source(asked.params),
            fault=fault,
            composer=self.composer,
        )
        family.check(run, born)
        first = self._unique.get(_identity(run)) if _is_unique(run) else None
        if first is not None and first.state(born)[0] is not Stage.FAILED:  # a failed one may be tried again
            raise family.repeated(first)
        self._faults.done(asked.kind, None)
        return run

    def keep(self, run: Run, *, task: bool) -> None:
        """Keep an accepted run; by its id only if it is a task."""
        self._unique[_identity(run)] = run
        if task:
            self.runs[run.id] = run
            if gives(run.kind, Music):
                self._tracks |= {run.name(number): run for number in range(2)}

    def _source(self, params: Mapping[str, Any]) -> Run | None:
        """The earlier run that a request names: by its id, by the id of a track, or by the URL of a file."""
        if "task_id" in params:
            return self.runs.get(str(params["task_id"]))
        linked = linked_file(params.get("upload_url"))
        return self.runs.get(linked[0]) if linked else self._tracks.get(str(params.get("audio_id")))

    @property
    def kept(self) -> Collection[Run]:
        """Every run that is kept, each after its source: the tasks, then calls whose result is made once."""
        return dict.fromkeys((*self.runs.values(), *self._unique.values()))

    def clear(self) -> None:
        """Forget every run."""
        self.runs.clear()
        self._tracks.clear()
        self._unique.clear()


def _is_unique(run: Run) -> bool:
    """Whether what a run asks for is made once. A user's class may lack the fields that identify it."""
    return bool(run.family.unique) and set(run.family.unique) <= set(run.kind.__struct_fields__)


def _identity(run: Run) -> Hashable:
    """What identifies a thing that is made once."""
    return (run.kind.result, *(run.params.get(name) for name in run.family.unique))
