"""In whose turn a submission waits for the rate window, and who hears of its place."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

import msgspec

from ..errors import ConfigurationError
from ..http.turns import Turn
from ..log import log
from .options import OnQueued, Options

__all__ = ["turn_of"]


def turn_of(options: Options, fair_by: Callable[[Any], Hashable] | None) -> Turn:
    """Return the turn in which a submission waits.

    Args:
        options: Its options.
        fair_by: Tells the group from a context that is not None; without it, equal contexts are a group.

    Raises:
        ConfigurationError: The function failed, or what it returned can be no group.
    """
    observer = _Observer(options.on_queued) if options.on_queued is not None else None
    return Turn(_group(options.context, fair_by), options.priority or 0, observer)


def _group(context: Any, fair_by: Callable[[Any], Hashable] | None) -> Hashable:
    if context is None:
        return None
    if fair_by is None:
        try:
            return msgspec.json.encode(context, order="deterministic")
        except (TypeError, ValueError, OverflowError, RecursionError):  # of a call, whose context goes nowhere
            return None
    try:
        group = fair_by(context)
        hash(group)
        if inspect.iscoroutine(group):  # each would be a group of its own
            group.close()
            raise TypeError("it is a coroutine function")
    except Exception as exc:  # of a function of the application, here and below
        raise ConfigurationError(f"fair_by failed with the context {context!r:.100}: {exc!r}") from exc
    return group


class _Observer:
    """Calls a function with each new place of one submission, never twice at once and not after it was sent."""

    # State, all of it: _place (the newest), _call (a coroutine of the function that is under way).

    def __init__(self, function: OnQueued) -> None:
        self._function = function
        self._place = 0
        self._call: asyncio.Task[None] | None = None

    def moved(self, place: int) -> None:
        """Call the function; after the call that is under way, if it is a coroutine function."""
        self._place = place
        if (self._call is None or self._call.done()) and (waiting := self._started(place)) is not None:
            self._call = asyncio.create_task(self._go_on(place, waiting))
            self._call.add_done_callback(lambda _: waiting.close())  # it may be cancelled before it begins

    def left(self) -> None:
        """Call it no more; what is under way is cancelled, or it would show an old place after the submit."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _started(self, place: int) -> Coroutine[Any, Any, object] | None:
        try:
            returned = self._function(place)
        except (Exception, asyncio.CancelledError):  # as of a cancelled future
            log.exception("on_queued failed")
            return None
        return returned if inspect.iscoroutine(returned) else None

    async def _go_on(self, place: int, waiting: Coroutine[Any, Any, object] | None) -> None:
        this = asyncio.current_task()
        while waiting is not None:
            try:
                await waiting
            except asyncio.CancelledError:
                if self._call is not this:  # it has left
                    raise
                log.warning("on_queued was cancelled")
            except Exception:
                log.exception("on_queued failed")
            waiting = self._started(self._place) if self._call is this and self._place != place else None
            place = self._place
