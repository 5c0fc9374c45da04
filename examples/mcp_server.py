"""An MCP server: an agent makes songs and lyrics, and cannot spend more than you allow.

    pip install . mcp
    SUNO_API_KEY=… SUNO_STORE=sqlite:////home/me/agent.db BUDGET=60 python examples/mcp_server.py

An agent's program starts it like this and talks to it over stdin and stdout. BUDGET is what all orders in this store
may cost together, in credits. It may be killed at any time: the next start finds the orders in the store.
"""

import asyncio
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from suno_async import GenerateLyrics, GenerateMusic, Job, Music, Record, SunoClient, SunoError, Task, Update

log = logging.getLogger("song_server")  # to stderr: stdout is the agent's
budget = float(os.environ["BUDGET"])
NO_PRICE = "not ordered: no price is known for it at this gateway, so the budget could not be kept"


def note(update: Update[Any], record: Record) -> None:
    """With it the client polls each task until it ends, whether or not the agent waits."""
    log.info("%s: %s", record.context["name"], update.stage.name)


suno = SunoClient(store=os.environ["SUNO_STORE"], on_update=note)
server = MCPServer(
    "songs",
    instructions=(
        "Order a song or lyrics under a name of your choice, then call wait_for with that name, again until it is "
        "complete. If a call breaks off, call again with the same name: it is paid once. A song that has failed is "
        "ordered again under another name. If an order is uncertain, tell the user, and do not order it again. Links "
        "are valid for 14 days."
    ),
    lifespan=suno.lifespan,
    log_level="WARNING",
)
ordering = asyncio.Lock()


@dataclass
class Order:
    """What was ordered, and what came of it."""

    name: str
    kind: str
    stage: str
    credits: float | None
    results: list[str]
    error: str


@dataclass
class Credits:
    """What is left."""

    account: float
    budget: float


@server.tool()
async def generate_song(
    name: str, idea: str = "", style: str = "", title: str = "", lyrics: str = "", instrumental: bool = False
) -> Order:
    """Order a song, which takes 2 to 3 minutes and has two takes. Costs credits.

    Give an idea alone, or style, title and lyrics.

    Args:
        name: A name of your choice, for this order alone.
        idea: What the song is about.
        style: Genre and mood.
        title: Title of the song.
        lyrics: The exact text to sing.
        instrumental: Whether nobody sings.
    """
    return await order(name, song(idea, style, title, lyrics, instrumental))


@server.tool()
async def write_lyrics(name: str, about: str) -> Order:
    """Order lyrics, which take some seconds. Costs credits, but much less than a song.

    Args:
        name: A name of your choice, for this order alone.
        about: What they are about.
    """
    return await order(name, GenerateLyrics(prompt=about))


@server.tool()
async def estimate_song(
    idea: str = "", style: str = "", title: str = "", lyrics: str = "", instrumental: bool = False
) -> str:
    """Check the arguments of generate_song, and say what it would cost. Free; nothing is ordered."""
    shown = suno.preview(song(idea, style, title, lyrics, instrumental))
    if shown.problems:
        raise ToolError("; ".join(map(str, shown.problems)))
    if shown.credits is None:
        raise ToolError(NO_PRICE)
    return f"{shown.credits:g} credits; {await left():g} of the budget are left"


@server.tool()
async def wait_for(name: str, ctx: Context, seconds: float = 50) -> Order:
    """Wait for an order until it is complete or has failed, but not longer than some seconds. Free.

    Args:
        name: The name of the order.
        seconds: How long to wait; less than your own time limit for a tool.
    """
    task = (await orders()).get(name)
    if task is None:
        raise ToolError(f"there is no order {name!r}; see list_orders")
    end = time.monotonic() + seconds
    waiting = asyncio.create_task(task.get())
    try:
        while not waiting.done() and (rest := end - time.monotonic()) > 0:
            eta = "" if task.eta is None else f", about {task.eta:.0f} s left"
            await ctx.report_progress(task.progress or 0.0, 1.0, f"{task.stage.name.lower()}{eta}")
            await asyncio.wait([waiting], timeout=min(rest, 3.0))
        if waiting.done() and not task.done():
            with told_to_the_agent():
                await waiting  # TaskTimeout, SubmissionUncertain: it may still come
    finally:
        waiting.cancel()
    return said_of(task)


@server.tool()
async def list_orders() -> list[Order]:
    """Show all orders with their results, those from before a restart, too. Free."""
    return [said_of(task) for task in (await orders()).values()]


@server.tool()
async def credits_left() -> Credits:
    """Show the credits of the account, and how many of them you may spend. Free."""
    with told_to_the_agent():
        return Credits(await suno.get_credits(), await left())


def song(idea: str, style: str, title: str, lyrics: str, instrumental: bool) -> GenerateMusic:
    if idea and (style or title or lyrics):  # the service would take it for the lyrics
        raise ToolError("give an idea alone, or style, title and lyrics")
    return GenerateMusic(
        prompt=idea or None,
        style=style or None,
        title=title or None,
        lyrics=lyrics or None,
        instrumental=instrumental,
    )


async def orders() -> dict[str, Task[Any]]:
    """All orders by their names, as the store has them."""
    tasks = [task async for task in suno.resume()] + [task async for task in suno.results()]
    return {task.context["name"]: task for task in tasks}


async def left() -> float:
    """What is left of the budget. What is under way counts with its price, and a failure that was refunded with 0."""
    return budget - sum(task.credits or 0.0 for task in (await orders()).values())


async def order(name: str, job: Job[Any]) -> Order:
    """Submit a job, if the budget has room for it or the name was ordered before."""
    if not 0 < len(name.strip()) <= 100:  # it is the idempotency key, and without one each call would be paid
        raise ToolError("the name of an order must have 1 to 100 characters")
    with told_to_the_agent():
        async with ordering:
            if name not in await orders():
                price, rest = suno.estimate(job), await left()
                if price is None:
                    raise ToolError(NO_PRICE)
                if price > rest:
                    raise ToolError(f"not ordered: it costs {price} credits, and {rest:g} of the budget are left")
            return said_of(await suno.submit(job, key=name, context={"name": name}))


@contextmanager
def told_to_the_agent() -> Iterator[None]:
    """Of an error that is no ToolError the agent would hear nothing."""
    try:
        yield
    except SunoError as exc:
        raise ToolError(str(exc)) from exc


def said_of(task: Task[Any]) -> Order:
    error = task.exception() if task.done() else None
    results: list[str] = []
    if task.done() and error is None:
        result = task.result()
        if isinstance(result, Music):
            results = [f"{track.title or 'Song'}: {track.audio_url}" for track in result.tracks if track.audio_url]
        else:
            results = [variant.text or "" for variant in result.variants]
    return Order(
        name=task.context["name"],
        kind=task.kind.__name__,
        stage=task.stage.name.lower(),
        credits=task.credits,
        results=results,
        error=str(error or ""),
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    server.run()  # over stdin and stdout
