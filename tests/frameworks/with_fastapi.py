# add_route takes ASGI applications, though it is typed for functions of a request only

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with suno:
        yield


app = FastAPI(lifespan=lifespan)
app.add_route("/suno", receiver.asgi)


@app.get("/")
async def hello() -> str:
    return "hello"


router = APIRouter()
router.add_route("/suno", receiver.asgi)
router.get("/")(hello)
prefixed = FastAPI(lifespan=lifespan)
prefixed.include_router(router, prefix="/api")

mounted = FastAPI(lifespan=lifespan)  # nobody runs the lifespan of what is mounted
mounted.mount("/api", app)

token_in_path = FastAPI(lifespan=lifespan)
token_in_path.add_route("/suno/{token}", receiver.asgi)
token_in_path.get("/")(hello)
