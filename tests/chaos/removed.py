"""A SQLite file that is deleted, replaced or moved away while it is open: it is reported, and nothing is paid twice."""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from suno_async import StoreError, SunoClient
from suno_async.stores import SQLiteStore

from .buyers import Buyers, client
from .service import SPEED, serving
from .tally import Tally

__all__ = ["delete", "move", "play", "replace"]

CLIENTS = 3


def delete(path: Path) -> None:
    """Delete the file with its journals."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def replace(path: Path) -> None:
    """Put an empty file in its place."""
    delete(path)
    path.touch()


def move(path: Path) -> None:
    """Move it away, to be moved back later."""
    _move(path.parent, path.parent / "away")


def _move(folder: Path, other: Path) -> None:
    other.mkdir(exist_ok=True)
    for file in folder.glob("songs.db*"):
        file.rename(other / file.name)


Way = Callable[[Path], None]
WAYS: tuple[Way, ...] = (delete, replace, move)


async def _round(folder: Path, jobs: int, seed: int, speed: float, ways: Sequence[Way]) -> Tally:
    async with serving(jobs=jobs, seed=seed, speed=speed) as service:
        buyers = Buyers(service, jobs)
        async with asyncio.TaskGroup() as group:
            for number, way in enumerate(ways):
                place = folder / way.__name__
                place.mkdir()
                url, keys = service.emulator.url, buyers.keys[number :: len(ways)]
                group.create_task(_part(buyers, url, keys, place / "songs.db", way, random.Random(f"{seed} {number}")))
        return await buyers.judge()


async def _part(buyers: Buyers, url: str, keys: Sequence[str], path: Path, way: Way, chance: random.Random) -> None:
    """Buy half of the jobs, lose the file while the others are bought, and go on with a store that is opened anew."""
    before, meanwhile = keys[::2], keys[1::2]
    clients = [_opened(url, path) for _ in range(CLIENTS)]
    for suno, _ in clients:
        assert [one async for one in suno.uncertain()] == []  # now the file is open
    await asyncio.gather(*(buyers.buy(chance.choice(clients)[0], key) for key in before))
    buying = asyncio.gather(*(_buy_slowly(buyers, chance.choice(clients)[0], key, chance) for key in meanwhile))
    await asyncio.sleep(chance.uniform(0, 1))
    way(path)
    bought = await buying
    for suno, _ in clients:
        await asyncio.gather(*(buyers.refused(suno, key, StoreError) for key in before))
    if way is move:
        _move(path.parent / "away", path.parent)
    elif path.exists():
        path.unlink()
    await asyncio.gather(*(_close(*one) for one in clients))
    # A person looks, and goes on: with the file if it is there again, else with what was refused.
    suno, store = _opened(url, path)
    again = keys if way is move else [key for key, done in zip(meanwhile, bought, strict=True) if not done]
    await asyncio.gather(*(buyers.buy(suno, key) for key in again))
    await _close(suno, store)


def _opened(url: str, path: Path) -> tuple[SunoClient, SQLiteStore]:
    store = SQLiteStore(path)
    return client(url, store), store


async def _close(suno: SunoClient, store: SQLiteStore) -> None:
    await suno.aclose()
    await store.aclose()


async def _buy_slowly(buyers: Buyers, suno: SunoClient, key: str, chance: random.Random) -> bool:
    await asyncio.sleep(chance.uniform(0, 1))
    return await buyers.buy(suno, key, StoreError)


def play(folder: Path, *, jobs: int, seed: int, speed: float = SPEED, ways: Sequence[Way] = WAYS) -> Tally:
    """Three stores on each of three files: one is deleted, one replaced by an empty one, one moved away and back."""
    return asyncio.run(_round(folder, jobs, seed, speed, ways))
