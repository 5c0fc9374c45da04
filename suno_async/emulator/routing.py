"""Routes with middlewares around each, also around the answer to what no route is for.

An application that has middlewares itself is kept by aiohttp, with all that its handlers hold, in a cache.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

__all__ = ["behind", "resource_of"]

ANYTHING = "/{path}"


def behind(middlewares: Iterable[Middleware], routes: Iterable[web.RouteDef]) -> Iterator[web.RouteDef]:
    """The routes with the middlewares around their handlers, the first one outermost."""
    inwards = [*middlewares][::-1]
    for route in (*routes, web.route("*", "/{path:.*}", _unknown)):
        handler: Any = route.handler
        for middleware in inwards:
            handler = partial(middleware, handler=handler)
        yield web.RouteDef(route.method, route.path, handler, route.kwargs)


def resource_of(request: web.Request) -> str | None:
    """The path that the route of a request states, or None if there is no route for it."""
    resource = request.match_info.route.resource
    return None if resource is None or resource.canonical == ANYTHING else resource.canonical


async def _unknown(request: web.Request) -> web.StreamResponse:
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != ANYTHING:
            allowed |= (await resource.resolve(request))[1]
    raise web.HTTPMethodNotAllowed(request.method, allowed) if allowed else web.HTTPNotFound
