"""One client for a module, and a new event loop for each job of a pool of forked processes."""

import asyncio
import os
from importlib import import_module
from typing import Any

from suno_async import GenerateLyrics, Pace, SunoClient

folder = os.environ["CELERY_FOLDER"]
Celery: Any = import_module("celery").Celery  # it has no types
app: Any = Celery("songs", broker="filesystem://", backend=f"file://{folder}/results")
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/messages",
    "data_folder_out": f"{folder}/messages",
    "control_folder": f"{folder}/control",
}
suno = SunoClient(pace=Pace(first=0.05, growth=1, cap=0.1, patience=20))


async def written(about: str) -> str:
    lyrics = await suno.run(GenerateLyrics(prompt=about))
    return f"{os.getpid()} {lyrics.variants[0].text}"


def write(about: str) -> str:
    return asyncio.run(written(about))


lyrics: Any = app.task(write)
