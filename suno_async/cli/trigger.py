"""`suno-async trigger`: a callback for an endpoint that is being developed."""

import asyncio
import time
from enum import StrEnum
from typing import Annotated

import typer

from .options import http_address, provider_name
from .serving import fail

__all__ = ["trigger"]

TIMEOUT = 15
"""How long an answer may take, in seconds (docs/service.md#callbacks)."""


class Reported(StrEnum):
    """The stages as callbacks name them."""

    TEXT = "text"
    FIRST = "first"
    COMPLETE = "complete"
    ERROR = "error"


def trigger(
    stage: Annotated[Reported, typer.Argument(help="Stage that the callback reports.")],
    to: Annotated[str, typer.Option(callback=http_address, metavar="URL", help="Address of your endpoint.")],
    kind: Annotated[
        str, typer.Option(metavar="NAME", help="Endpoint that the task is of, as separate-stems or just stems.")
    ] = "generate-music",
    provider: Annotated[
        str,
        typer.Option(
            callback=provider_name,
            metavar="NAME",
            help="Gateway whose spelling it has: kie, kie-jobs, kie-legacy, sunoapi or apikley.",
        ),
    ] = "kie",
    sign: Annotated[
        str, typer.Option(metavar="KEY", help="Sign it with this key, as KIE does (default: unsigned).")
    ] = "",
    task_id: Annotated[str, typer.Option(metavar="ID", help="Task that it reports (default: a random id).")] = "",
) -> None:
    """Post a callback to your endpoint, as the service would.

    The result in it is a sample; its files do not exist. Exits with 1 if the answer is not 200: the service would post
    it again then.
    """
    from ..api.providers import provider_named
    from ..api.updates import Stage
    from ..emulator.callback_samples import posted_stages, sample_callback
    from ..emulator.callback_sender import JSON, check_signing, signature_headers
    from .kinds import KINDS, kind_named

    asked, gateway = kind_named(kind), provider_named(provider)
    wanted = Stage.FAILED if stage is Reported.ERROR else Stage[stage.name]
    possible = posted_stages(asked, gateway)
    if wanted not in possible:
        words = " or ".join("error" if one is Stage.FAILED else one.name.lower() for one in possible)
        name = next(name for name, known in KINDS.items() if known is asked)
        raise typer.BadParameter(f"{provider} posts {words or 'no callbacks'} of {name}, not {stage}")
    try:
        check_signing(sign, gateway)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None
    id, body = sample_callback(asked, gateway, wanted, task_id)
    headers = JSON | (signature_headers(sign, id, int(time.time())) if sign else {})
    asyncio.run(_post(to, headers, body, f"{stage} of task {id}"))


async def _post(url: str, headers: dict[str, str], body: bytes, name: str) -> None:
    import aiohttp

    from ..log import shown

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            status, said = answer.status, await answer.content.read(1000)
    except TimeoutError:
        fail(f"{name}: no answer in {TIMEOUT} seconds")
    except aiohttp.ClientError as exc:
        fail(f"{name}: no answer: {exc}")
    line = f"{name}: {status} {shown(said.decode(errors='replace'))}".rstrip()
    if status != 200:
        fail(line)
    typer.echo(line)
