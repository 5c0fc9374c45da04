"""Django under ASGI: an async view, and a sync view that uses the same client in the same event loop.

SUNO_API_KEY=… uvicorn examples.django_view:application, then GET /async?about=rain or /sync?about=rain
"""

import os

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from suno_async import GenerateLyrics, InvalidJob, SunoClient, SunoError

settings.configure(  # a project has a file for them
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "for a laptop"),
)
suno = SunoClient()


async def async_view(request: HttpRequest) -> JsonResponse:
    try:
        lyrics = await suno.run(GenerateLyrics(prompt=request.GET.get("about", "")))
    except SunoError as exc:
        return refusal(exc)
    return JsonResponse(lyrics.to_dict())


def sync_view(request: HttpRequest) -> JsonResponse:
    try:
        lyrics = async_to_sync(suno.run)(GenerateLyrics(prompt=request.GET.get("about", "")))
    except SunoError as exc:
        return refusal(exc)
    return JsonResponse(lyrics.to_dict())


def refusal(exc: SunoError) -> JsonResponse:
    return JsonResponse({"error": str(exc)}, status=400 if isinstance(exc, InvalidJob) else 502)


urlpatterns = [path("async", async_view), path("sync", sync_view)]
django = get_asgi_application()


async def application(scope, receive, send):
    """Django, and what it leaves out: closing the client when the server stops."""
    if scope["type"] != "lifespan":
        await django(scope, receive, send)
        return
    async with suno:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
