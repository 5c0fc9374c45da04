"""`suno-async credits`: the balance."""

from typing import TYPE_CHECKING, Annotated

from .task_options import JSON

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["credits"]


def credits(as_json: Annotated[bool, JSON] = False) -> None:
    """Print the credits of the account."""
    from .running import run

    async def show(suno: "SunoClient") -> None:
        from .output import document, tell_result

        left = await suno.get_credits()
        if as_json:
            document({"credits": left})
        else:
            tell_result(left)

    run(show, as_json=as_json)
