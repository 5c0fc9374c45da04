"""A gateway, a store and processes, for stories across the package."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from suno_async import GenerateMusic, Rate, ResponseLost, StoreError, SunoClient
from suno_async.stores.base import Store, Transition
from suno_async.stores.memory import MemoryStore
from suno_async.stores.record import Record
from suno_async.stores.sqlite import SQLiteStore
from suno_async.wire.envelope import Reply

from ..conftest import now
from ..doubles import Answer, Script
from ..loop import JumpLoop

URL = "https://bot.example/suno"
LOST = ResponseLost("gone")
SONG = GenerateMusic(prompt="rain")
WEBHOOK_KEY = "whk_test"
REF = "AAECAwQFBgcICQoL"


class World:
    """One gateway, one file, and as many processes as a test opens: clients of their own here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stores: list[SQLiteStore] = []
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpLoop)
        loop.jumps.grace = 0  # no sockets here
        loop.jumps.busy = lambda: any(store.busy for store in self.stores)

    def store(self) -> SQLiteStore:
        """A store of its own at the same file."""
        clock = asyncio.get_running_loop().time  # asked in the store's thread, too
        self.stores.append(SQLiteStore(self.path, clock=clock))
        return self.stores[-1]

    @asynccontextmanager
    async def process(self, *polls: Answer, **settings: Any) -> AsyncGenerator[tuple[SunoClient, Script]]:
        """A client with a store of its own, and the network as it sees it."""
        script = settings.pop("script", None) or Script(*polls, submits=settings.pop("submits", None))
        store = self.store()
        async with SunoClient(api_key="k", transport=script, store=store, clock=now, **settings) as suno:
            yield suno, script
        await store.aclose()

    async def record(self, **name: str) -> Record:
        """What the file says, as any process can read it."""
        store = self.store()
        found = await store.get(**name)
        await store.aclose()
        assert found is not None
        return found


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return World(tmp_path / "songs.db")


def token_of(script: Script, place: int = -1) -> dict[str, str]:
    """The query of the callback address that a submit gave."""
    return dict([script.posted[place]["callBackUrl"].split("?")[1].split("=")])


def signature(task_id: str) -> dict[str, str]:
    """The headers of a callback that is signed now."""
    stamp = str(int(now()))
    mac = hmac.digest(WEBHOOK_KEY.encode(), f"{task_id}.{stamp}".encode(), hashlib.sha256)
    return {"x-webhook-timestamp": stamp, "x-webhook-signature": base64.b64encode(mac).decode()}


def posts(script: Script) -> int:
    return len(script.posted)


async def all_of(found: AsyncGenerator[Any]) -> list[Any]:
    return [one async for one in found]


def sending(ref: str = REF, **more: Any) -> Record:
    """The record of a submission that is being sent."""
    given: dict[str, Any] = {
        "kind": "GenerateMusic",
        "provider": "kie-legacy",
        "request_json": '{"prompt":"rain"}',
        "created": now(),
    }
    return Record(ref=ref, **given | more)


class Shaky(MemoryStore):
    """A store that can be away for a while, shared with other processes."""

    def __init__(self) -> None:
        super().__init__(clock=now)
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise StoreError("away")

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        self._check()
        return await super().intend(record, owner, ttl)

    async def change(self, transition: Transition, **named: Any) -> Record | None:
        self._check()
        return await super().change(transition, **named)

    async def remove(self, ref: str) -> None:
        self._check()
        await super().remove(ref)

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        self._check()
        return await super().get(ref=ref, task_id=task_id, key=key)

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        self._check()
        return await super().claim(name, owner, ttl)

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        self._check()
        return await super().reserve(name, places, rate)

    async def release(self, name: str, place: str) -> None:
        self._check()
        await super().release(name, place)


def away_from(store: Shaky, answer: Reply | Exception) -> Callable[[], Reply]:
    """An answer during which the store goes away."""

    def answered() -> Reply:
        store.away = True
        if isinstance(answer, Exception):
            raise answer
        return answer

    return answered


def client(store: Store, script: Script, **settings: Any) -> SunoClient:
    """A client in virtual time."""
    return SunoClient(api_key="k", transport=script, store=store, clock=now, **settings)
