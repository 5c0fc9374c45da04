"""`suno-async resume`: what is unfinished, seen to its end."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

from .task_options import JSON, QUIET, SAVE

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["resume"]


def resume(
    save: Annotated[str | None, SAVE] = None,
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """See every unfinished task of the store to its end.

    With --save also those that have ended and were not saved. Exits with 1 if one failed.
    """
    from .following import archive_at, follow_all
    from .running import run

    async def all_of_them(suno: "SunoClient") -> None:
        async with aclosing(suno.resume()) as unfinished:
            found = [task async for task in unfinished if task.id]
        if save is not None:
            async with aclosing(suno.results()) as ended:
                found += [task async for task in ended]
        await follow_all(suno, found, archive_at(suno, save), as_json=as_json, quiet=quiet)

    run(all_of_them, as_json=as_json, again="suno-async resume")
