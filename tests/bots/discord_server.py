"""Discord on loopback, as far as a bot with a slash command needs it: its gateway and its API."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

from aiohttp import BodyPartReader, MultipartReader, web

BOT = {"id": "1", "username": "singer", "discriminator": "0", "global_name": None, "avatar": None, "bot": True}
USER = {"id": "7", "username": "anna", "discriminator": "0", "global_name": None, "avatar": None}
APPLICATION = {
    "id": "2",
    "name": "singer",
    "description": "",
    "icon": None,
    "bot_public": True,
    "bot_require_code_grant": False,
    "owner": USER,
    "verify_key": "",
}
LIMIT = 10 * 1024 * 1024
"""Bytes of an attachment."""


class Shown(NamedTuple):
    """What a message said after it was sent or edited."""

    message: str
    text: str
    files: dict[str, bytes]


class Discord:
    """One bot, one user, one channel."""

    # State: what messages have shown, the commands that the bot declared, the connection of its gateway, and a number
    # for ids.

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.commands: list[Any] = []
        self.refusing = 0
        """The status that edits of messages are answered with; 0 if they are taken."""
        self.refused = 0
        """How many were refused."""
        self._socket: web.WebSocketResponse | None = None
        self._number = 100
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2 * LIMIT)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/api/users/@me", fixed(BOT))
        app.router.add_get("/api/oauth2/applications/@me", fixed(APPLICATION))
        app.router.add_put("/api/applications/2/commands", self._declare)
        app.router.add_post("/api/interactions/{id}/{token}/callback", self._respond)
        app.router.add_patch("/api/webhooks/2/{token}/messages/@original", self._edit)
        app.router.add_patch("/api/channels/9/messages/{id}", self._edit)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.gateway = self.url.replace("http", "ws", 1) + "/gateway/"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def command(self, about: str, limit: int = LIMIT) -> str:
        """Type /song, and return the id of the answer."""
        await self.until(lambda: self._socket is not None)
        assert self._socket is not None
        self._number += 1
        options = [{"name": "about", "type": 3, "value": about}]
        event = {
            "id": str(self._number),
            "application_id": "2",
            "type": 2,
            "token": str(self._number),
            "version": 1,
            "channel": {"id": "9", "type": 1, "recipients": [USER], "last_message_id": None},
            "user": USER,
            "attachment_size_limit": limit,
            "data": {"id": "3", "name": "song", "type": 1, "options": options},
        }
        await self._socket.send_json({"op": 0, "t": "INTERACTION_CREATE", "s": self._number, "d": event})
        return str(self._number)

    async def until(self, condition: Any) -> None:
        """Wait for something to be shown or connected."""
        async with asyncio.timeout(3600), self._changed:
            await self._changed.wait_for(condition)

    def texts(self, message: str) -> list[str]:
        return [shown.text for shown in self.shown if shown.message == message]

    # ---- what the bot asks for -------------------------------------------------------------------------------------

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for message in socket:
            asked = json.loads(message.data)
            if asked["op"] == 1:
                await socket.send_json({"op": 11})
            elif asked["op"] == 2:
                ready: dict[str, Any] = {
                    "v": 10,
                    "user": BOT,
                    "guilds": [],
                    "session_id": "s",
                    "resume_gateway_url": self.gateway,
                }
                ready["application"] = {"id": "2", "flags": 0}
                await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
                await self._note(socket)
            elif asked["op"] == 6:
                await socket.send_json({"op": 0, "t": "RESUMED", "s": self._number, "d": {}})
                await self._note(socket)
        await self._note(None)
        return socket

    async def _declare(self, request: web.Request) -> web.Response:
        self.commands = await request.json()
        return reply([{"id": "3", "application_id": "2", "version": "1", **one} for one in self.commands])

    async def _respond(self, request: web.Request) -> web.Response:
        said = (await request.json())["data"]
        message = request.match_info["id"]
        await self._show(message, said["content"], {})
        interaction = {"id": message, "type": 2, "response_message_id": message}
        return reply({"interaction": interaction, "resource": {"type": 4, "message": shaped(message)}})

    async def _edit(self, request: web.Request) -> web.Response:
        if self.refusing:
            self.refused += 1
            await self._note(self._socket)
            return reply({"code": 10008, "message": "Unknown Message"}, status=self.refusing)
        message = request.match_info.get("id") or request.match_info["token"]
        if request.content_type == "multipart/form-data":
            said, files = await parts(await request.multipart())
        else:
            said, files = await request.json(), {}
        await self._show(message, said["content"], files)
        return reply(shaped(message))

    async def _show(self, message: str, text: str, files: dict[str, bytes]) -> None:
        self.shown.append(Shown(message, text, files))
        await self._note(self._socket)

    async def _note(self, socket: web.WebSocketResponse | None) -> None:
        async with self._changed:
            self._socket = socket
            self._changed.notify_all()


def reply(body: Any, status: int = 200) -> web.Response:
    """JSON as Discord sends it, without the charset that aiohttp adds."""
    return web.Response(body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json"})


def fixed(body: Any) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A page that is always the same."""

    async def answer(request: web.Request) -> web.Response:
        return reply(body)

    return answer


async def parts(reader: MultipartReader) -> tuple[Any, dict[str, bytes]]:
    said: Any = None
    files: dict[str, bytes] = {}
    async for part in reader:
        assert isinstance(part, BodyPartReader)
        if part.name == "payload_json":
            said = await part.json()
        else:
            files[part.filename or ""] = bytes(await part.read())
    return said, files


def shaped(message: str) -> dict[str, Any]:
    """A message as the API describes it."""
    return {
        "id": message,
        "channel_id": "9",
        "author": BOT,
        "content": "",
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
    }
