from litestar import Litestar, Router, asgi, get

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


@get("/")
async def hello() -> str:
    return "hello"


callback = asgi("/suno", copy_scope=True)(receiver.asgi)
app = Litestar([callback, hello], on_shutdown=[suno.aclose])

prefixed = Litestar([callback, hello], path="/api", on_shutdown=[suno.aclose])

routed = Litestar([Router("/api", route_handlers=[callback, hello])], on_shutdown=[suno.aclose])

callback_below = asgi("/suno", is_mount=True, copy_scope=True)(receiver.asgi)
token_in_path = Litestar([callback_below, hello], on_shutdown=[suno.aclose])
