"""A Litestar application: songs are ordered, looked up, and followed stage by stage.

    pip install . litestar uvicorn
    SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db PUBLIC_URL=https://songs.example \
        uvicorn --factory examples.litestar_app:create_app --timeout-graceful-shutdown 3

POST /songs with {"prompt": "rain in Lisbon"}, then GET /songs/{task_id}, or GET /songs/{task_id}/events for its stages
as server-sent events. With a header Idempotency-Key, an order that is sent again is paid once. The service posts to
/suno. Any number of workers may share the store. A restart loses nothing. Whoever reaches it can spend your credits:
put a login in front of it.
"""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import msgspec
from litestar import Controller, Litestar, Request, Response, asgi, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    InvalidJob,
    Music,
    Record,
    RedactTokens,
    StoreError,
    SunoClient,
    SunoError,
    Task,
    TaskFailed,
    Update,
)
from suno_async.litestar import SunoPlugin

log = logging.getLogger("songs")
logging.getLogger("uvicorn.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses


async def provide_song(task_id: FromPath[str], suno: NamedDependency[SunoClient]) -> Task[Music]:
    """The song of a path, at the stage that the store knows."""
    record = await suno.store.get(task_id=task_id)
    if record is None:
        raise NotFoundException(f"there is no song {task_id}")
    song = suno.attach(GenerateMusic, task_id)
    with suppress(TaskFailed):
        await song.wait(record.stage)  # the store has it: nothing is polled
    return song


class SongController(Controller):
    path = "/songs"
    dependencies = {"song": Provide(provide_song)}

    @post(status_code=202)
    async def order(
        self,
        data: JSONBody[GenerateMusic],
        suno: NamedDependency[SunoClient],
        key: Annotated[str | None, HeaderParameter(name="Idempotency-Key", min_length=8, max_length=200)] = None,
    ) -> dict[str, str]:
        return {"task_id": (await suno.submit(data, key=key or "")).id}

    @get("/{task_id:str}")
    async def look_up(self, song: NamedDependency[Task[Music]]) -> Update[Music]:
        return song.last

    @get("/{task_id:str}/events")
    async def follow(self, song: NamedDependency[Task[Music]]) -> ServerSentEvent:
        return ServerSentEvent(stages(song))


async def stages(song: Task[Music]) -> AsyncGenerator[ServerSentEventMessage]:
    """One event for each stage, those that are known first. It may be reached in any worker."""
    async for update in song:
        yield ServerSentEventMessage(msgspec.json.encode(update.to_dict()), event=update.stage.name)


def tell(update: Update[Any], record: Record) -> None:
    """Called once for each stage of each song, in one of the workers."""
    log.info("song %s is %s", update.task_id, update.stage.name)


def explain(request: Request[Any, Any, Any], exc: SunoError) -> Response[dict[str, str]]:
    status = 502
    if isinstance(exc, InvalidJob):
        status = 422
    elif isinstance(exc, ConfigurationError | StoreError):  # it is being closed, or cannot write: nothing was sent
        status = 503
    return Response({"detail": str(exc)}, status_code=status)


def create_app(suno: SunoClient | None = None) -> Litestar:
    """Make the application; tests may give a client of an emulator."""
    client = suno or SunoClient(callback_url=f"{os.environ['PUBLIC_URL']}/suno")
    callback = asgi("/suno", copy_scope=True)(client.receiver(on_update=tell).asgi)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async for _ in client.resume():  # `tell` hears of what an earlier process has left
            pass
        async with client.lifespan():
            yield

    return Litestar(
        [SongController, callback],
        dependencies={"suno": Provide(lambda: client, sync_to_thread=False)},
        exception_handlers={SunoError: explain},
        lifespan=[lifespan],
        plugins=[SunoPlugin()],  # writes results by our names
    )
