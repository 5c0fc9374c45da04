from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    async with suno:
        yield


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


app = Starlette(routes=[Route("/suno", receiver.asgi), Route("/", hello)], lifespan=lifespan)

mounted = Starlette(routes=[Mount("/api", app)], lifespan=lifespan)  # nobody runs the lifespan of what is mounted

token_in_path = Starlette(routes=[Route("/suno/{token}", receiver.asgi), Route("/", hello)], lifespan=lifespan)
