"""Flask under a server with threads: one client and one event loop for the process, in a thread of its own.

SUNO_API_KEY=… flask --app examples/flask_view.py run, then GET /lyrics?about=rain
"""

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from flask import Flask, request

from suno_async import GenerateLyrics, InvalidJob, SunoClient, SunoError

R = TypeVar("R")

app = Flask(__name__)
suno = SunoClient()
starting = threading.Lock()


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """Started by the first request, so that each process that the server forks has its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="suno", daemon=True).start()
    atexit.register(lambda: asyncio.run_coroutine_threadsafe(suno.aclose(), loop).result())
    return loop


def wait_for(coroutine: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine, from any thread."""
    with starting:
        loop = background_loop()
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


@app.get("/lyrics")
def lyrics() -> Any:
    try:
        written = wait_for(suno.run(GenerateLyrics(prompt=request.args.get("about", ""))))
    except InvalidJob as exc:
        return {"error": str(exc)}, 400
    except SunoError as exc:
        return {"error": str(exc)}, 502
    return written.to_dict()
