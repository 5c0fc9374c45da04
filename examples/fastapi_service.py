"""A FastAPI service that loses nothing when it is stopped or replaced, with a health page.

    SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db PUBLIC_URL=https://songs.example uvicorn examples.fastapi_service:app
    … gunicorn examples.fastapi_service:app -k uvicorn_worker.UvicornWorker --workers 2 --graceful-timeout 90

POST /songs with {"prompt": "rain in Lisbon"}. On SIGTERM it drains: it takes no more songs, and goes on for up to a
minute until those that have begun are ready. The rest is in the store, for the other workers and the next ones.
"""

import os
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Response

from suno_async import ConfigurationError, GenerateMusic, Record, Status, SunoClient, Update

suno = SunoClient(callback_url=f"{os.environ['PUBLIC_URL']}/suno", drain=60)


def tell(update: Update[Any], record: Record) -> None:
    """Called once for each stage of each song, in one of the workers."""
    print(f"{update.task_id} {update.stage.name}", flush=True)


app = FastAPI(lifespan=suno.lifespan)
app.add_route("/suno", suno.receiver(on_update=tell).asgi)


@app.post("/songs", status_code=202)
async def sing(job: Annotated[GenerateMusic, Body()]) -> dict[str, str]:
    try:
        task = await suno.submit(job)
    except ConfigurationError as exc:  # it is being closed; another worker takes it
        raise HTTPException(503, str(exc)) from exc
    return {"task": task.id}


@app.get("/health")
async def health(response: Response) -> Status:
    """Asks neither the service nor the store. 503 takes this worker out of the load balancer."""
    status = suno.status()
    if status.state in ("draining", "closed") or status.store_reachable is False:
        response.status_code = 503
    return status
