"""A log line for each request to the API, at level DEBUG."""

import asyncio
import logging
from collections.abc import Awaitable
from urllib.parse import urlsplit

from ..errors import SunoError
from ..log import fields, log
from ..wire.envelope import Reply

__all__ = ["logged"]


def logged(sending: Awaitable[Reply], method: str, url: str, task_id: str = "", ref: str = "") -> Awaitable[Reply]:
    """Await the answer to a request, and log how that went. Neither body, query nor headers are logged.

    Args:
        sending: Sends the request.
        method: The HTTP method.
        url: The whole address.
        task_id: The task that the request is about; empty if there is none yet.
        ref: The submission.
    """
    return _logged(sending, method, url, task_id, ref) if log.isEnabledFor(logging.DEBUG) else sending


async def _logged(sending: Awaitable[Reply], method: str, url: str, task_id: str, ref: str) -> Reply:
    clock, path = asyncio.get_running_loop().time, urlsplit(url).path
    began = clock()
    status: int | None = None
    came = "no answer"
    try:
        reply = await sending
        status = reply.status
        came = f"HTTP {status}"
        return reply
    except (SunoError, asyncio.CancelledError) as exc:
        came = type(exc).__name__
        raise
    finally:
        ms = round((clock() - began) * 1000, 1)
        about = f" of task {task_id}" if task_id else f" of submission {ref}" if ref else ""
        extra = fields("request", task_id, ref, method=method, path=path, status=status, ms=ms)
        log.debug("%s %s%s: %s after %.0f ms", method, path, about, came, ms, extra=extra)
