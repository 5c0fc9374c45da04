"""A page to make songs and hear them: FastAPI, server-sent events, and a SQLite file that the workers share.

    pip install . fastapi uvicorn
    SUNO_API_KEY=… uvicorn examples.song_page.app:app --workers 2 --timeout-graceful-shutdown 3

Each worker shows the stages of all songs, whichever worker was asked for them. Workers may be stopped, killed and
replaced at any time: the page finds its songs again and goes on. With PUBLIC_URL=https://songs.example the service
posts the stages to /suno, otherwise they are polled. Takes are kept in the folder songs/ from when they are first
played. Whoever can open the page can spend your credits: put a login in front of it.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    InvalidJob,
    Music,
    Record,
    RedactTokens,
    Stage,
    StoreError,
    SunoClient,
    SunoError,
    Update,
)

logging.getLogger("uvicorn.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses

PAGE = Path(__file__).with_name("page.html")
FOLDER = anyio.Path(os.environ.get("SONGS", "songs"))
PUBLIC_URL = os.environ.get("PUBLIC_URL", "")
MONTH = 30 * 86_400  # seconds for which a song is shown
BEHIND = 1000  # updates that are kept for a page that takes them more slowly than they come

readers: set[asyncio.Queue[dict[str, Any]]] = set()
"""One for each page that is open at this worker."""


def hear(update: Update[Any], record: Record) -> None:
    """Called in every worker, for each stage of each song."""
    for reader in readers:
        if reader.full():
            reader.get_nowait()  # the newest count; a reload shows all
        reader.put_nowait(shown(record.ref, record.context, update))


def shown(ref: str, context: Any, update: Update[Music]) -> dict[str, Any]:
    """A song as the page gets it."""
    tracks = update.result.tracks if update.result else ()
    return {
        "ref": ref,
        **context,
        "stage": update.stage.name,
        "message": update.message,
        "lyrics": tracks[0].prompt if tracks else None,
        "takes": [
            {"title": track.title, "seconds": track.duration, "audio": f"songs/{update.task_id}/{track.id}.mp3"}
            for track in tracks
            if track.audio_url
        ],
    }


suno = SunoClient(
    store=os.environ.get("SUNO_STORE", "sqlite:///songs.db"),
    callback_url=f"{PUBLIC_URL}/suno" if PUBLIC_URL else None,
    on_update=hear,
)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async for _ in suno.resume():  # on_update hears of what earlier workers have left
        pass
    async with suno.lifespan():
        yield


app = FastAPI(lifespan=lifespan)
app.add_route("/suno", suno.receiver().asgi)


@app.get("/")
async def page() -> FileResponse:
    return FileResponse(PAGE)


class Order(BaseModel):
    about: str = Field(min_length=1, max_length=500)
    key: str = Field(min_length=8, max_length=64)


@app.post("/songs", status_code=202)
async def submit(order: Order) -> dict[str, Any]:
    """Submit a song. A page that got no answer sends the same key again, and the song is paid once."""
    context = {"about": order.about, "at": time.time()}
    task = await suno.submit(GenerateMusic(prompt=order.about), key=order.key, context=context)
    return shown(task.ref, task.context, task.last)


@app.get("/events", response_class=EventSourceResponse)
async def events() -> AsyncIterable[dict[str, Any]]:
    """The songs as they are, then each stage of each song. A page that lost the connection just connects again."""
    reader: asyncio.Queue[dict[str, Any]] = asyncio.Queue(BEHIND)
    readers.add(reader)  # before the store is read, so that nothing is missed
    try:
        async for task in suno.resume():
            yield shown(task.ref, task.context, task.last)
        async for task in suno.results(since=time.time() - MONTH):  # none is ever marked as delivered: all that ended
            yield shown(task.ref, task.context, task.last)
        while True:
            yield await reader.get()
    finally:
        readers.discard(reader)


@app.get("/songs/{task_id}/{track_id}.mp3")
async def audio(task_id: str, track_id: str) -> FileResponse:
    """Play a take. The first time it is fetched to this machine, since the service keeps it for 14 days only."""
    task = await suno.find(task_id)
    if task is None or task.stage not in (Stage.FIRST, Stage.COMPLETE):
        raise HTTPException(404, "there is no such song, or not yet")
    tracks = task.last.result.tracks if task.last.result else ()
    track = next((one for one in tracks if one.id == track_id and one.audio_url), None)
    if track is None:  # or there is only its stream so far, which may be a part of it
        raise HTTPException(404, "there is no such take, or not yet")
    path = FOLDER / f"{track.id}.mp3"
    if not await path.exists():
        await FOLDER.mkdir(parents=True, exist_ok=True)
        part = FOLDER / f"{uuid4()}.part"  # another worker may be fetching it, too
        await part.write_bytes(await suno.read(track))
        await part.replace(path)
    return FileResponse(path)  # it serves ranges, without which phones play nothing


@app.exception_handler(SunoError)
async def explain(request: Request, exc: SunoError) -> JSONResponse:
    status = 502
    if isinstance(exc, InvalidJob):
        status = 422
    elif isinstance(exc, ConfigurationError | StoreError):  # it is being closed, or cannot write: nothing was sent
        status = 503
    return JSONResponse({"detail": str(exc)}, status)
