"""A web backend: one client for the whole process, songs by request, callbacks on the same server.

SUNO_API_KEY=… PUBLIC_URL=https://bot.example python examples/web_backend.py, then GET /sing?about=rain
"""

import logging
import os
from collections.abc import AsyncIterator

from aiohttp import web

from suno_async import InvalidJob, RedactTokens, SunoClient, SunoError, TaskTimeout

logging.getLogger("aiohttp.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses

SUNO = web.AppKey("suno", SunoClient)


async def sing(request: web.Request) -> web.Response:
    """Answers when the song is ready; a visitor who leaves costs nothing, the song goes on."""
    try:
        task = await request.app[SUNO].generate_music(prompt=request.query.get("about", ""))
        music = await task
    except InvalidJob as exc:
        return web.json_response({"error": str(exc)}, status=400)
    except TaskTimeout as exc:
        return web.json_response({"error": "still singing", "task": exc.task_id}, status=504)
    except SunoError as exc:
        return web.json_response({"error": str(exc)}, status=502)
    return web.json_response([{"title": track.title, "url": track.audio_url} for track in music.tracks])


def make(public_url: str) -> web.Application:
    suno = SunoClient(callback_url=f"{public_url}/suno")

    async def close(app: web.Application) -> AsyncIterator[None]:
        yield
        await suno.aclose()

    app = web.Application()
    app[SUNO] = suno
    app.cleanup_ctx.append(close)
    app.router.add_get("/sing", sing)
    app.router.add_post("/suno", suno.receiver().aiohttp)
    return app


if __name__ == "__main__":
    web.run_app(make(os.environ["PUBLIC_URL"]))
