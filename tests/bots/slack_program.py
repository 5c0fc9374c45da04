"""`examples/slack_bot.py` as a program that takes the stand-in at SLACK_URL for Slack."""

import asyncio
import os
from importlib import import_module
from typing import Any

from .slack_server import SECRET, TOKEN


def app_of(url: str) -> Any:
    """An application of Bolt there."""
    bolt: Any = import_module("slack_bolt.app.async_app")
    sdk: Any = import_module("slack_sdk.web.async_client")
    return bolt.AsyncApp(client=sdk.AsyncWebClient(TOKEN, base_url=f"{url}/api/"), signing_secret=SECRET)


if __name__ == "__main__":
    program: Any = import_module("examples.slack_bot")
    asyncio.run(program.main(app_of(os.environ["SLACK_URL"])))
