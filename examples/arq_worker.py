"""An arq worker: one client for each process, opened and closed with it.

SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db REDIS_URL=redis://… arq examples.arq_worker.WorkerSettings

Then `await pool.enqueue_job("write", "rain in Lisbon")` anywhere. A job that is run again is not paid again.
"""

import os
from typing import Any

from arq.connections import RedisSettings

from suno_async import GenerateLyrics, SunoClient


async def startup(ctx: dict[str, Any]) -> None:
    ctx["suno"] = SunoClient()


async def shutdown(ctx: dict[str, Any]) -> None:
    await ctx["suno"].aclose()


async def write(ctx: dict[str, Any], about: str) -> str | None:
    lyrics = await ctx["suno"].run(GenerateLyrics(prompt=about), key=ctx["job_id"])
    return lyrics.variants[0].text


class WorkerSettings:
    functions = [write]
    on_startup = startup
    on_shutdown = shutdown
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://localhost"))
    job_timeout = 1800  # seconds; a song may take longer than arq's own limit, 300
