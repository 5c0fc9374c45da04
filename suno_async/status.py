"""What a client does at present, for health pages and dashboards."""

from typing import Literal

from msgspec import Struct

from .api.export import Exported

__all__ = ["Status"]


class Status(Struct, Exported, frozen=True, kw_only=True):
    """What a client does at present, as `suno.status()` gives it. It is of this process alone.

    Attributes:
        state: "new" until the client is first used in an event loop, "open", "draining" while `aclose(drain=…)` waits,
            "closed".
        waiting: Tasks in which somebody has an interest: a waiter, a done callback, an observer.
        oldest: Seconds for which the first of them has been waited for; None if there is none.
        last_poll: Unix time of the last poll that was answered; None if there was none.
        last_callback: Unix time of the last verified callback; None if there was none.
        submits: Submits that have begun and not ended, those that wait for a place in the rate limit included.
        calls: Calls and uploads that have begun and not ended.
        downloads: Downloads that have begun and not ended.
        callbacks: Callbacks that are being taken and are not answered yet.
        observer_calls: Calls of `on_update`, of the client and of receivers, that are under way or still to make.
        store_reachable: Whether the store answered when it was last used; None if that is not known. An idle client
            does not ask it.
        store_failed: Unix time of the last failure of the store; None if there was none.
        store_error: Why it failed; empty if it did not.
        store_owed: Writes that the store could not take yet. They are repeated until it does.
        window_used: Places of the rate limit that this process has taken. Other processes with the same store and
            account take places, too.
        window_size: Places of the rate limit.
        window_seconds: Seconds in which there are so many.
        credits: Credits of the account as `get_credits` gave them last; None if it was not called.
        credits_seen: Unix time of that.
    """

    state: Literal["new", "open", "draining", "closed"] = "new"
    waiting: int = 0
    oldest: float | None = None
    last_poll: float | None = None
    last_callback: float | None = None
    submits: int = 0
    calls: int = 0
    downloads: int = 0
    callbacks: int = 0
    observer_calls: int = 0
    store_reachable: bool | None = None
    store_failed: float | None = None
    store_error: str = ""
    store_owed: int = 0
    window_used: int = 0
    window_size: int
    window_seconds: float
    credits: float | None = None
    credits_seen: float | None = None
