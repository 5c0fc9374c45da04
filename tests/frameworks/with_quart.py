from hypercorn.middleware import DispatcherMiddleware
from quart import Blueprint, Quart, request

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()

app = Quart(__name__)
app.after_serving(suno.aclose)


@app.post("/suno")
async def callback(token: str = "") -> tuple[str, int]:
    verdict = await receiver.receive(await request.data, dict(request.headers), request.args, request.path)
    return verdict.reason, verdict.status


@app.get("/")
async def hello() -> str:
    return "hello"


# Not even a body too large is read then. With "/" instead of "" Quart would not find its own "/".
dispatched = DispatcherMiddleware({"/suno": receiver.asgi, "": app})  # Hypercorn has its own types for ASGI

blueprint = Blueprint("music", __name__)
blueprint.post("/suno")(callback)
blueprint.get("/")(hello)
prefixed = Quart(__name__)
prefixed.register_blueprint(blueprint, url_prefix="/api")
prefixed.after_serving(suno.aclose)

token_in_path = Quart(__name__)
token_in_path.post("/suno/<token>")(callback)
token_in_path.get("/")(hello)
token_in_path.after_serving(suno.aclose)
