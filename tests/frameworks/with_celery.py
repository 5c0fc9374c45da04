"""One client for a module, and a new event loop for each job of a pool of forked processes."""

import asyncio
import os
from importlib import import_module
from typing import Any

from suno_async import GenerateLyrics, Pace, SunoClient

from .celery_folder import use

Celery: Any = import_module("celery").Celery  # it has no types
app: Any = Celery("songs")
use(app)
suno = SunoClient(pace=Pace(first=0.05, growth=1, cap=0.1, patience=20))


async def written(about: str) -> str:
    lyrics = await suno.run(GenerateLyrics(prompt=about))
    return f"{os.getpid()} {lyrics.variants[0].text}"


def write(about: str) -> str:
    return asyncio.run(written(about))


lyrics: Any = app.task(write)
