"""Callbacks behind a reverse proxy that serves this application under a prefix.

Say nginx has `location /bots/song/ { proxy_pass http://127.0.0.1:8080/; }`. Then the service is given the public
address, and this application serves the path that is left of it. What proves a callback is the token in its address,
so neither the prefix nor any `X-Forwarded-…` header is read.

    SUNO_API_KEY=… PUBLIC_URL=https://example.com/bots/song python examples/behind_a_proxy.py

Without a public address, say on a laptop, leave the address and the receiver away: the client polls instead.
"""

import logging
import os
import sys

from aiohttp import web

from suno_async import GenerateMusic, Music, Record, RedactTokens, SunoClient, SunoError, Update

logging.getLogger("aiohttp.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses


async def tell(update: Update[Music], record: Record) -> None:
    """Called once for each stage of each song, after the callback was answered."""
    print(f"{record.kind} {record.task_id} {update.stage.name}", flush=True)


async def sing(request: web.Request) -> web.Response:
    """Answers at once; `tell` hears of the rest."""
    suno = request.app[SUNO]
    try:
        task = await suno.submit(GenerateMusic(prompt=request.query.get("about", "")))
    except SunoError as exc:
        return web.json_response({"error": str(exc)}, status=400)
    return web.json_response({"task": task.id})


SUNO = web.AppKey("suno", SunoClient)


def make(public_url: str) -> web.Application:
    suno = SunoClient(callback_url=f"{public_url}/suno")
    app = web.Application()
    app[SUNO] = suno
    app.router.add_get("/sing", sing)
    app.router.add_post("/suno", suno.receiver(on_update=tell).aiohttp)
    app.on_cleanup.append(lambda app: suno.aclose())
    return app


if __name__ == "__main__":
    if "PUBLIC_URL" not in os.environ:
        sys.exit("PUBLIC_URL is not set: the address under which the proxy serves this application")
    web.run_app(make(os.environ["PUBLIC_URL"]), host="127.0.0.1", port=8080)
