"""What questions are asked with: a client for each API of KIE, raw requests, and what was made already."""

from typing import Any

import msgspec

from ...api.providers import PROVIDERS, Provider
from ...api.requests import GenerateMusic, GetCredits, Request
from ...api.results import Music
from ...client import SunoClient
from ...errors import ApiError
from ...http.base import Transport
from ...stores.base import Store
from ...tasks.pace import Pace
from ...tasks.task import Task
from ...wire import envelope

__all__ = ["Gateway"]

SONG = GenerateMusic(prompt="a short calm piano piece", model="V5")


class Gateway:
    """KIE, by both of its APIs.

    Args:
        transport: What is sent goes through it.
        base: Address of the API.
        key: The API key; any, if the transport needs none.
        store: Where paid submissions are written down.
        pace: How often tasks are polled; None for the usual pace.
    """

    # State, all of it: song, the song that was made first.

    def __init__(
        self, transport: Transport, base: str, *, key: str, store: Store | None = None, pace: Pace | None = None
    ) -> None:
        options: dict[str, Any] = {"api_key": key, "base_url": base, "store": store or "memory:", "pace": pace}
        options |= {"transport": transport, "validate": False}
        self.legacy = SunoClient(provider="kie-legacy", **options)
        self.jobs = SunoClient(provider="kie-jobs", **options)
        self.transport = transport
        self._base = base
        self.song: Music | None = None

    async def a_song(self) -> Music:
        """Return a song of the legacy API; the same for all questions."""
        if self.song is None:
            self.song = await self.legacy.run(SONG)
        return self.song

    async def post(self, path: str, body: dict[str, Any]) -> envelope.Reply:
        """Send a body as it is, and return the answer."""
        return await self.transport.send("POST", self._base + path, msgspec.json.encode(body), fresh=True)

    async def get(self, path: str) -> envelope.Reply:
        """Return the answer of a page."""
        return await self.transport.send("GET", self._base + path)

    def task_of(self, client: SunoClient, reply: envelope.Reply, kind: type[Request[Any]]) -> Task[Any]:
        """Return the task that an answer to `post` names. ApiError if it is a refusal."""
        name = "kie-jobs" if client is self.jobs else "kie-legacy"
        provider: Provider = PROVIDERS[name]
        accepted = envelope.accepted(reply, provider, kind)
        assert isinstance(accepted, str)
        return client.attach(kind, accepted)

    async def balance(self) -> float:
        """Return the credits of the account."""
        return await self.legacy.run(GetCredits())

    async def aclose(self) -> None:
        """Close both clients."""
        await self.legacy.aclose()
        await self.jobs.aclose()


def refusal(error: ApiError) -> str:
    """Return a refusal in a word that is the same each time."""
    return f"refused with {error.code}"
