"""A Redis that begins to evict: while it does, every client refuses before anything is sent."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from suno_async import ConfigurationError, SunoClient
from suno_async.stores import RedisStore

from ..servers import RedisServer, redis_server
from .buyers import Buyers, client
from .service import SPEED, serving
from .tally import Tally

__all__ = ["play"]

CLIENTS = 4
EVICTING = ("allkeys-lru", "allkeys-lfu", "allkeys-random")
HARMLESS = ("volatile-lru", "volatile-ttl", "noeviction")
TRIES = 8
"""Jobs that each client tries to submit while the server evicts."""


class _Redis:
    """The server, as who runs it sees it."""

    def __init__(self, server: RedisServer) -> None:
        client: Any = Redis  # its types leave open which of two faces it shows
        self._redis: Any = client.from_url(server.url)
        self.urls = [server.url, server.url.replace("redis://", "redis://bot:secret@")]

    async def set_policy(self, policy: str) -> None:
        await self._redis.config_set("maxmemory-policy", policy)

    async def __aenter__(self) -> "_Redis":
        user = "on", ">secret", "~*", "&*", "+@all", "-config"
        await self._redis.execute_command("ACL", "SETUSER", "bot", *user)  # as hosted servers have it
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._redis.connection_pool.disconnect()


async def _round(server: RedisServer, jobs: int, seed: int, speed: float) -> Tally:
    chance = random.Random(seed)
    async with (
        serving(jobs=jobs, seed=seed, speed=speed) as service,
        _Redis(server) as redis,
        AsyncExitStack() as stack,
    ):
        buyers = Buyers(service, jobs)

        async def opened(number: int) -> SunoClient:
            store = RedisStore(redis.urls[number % 2])
            stack.push_async_callback(store.aclose)
            return await stack.enter_async_context(client(service.emulator.url, store))

        clients = [await opened(number) for number in range(CLIENTS)]
        never: list[str] = []
        left = list(buyers.keys)
        for evicting, harmless in zip(EVICTING, HARMLESS, strict=True):
            part = left[: max(1, jobs // len(EVICTING))]
            # Some are refused and come again: the policy changes while they are submitted.
            buying = asyncio.gather(*(_buy_slowly(buyers, chance.choice(clients), key, chance) for key in part))
            await asyncio.sleep(chance.uniform(0, 0.5))
            await redis.set_policy(evicting)
            for suno in [*clients, await opened(chance.randrange(2))]:
                for _ in range(TRIES):
                    never.append(f"never-{len(never)}")
                    await asyncio.sleep(0)
                    await _refused(buyers, suno, never[-1])
            await buying
            await redis.set_policy(harmless)
            left = [key for key, bought in zip(part, await buying, strict=True) if not bought] + left[len(part) :]
        await asyncio.gather(*(buyers.buy(chance.choice(clients), key) for key in left))
        # Whoever holds a key already is told so, and nothing is sent.
        await asyncio.gather(*(buyers.buy(suno, key) for suno in clients for key in buyers.keys))
        return await buyers.judge(never)


async def _buy_slowly(buyers: Buyers, suno: SunoClient, key: str, chance: random.Random) -> bool:
    await asyncio.sleep(chance.uniform(0, 1))
    return await buyers.buy(suno, key, ConfigurationError)


async def _refused(buyers: Buyers, suno: SunoClient, key: str) -> None:
    if await buyers.buy(suno, key, ConfigurationError):
        buyers.wrong.append(f"{key} was not refused, though the server evicts")


def play(folder: Path, *, jobs: int, seed: int, speed: float = SPEED) -> Tally:
    """Four clients, two of which may not ask for the configuration, and a server whose policy changes."""
    with redis_server(folder) as server:
        return asyncio.run(_round(server, jobs, seed, speed))
