from suno_async import SunoClient
from suno_async.webhooks.asgi import Receive, Scope, Send

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await suno.aclose()
        await send({"type": "lifespan.shutdown.complete"})
    elif "/suno" in scope["path"]:
        await receiver.asgi(scope, receive, send)
    else:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})
