"""Slack on loopback, as far as a bot with a slash command needs it: signed commands, messages and uploads."""

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

TOKEN = "xoxb-token"
SECRET = "signing secret"
CHANNEL = "C9"


class Shown(NamedTuple):
    """A message that was sent or edited, or files that were shared in its thread."""

    message: str
    text: str
    files: dict[str, bytes]


class Slack:
    """One workspace with one bot, one user, one channel."""

    # State: what messages have shown, files that are not shared yet, and a number for ids.

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.responses: list[str] = []
        """What was answered to the user alone."""
        self.refusing: dict[str, str] = {}
        """Errors that methods are answered with."""
        self.refused = 0
        """How many calls were refused."""
        self.answering = asyncio.Event()
        """Cleared while no call is answered."""
        self.answering.set()
        self._files: dict[str, tuple[str, bytes]] = {}
        self._number = 100
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=50 * 1024 * 1024)
        app.router.add_post("/api/{method}", self._call)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_post("/response", self._respond)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def command(
        self, bot: str, text: str, *, secret: str = SECRET, age: float = 0, trigger: str = ""
    ) -> tuple[int, str]:
        """Type /song, and return what the bot at this address answers; wait until it is there.

        With the same `trigger` it is the same command, delivered once more.
        """
        form = {
            "command": "/song",
            "text": text,
            "channel_id": CHANNEL,
            "user_id": "U7",
            "team_id": "T1",
            "response_url": f"{self.url}/response",
            "trigger_id": trigger or str(self._next()),
        }
        body = urlencode(form)
        moment = str(int(time.time() - age))
        signature = hmac.new(secret.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": f"v0={signature}",
        }
        while True:
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(f"{bot}/slack/events", data=body, headers=headers) as answer,
                ):
                    return answer.status, await answer.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)

    async def until(self, condition: Any) -> None:
        """Wait for something to be shown."""
        async with asyncio.timeout(3600), self._changed:
            await self._changed.wait_for(condition)

    @property
    def texts(self) -> list[str]:
        return [shown.text for shown in self.shown if shown.text]

    @property
    def files(self) -> dict[str, bytes]:
        return self.shown[-1].files if self.shown else {}

    # ---- what the bot calls ----------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        given: dict[str, Any] = {**request.query, **await request.post()}
        if request.content_type == "application/json":
            given |= await request.json()
        method = request.match_info["method"]
        if method != "auth.test":
            await self.answering.wait()
        if method in self.refusing:
            self.refused += 1
            await self._note()
            return web.json_response({"ok": False, "error": self.refusing[method]})
        result: dict[str, Any] = {}
        if method == "auth.test":
            result = {"team_id": "T1", "user_id": "U1", "bot_id": "B1", "url": self.url}
        elif method in ("chat.postMessage", "chat.update"):
            message = str(given.get("ts") or f"{self._next()}.000100")
            result = {"channel": CHANNEL, "ts": message}
            await self._show(message, str(given["text"]), {})
        elif method == "files.getUploadURLExternal":
            id = f"F{self._next()}"
            self._files[id] = str(given["filename"]), b""
            result = {"file_id": id, "upload_url": f"{self.url}/upload/{id}"}
        elif method == "files.completeUploadExternal":
            shared = json.loads(str(given["files"]))
            assert given["channel_id"] == CHANNEL
            await self._show(str(given["thread_ts"]), "", dict(self._files.pop(one["id"]) for one in shared))
            result = {"files": shared}
        else:
            return web.json_response({"ok": False, "error": "unknown_method"})
        return web.json_response({"ok": True, **result})

    async def _upload(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        self._files[id] = self._files[id][0], await request.read()
        return web.Response(text="OK")

    async def _respond(self, request: web.Request) -> web.Response:
        self.responses.append((await request.json())["text"])
        await self._note()
        return web.Response(text="ok")

    async def _show(self, message: str, text: str, files: dict[str, bytes]) -> None:
        self.shown.append(Shown(message, text, files))
        await self._note()

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()
