"""A server that receives callbacks for a client under test."""

import inspect
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from ..submissions.hooks import Observer

if TYPE_CHECKING:
    from ..api.updates import Update
    from ..client import SunoClient
    from ..stores.record import Record

__all__ = ["CallbackServer"]


class CallbackServer:
    """Receives the callbacks of a client on loopback, as the fixture `suno_receiver`.

    Attributes:
        updates: The updates that an observer of the client hears of, in their order: each new stage of each task once.
    """

    # State, all of it: updates, _observers, _receiving with the receiver, and _runner, the server while it runs.

    def __init__(self) -> None:
        self.updates: list[Update[Any]] = []
        self._observers: list[Observer] = []
        self._app = web.Application()
        self._runner = web.AppRunner(self._app)

    @property
    def url(self) -> str:
        """Its address, for `callback_url`."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/callback"

    def observe(self, observer: Observer) -> None:
        """Call a function with each new stage, as `SunoClient.receiver(on_update=…)` does.

        Args:
            observer: `observer(update, record)`, a function or coroutine function.
        """
        self._observers.append(observer)

    def serve(self, suno: "SunoClient") -> None:
        """Take callbacks for a client from now on; once, as the fixture does.

        Args:
            suno: The client, whose `callback_url` is the address of this server.
        """
        self._receiver = suno.receiver(on_update=self._heard)

    async def _heard(self, update: "Update[Any]", record: "Record") -> None:
        self.updates.append(update)
        for observer in self._observers:
            if inspect.isawaitable(waiting := observer(update, record)):
                await waiting

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        return await self._receiver.aiohttp(request)

    async def __aenter__(self) -> Self:
        self._app.router.add_post("/callback", self._receive)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()
