"""Telegram on loopback, as far as a bot with a command needs it: updates by polling or webhook, and its messages."""

import asyncio
from typing import Any, NamedTuple, Self

import aiohttp
from aiohttp import web

BOT = {"id": 1, "is_bot": True, "first_name": "singer", "username": "singer_bot"}
CHAT = {"id": 9, "type": "private", "first_name": "anna"}


class Shown(NamedTuple):
    """A message that was sent or edited."""

    message: int
    text: str
    audio: bytes


class Telegram:
    """One bot, one chat."""

    # State: what messages have shown, updates that the bot has not confirmed, its webhook, and a number for ids.

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self._updates: list[Any] = []
        self._webhook: dict[str, str] = {}
        self._number = 100
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=50 * 1024 * 1024)
        app.router.add_post("/bot1:token/{method}", self._call)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def say(self, text: str) -> None:
        """Send a message to the bot."""
        entity = {"type": "bot_command", "offset": 0, "length": len(text.split()[0])}
        message = {"message_id": self._next(), "date": 1, "chat": CHAT, "text": text, "entities": [entity]}
        message["from"] = {"id": 7, "is_bot": False, "first_name": "anna"}
        update = {"update_id": self._number, "message": message}
        self._updates.append(update)
        await self._note()
        while self._webhook and not await self._delivered(update):
            await asyncio.sleep(0.1)

    async def _delivered(self, update: Any) -> bool:
        """Post an update to the webhook, as often as it takes."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._webhook["secret_token"]}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(self._webhook["url"], json=update, headers=headers) as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def until(self, condition: Any) -> None:
        """Wait for something to be shown."""
        async with asyncio.timeout(3600), self._changed:
            await self._changed.wait_for(condition)

    @property
    def texts(self) -> list[str]:
        return [shown.text for shown in self.shown if shown.text]

    @property
    def audio(self) -> list[bytes]:
        return [shown.audio for shown in self.shown if shown.audio]

    @property
    def webhook(self) -> str:
        return self._webhook.get("url", "")

    # ---- what the bot calls ----------------------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        given: dict[str, Any] = dict(await request.post())
        method = request.match_info["method"]
        result: Any = True
        if method == "getMe":
            result = BOT
        elif method == "getUpdates":
            result = await self._pending(int(str(given.get("offset", 0))), float(str(given.get("timeout", 0))))
        elif method == "setWebhook":
            self._webhook = {name: str(value) for name, value in given.items()}
            await self._note()
        elif method in ("sendMessage", "editMessageText", "sendAudio"):
            result = await self._show(given)
        return web.json_response({"ok": True, "result": result})

    async def _pending(self, offset: int, seconds: float) -> list[Any]:
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        if not self._updates:
            try:
                async with asyncio.timeout(seconds), self._changed:
                    await self._changed.wait_for(lambda: self._updates)
            except TimeoutError:
                pass
        return self._updates

    async def _show(self, given: dict[str, Any]) -> dict[str, Any]:
        message = int(given.get("message_id") or self._next())
        audio = given.get("audio")
        if isinstance(audio, str):  # the name of the part with the file
            audio = given[audio.removeprefix("attach://")]
        data = audio.file.read() if isinstance(audio, web.FileField) else b""
        self.shown.append(Shown(message, str(given.get("text", "")), data))
        await self._note()
        return {"message_id": message, "date": 1, "chat": CHAT, "text": given.get("text")}

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()
