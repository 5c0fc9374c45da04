from hypercorn.middleware import DispatcherMiddleware
from quart import Blueprint, Quart, request

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()

app = Quart(__name__)
app.after_serving(suno.aclose)


@app.post("/suno")
async def news(token: str = "") -> tuple[str, int]:
    verdict = await receiver.receive(await request.data, dict(request.headers), request.args, request.path)
    return verdict.reason, verdict.status


@app.get("/")
async def hello() -> str:
    return "hello"


# Not even a body too large is read then. With "/" instead of "" Quart would not find its own "/".
dispatched = DispatcherMiddleware({"/suno": receiver.asgi, "": app})  # Hypercorn has its own types for ASGI

blueprint = Blueprint("music", __name__)
blueprint.post("/suno")(news)
blueprint.get("/")(hello)
prefixed = Quart(__name__)
prefixed.register_blueprint(blueprint, url_prefix="/api")
prefixed.after_serving(suno.aclose)

in_the_path = Quart(__name__)
in_the_path.post("/suno/<token>")(news)
in_the_path.get("/")(hello)
in_the_path.after_serving(suno.aclose)
