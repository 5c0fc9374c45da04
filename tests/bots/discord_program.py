"""`examples/discord_bot.py` as a program that takes the stand-in at DISCORD_URL for Discord."""

import asyncio
import os
from importlib import import_module
from typing import Any

from yarl import URL


def lead_to(url: str) -> None:
    """Let discord.py, which knows only one Discord, reach this one."""
    http: Any = import_module("discord.http")
    gateway: Any = import_module("discord.gateway")
    http.Route.BASE = f"{url}/api"
    gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(url.replace("http", "ws", 1)) / "gateway/"


if __name__ == "__main__":
    lead_to(os.environ["DISCORD_URL"])
    bot: Any = import_module("examples.discord_bot")
    asyncio.run(bot.main())
