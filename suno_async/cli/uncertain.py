"""`suno-async uncertain`: submissions whose answer was lost."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from .task_options import JSON

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..stores.record import Record

__all__ = ["uncertain"]

uncertain = typer.Typer(rich_markup_mode=None, add_completion=False)
REF = typer.Argument(metavar="REF", help="The submission's ref, as the list shows it.")


@uncertain.callback(invoke_without_command=True)
def listed(ctx: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the submissions whose answer was lost, or decide about one.

    They may have been accepted and charged: the account's page shows it. They are never sent again on their own.
    """
    if ctx.invoked_subcommand is not None:
        return
    from .running import run

    async def show(suno: "SunoClient") -> None:
        from .output import columns, document
        from .tasks import row_of_request

        async with aclosing(suno.uncertain()) as records:
            found = [record async for record in records]
        if as_json:
            for record in found:
                document(row_of_request(record))
        elif found:
            rows = [(one.ref, one.kind, str(row_of_request(one)["request"])[:60]) for one in found]
            for line in columns([("Ref", "Request", "Fields"), *rows]):
                typer.echo(line)
        else:
            typer.echo("no submission is uncertain")

    run(show, as_json=as_json, key_needed=False)


@uncertain.command()
def adopt(
    ref: Annotated[str, REF],
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task, as the account's page shows it.")],
) -> None:
    """Say which task came of a submission."""
    from .running import run

    async def adopting(suno: "SunoClient") -> None:
        task = await suno.adopt(await _record(suno, ref), task_id)
        typer.echo(f"{task.kind.__name__} {task.id} is known now: suno-async wait {task.id}")

    run(adopting, key_needed=False)


@uncertain.command()
def dismiss(ref: Annotated[str, REF]) -> None:
    """Give a submission up; its idempotency key is free again."""
    from .running import run

    async def dismissing(suno: "SunoClient") -> None:
        from ..errors import ConfigurationError

        if not await suno.dismiss(await _record(suno, ref)):
            raise ConfigurationError(f"{ref} has ended meanwhile: suno-async tasks")
        typer.echo(f"{ref} is given up")

    run(dismissing, key_needed=False)


async def _record(suno: "SunoClient", ref: str) -> "Record":
    async with aclosing(suno.uncertain()) as records:
        async for record in records:
            if record.ref == ref:
                return record
    raise typer.BadParameter(f"no uncertain submission has the ref {ref!r}: suno-async uncertain", param_hint="REF")
