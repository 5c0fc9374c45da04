"""`examples/telegram_bot.py` as a program that takes the stand-in at TELEGRAM_URL for Telegram."""

import asyncio
import os
from importlib import import_module
from typing import Any


def bot_of(url: str) -> Any:
    """A bot of aiogram there."""
    aiogram: Any = import_module("aiogram")
    sessions: Any = import_module("aiogram.client.session.aiohttp")
    servers: Any = import_module("aiogram.client.telegram")
    session = sessions.AiohttpSession(api=servers.TelegramAPIServer.from_base(url))
    return aiogram.Bot("1:token", session=session)


if __name__ == "__main__":
    program: Any = import_module("examples.telegram_bot")
    asyncio.run(program.main(bot_of(os.environ["TELEGRAM_URL"])))
