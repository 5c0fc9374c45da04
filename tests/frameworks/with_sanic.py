from sanic import Blueprint, Request, Sanic, text
from sanic.response import HTTPResponse

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


async def callback(request: Request, token: str = "") -> HTTPResponse:
    verdict = await receiver.receive(request.body, request.headers, request.args, request.path)
    return text(verdict.reason, verdict.status)


async def hello(request: Request) -> HTTPResponse:
    return text("hello")


app = Sanic("bot")
app.add_route(callback, "/suno", methods=["POST"])
app.add_route(hello, "/")
app.after_server_stop(lambda app: suno.aclose())

blueprint = Blueprint("music", url_prefix="/api")
blueprint.add_route(callback, "/suno", methods=["POST"])
blueprint.add_route(hello, "/")
prefixed = Sanic("prefixed")
prefixed.blueprint(blueprint)
prefixed.after_server_stop(lambda app: suno.aclose())

token_in_path = Sanic("token_in_path")
token_in_path.add_route(callback, "/suno/<token>", methods=["POST"])
token_in_path.add_route(hello, "/")
token_in_path.after_server_stop(lambda app: suno.aclose())
