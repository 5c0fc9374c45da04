"""A FastAPI service that loses nothing when it is stopped or replaced, with a health page.

    SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db PUBLIC_URL=https://songs.example uvicorn examples.fastapi_service:app
    … gunicorn examples.fastapi_service:app -k uvicorn_worker.UvicornWorker --workers 2 --graceful-timeout 90

POST /songs with {"prompt": "rain in Lisbon"}, then GET /songs/ID in any worker. After a restart it goes on with the
songs that are unfinished. On SIGTERM it drains: it takes no more songs, and goes on for up to a minute until those that
have begun are ready. The rest is in the store, for the other workers and the next ones.
"""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    InvalidJob,
    Record,
    RedactTokens,
    Status,
    SunoClient,
    SunoError,
    Update,
)

logging.getLogger("uvicorn.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses

suno = SunoClient(callback_url=f"{os.environ['PUBLIC_URL']}/suno", drain=60)


def tell(update: Update[Any], record: Record) -> None:
    """Called once for each stage of each song, in one of the workers."""
    print(f"{update.task_id} {update.stage.name}", flush=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with suno.lifespan(app):
        async for task in suno.resume():  # tell hears of it from now on
            print(f"{task.id} resumed", flush=True)
        yield


app = FastAPI(lifespan=lifespan)
app.add_route("/suno", suno.receiver(on_update=tell).asgi)


@app.post("/songs", status_code=202)
async def sing(job: Annotated[GenerateMusic, Body()]) -> dict[str, str]:
    task = await suno.submit(job)
    return {"task": task.id}


@app.get("/songs/{task_id}")
async def song(task_id: str) -> dict[str, Any]:
    """What the store knows of a song; the service is not asked."""
    task = await suno.find(task_id)
    if task is None:
        raise HTTPException(404, "there is no such song")
    return {"task": task.id, "stage": task.stage.name, "message": task.last.message, "result": task.last.result}


@app.exception_handler(SunoError)
async def refused(request: Request, exc: SunoError) -> JSONResponse:
    """422 for a job that cannot be made, 503 while this worker is being closed, for another to take it, 502 else."""
    status = 422 if isinstance(exc, InvalidJob) else 503 if isinstance(exc, ConfigurationError) else 502
    return JSONResponse({"detail": str(exc)}, status)


@app.get("/health")
async def health(response: Response) -> Status:
    """Asks neither the service nor the store. 503 takes this worker out of the load balancer."""
    status = suno.status()
    if status.state in ("draining", "closed") or status.store_reachable is False:
        response.status_code = 503
    return status
