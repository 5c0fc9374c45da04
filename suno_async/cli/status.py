"""`suno-async status`: one look at tasks."""

import asyncio
from typing import TYPE_CHECKING, Annotated

from .task_options import JSON, KIND, LAST, TASK_IDS

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["status"]


def status(
    ids: Annotated[list[str] | None, TASK_IDS] = None,
    last: Annotated[bool, LAST] = False,
    kind: Annotated[str, KIND] = "generate-music",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Ask the service how far tasks are."""
    from ..tasks.pace import Pace
    from .output import tell_task
    from .running import run
    from .task_options import chosen

    async def ask(suno: "SunoClient") -> None:
        from ..errors import TaskFailed, TaskTimeout

        tasks = await chosen(suno, ids or [], last, kind)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for task, result in zip(tasks, ended, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, TaskFailed | TaskTimeout):
                raise result
            tell_task(task, as_json=as_json, error=result if isinstance(result, TaskFailed) else None)

    # Patience ends after the first poll.
    run(ask, as_json=as_json, pace=Pace(first=0.0, growth=1.0, cap=0.0, patience=0.0))
