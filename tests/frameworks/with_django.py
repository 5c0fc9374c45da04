"""A project's asgi.py, and below its views.py and urls.py."""

# Django has no types.
# mypy: disable-error-code="import-untyped, untyped-decorator"
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false

import os

from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from suno_async import SunoClient
from suno_async.webhooks.asgi import Receive, Scope, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.frameworks.django_settings")

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()
django = get_asgi_application()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http" and "/suno" in scope["path"]:
        await receiver.asgi(scope, receive, send)
    else:
        await viewed(scope, receive, send)


async def viewed(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":  # Django knows none
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await suno.aclose()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await django(scope, receive, send)


@csrf_exempt
@require_POST
async def callback(request: HttpRequest, token: str = "") -> HttpResponse:
    verdict = await receiver.receive(request.body, request.headers, request.GET, request.path)
    return HttpResponse(verdict.reason, status=verdict.status)


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


routes = [path("suno", callback), path("suno/<token>", callback), path("", hello)]
urlpatterns = [*routes, path("api/", include(routes))]
