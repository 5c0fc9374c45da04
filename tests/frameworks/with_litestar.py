from litestar import Litestar, Router, asgi, get

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


@get("/")
async def hello() -> str:
    return "hello"


news = asgi("/suno", copy_scope=True)(receiver.asgi)
app = Litestar([news, hello], on_shutdown=[suno.aclose])

prefixed = Litestar([news, hello], path="/api", on_shutdown=[suno.aclose])

routed = Litestar([Router("/api", route_handlers=[news, hello])], on_shutdown=[suno.aclose])

news_below = asgi("/suno", is_mount=True, copy_scope=True)(receiver.asgi)
in_the_path = Litestar([news_below, hello], on_shutdown=[suno.aclose])
