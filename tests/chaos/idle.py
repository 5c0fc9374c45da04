"""A server that closes kept-alive connections without a word: nothing is uncertain of which nothing arrived."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from suno_async import SunoClient

from .buyers import Buyers, client
from .service import SPEED, serving
from .tally import Tally

__all__ = ["play"]

AT_ONCE = 30
"""Jobs of each client that are on their way."""


@asynccontextmanager
async def closing_proxy(url: str, chance: random.Random) -> AsyncGenerator[str]:
    """A way to a server on which each connection is good for one request; its address.

    Half of them are closed soon after the answer. The others stay, and what is sent on them a second time is answered
    by a reset, as by a gateway or a router that has forgotten them.
    """
    port = int(url.rpartition(":")[2])
    open_ones = set[asyncio.Task[None]]()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, request = await asyncio.open_connection("127.0.0.1", port)
        closes = chance.random() < 0.5
        answered = asyncio.Event()

        async def answers() -> None:
            while data := await upstream.read(1 << 16):
                answered.set()
                writer.write(data)
            writer.close()

        answering = asyncio.create_task(answers())
        try:
            while data := await reader.read(1 << 16):
                if answered.is_set():
                    writer.transport.abort()
                    break
                request.write(data)
                if closes:
                    closer = asyncio.create_task(close_after(answered, writer))
                    open_ones.add(closer)
                    closer.add_done_callback(open_ones.discard)
        except ConnectionError:
            pass
        finally:
            answering.cancel()
            request.close()
            writer.close()

    async def close_after(answered: asyncio.Event, writer: asyncio.StreamWriter) -> None:
        await answered.wait()
        await asyncio.sleep(chance.uniform(0.01, 0.1))  # the answer is small, and whole by then
        writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(relay(reader, writer))
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


async def _round(jobs: int, seed: int, speed: float, **given: Any) -> Tally:
    async with (
        serving(jobs=jobs, seed=seed, speed=speed) as service,
        closing_proxy(service.emulator.url, random.Random(seed)) as url,
        AsyncExitStack() as stack,
    ):
        buyers = Buyers(service, jobs)
        plain: dict[str, Any] = {"connector": aiohttp.TCPConnector} if given else {}
        several = [client(url, None, **plain, **given), client(url, None, session=aiohttp.ClientSession, **given)]
        several = [await stack.enter_async_context(one) for one in several]
        rooms = {one: asyncio.Semaphore(AT_ONCE) for one in several}

        async def buy(suno: SunoClient, key: str) -> None:
            async with rooms[suno]:
                await suno.upload(key.encode(), name=f"{key}.mp3")
                await buyers.buy(suno, key)

        async with asyncio.TaskGroup() as group:
            for number, key in enumerate(buyers.keys):
                group.create_task(buy(several[number % len(several)], key))
        return await buyers.judge()


def play(folder: Path, *, jobs: int, seed: int, speed: float = SPEED, **given: Any) -> Tally:
    """Two clients, one with a session of its own, which upload, submit and poll; `given` are settings of theirs."""
    return asyncio.run(_round(jobs, seed, speed, **given))
