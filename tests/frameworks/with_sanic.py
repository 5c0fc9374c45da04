from sanic import Blueprint, Request, Sanic, text
from sanic.response import HTTPResponse

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


async def news(request: Request, token: str = "") -> HTTPResponse:
    verdict = await receiver.receive(request.body, request.headers, request.args, request.path)
    return text(verdict.reason, verdict.status)


async def hello(request: Request) -> HTTPResponse:
    return text("hello")


app = Sanic("bot")
app.add_route(news, "/suno", methods=["POST"])
app.add_route(hello, "/")
app.after_server_stop(lambda app: suno.aclose())

blueprint = Blueprint("music", url_prefix="/api")
blueprint.add_route(news, "/suno", methods=["POST"])
blueprint.add_route(hello, "/")
prefixed = Sanic("prefixed")
prefixed.blueprint(blueprint)
prefixed.after_server_stop(lambda app: suno.aclose())

in_the_path = Sanic("in_the_path")
in_the_path.add_route(news, "/suno/<token>", methods=["POST"])
in_the_path.add_route(hello, "/")
in_the_path.after_server_stop(lambda app: suno.aclose())
