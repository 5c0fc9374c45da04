"""`suno-async wait`: tasks seen to their end."""

from typing import TYPE_CHECKING, Annotated

from .task_options import JSON, KIND, LAST, QUIET, SAVE, TASK_IDS

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["wait"]


def wait(
    ids: Annotated[list[str] | None, TASK_IDS] = None,
    last: Annotated[bool, LAST] = False,
    kind: Annotated[str, KIND] = "generate-music",
    save: Annotated[str | None, SAVE] = None,
    as_json: Annotated[bool, JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Wait for tasks, and print or save what comes of them.

    Each is printed when it has ended. Exits with 1 if one failed.
    """
    from .following import archive_at, follow_all
    from .running import run
    from .task_options import chosen

    async def all_of_them(suno: "SunoClient") -> None:
        await follow_all(
            suno, await chosen(suno, ids or [], last, kind), archive_at(suno, save), as_json=as_json, quiet=quiet
        )

    run(all_of_them, as_json=as_json, again=" ".join(["suno-async wait", *(ids or ["--last"])]))
