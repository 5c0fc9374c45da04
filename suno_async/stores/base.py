"""The protocol of a store, and what all stores share.

A store keeps records, one per submission, and finds them by ref, task id and idempotency key. It knows nothing of
requests or the service: what a record becomes is decided by transitions, pure functions that are handed in.
"""

import itertools
import math
import os
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

from ..api.limits import Rate
from ..errors import ConfigurationError, StoreError
from .record import Record, State

__all__ = ["DEFAULT_ACCOUNT", "Damaged", "Store", "Transition", "Wanted", "sending"]

T = TypeVar("T")

SHORTEST = 0.001
"""The least wait in seconds that `reserve` returns for a full window, since 0 means that the place was taken."""
OPEN = tuple(state for state in State if state.open)
"""The states that `unfinished` lists unless it is told which."""
NOT_A_RECORD = (msgspec.MsgspecError, ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What turning stored values into a record raises if they are damaged."""
CLOSED = "the store is closed"
DEFAULT_ACCOUNT = "default"

Transition = Callable[[Record], Record | None]
"""A pure function from a record to the next one; None if nothing changes. See `suno_async.stores.transitions`."""
Wanted = Callable[[str, str], bool]
"""Whether somebody wants to hear of the record of this ref and this task id, which is empty while it has none."""


def sending(ref: str) -> str:
    """Return the name that a submission is claimed by while it is sent."""
    return f"send {ref}"


class Damaged(StoreError):
    """A record cannot be read; others can. Trying again does not help."""


class Store(Protocol):
    """Where submissions are kept: what the client needs of a store.

    A store object belongs to no event loop: it works in several, one after the other or each in a thread of its own,
    and in processes forked from the one that made it. It opens itself when it is first used.

    Every method raises StoreError when it cannot do what it says, and raises no other library's errors. After
    `aclose` every method raises StoreError ("the store is closed"), generators that are under way included. A record
    that cannot be read raises `Damaged`, a StoreError, in methods that are asked for that record, and is left out and
    logged in those that list records; it never hides another record.

    A write that was acknowledged is visible to every later call, of any store object on the same data. One that
    raised StoreError, or was cancelled, may have been done or not.

    An implementation is tested by `suno_async.testing.store_contract.StoreContract`.
    """

    async def intend(self, record: Record, owner: str = "", ttl: float = 0.0) -> Record | None:
        """Keep a new record, unless another one holds its idempotency key.

        Of any number of calls with one key, in any number of processes, one keeps its record. A record of the same
        ref stays as it is, with what others have made of it since: it was kept before, and the answer was lost.

        Args:
            record: The record; without a key it is always kept.
            owner: Who claims the name `sending(record.ref)`, as if by `claim`, in the same step: nobody sees the record
                without the claim. Empty: nobody.
            ttl: Seconds for which it is claimed.

        Returns:
            None if the record was kept, otherwise the record that holds the key, and nothing was changed.

        Raises:
            StoreError: If the record was not kept for certain. Damaged: the record that holds the key is.
        """
        ...

    async def change(
        self, transition: Transition, *, ref: str = "", task_id: str = "", intended: Record | None = None
    ) -> Record | None:
        """Apply a transition to one record, atomically.

        Args:
            transition: A pure function. It may run in another thread, and more than once with different records;
                what it returned last is kept. What it raises is raised here, and nothing is changed.
            ref: The record's ref.
            task_id: Its task id, if no ref is given: the first non-empty name counts, the other is ignored.
            intended: The record of this ref as it was given to `intend`, if the caller has it (default: None). While
                nobody has changed it, it need not be read.

        Returns:
            The new record; None if there is none of that name, or if the transition returned None.
        """
        ...

    async def remove(self, ref: str) -> None:
        """Forget a record by all its names, if there is one: the submission created nothing."""
        ...

    async def get(self, *, ref: str = "", task_id: str = "", key: str = "") -> Record | None:
        """Return a record by the first of its names that is not empty; None if there is none.

        Of several records with one task id, it is any one of them.
        """
        ...

    def unfinished(self, *states: State) -> AsyncGenerator[Record]:
        """Yield the records in these open states; without arguments, in all of them.

        Oldest first, by `created` or by when they were kept; read a page at a time. A record that is there throughout
        is yielded once, a record that comes or goes meanwhile at most once. Few records in the given states are found
        quickly among very many in others.
        """
        ...

    def finished(
        self, since: float = 0.0, before: float = math.inf, *, delivered: bool = False
    ) -> AsyncGenerator[Record]:
        """Yield the records in state FINISHED that are not delivered, in any order, a page at a time.

        Args:
            since: Unix seconds: only records that were `updated` at this time or later.
            before: Unix seconds: only records that were `updated` before this time.
            delivered: Yield those that are delivered, too.
        """
        ...

    def updates(self, wanted: Wanted | None = None) -> AsyncGenerator[Record | None]:
        """Yield records as other store objects change them, without end.

        Changes that were made through this object may be yielded as well. Of several changes of one record in quick
        succession the last is enough. None means that from now on no change is missed: it comes first, and again
        after a break (the server was away), when changes may have been missed. Only `aclose` ends it, by StoreError.

        Args:
            wanted: Asked, in the event loop, whether a changed record is to be read and yielded, after it was changed.
                Of many processes few want a record, and the others need not read it (default: all are).
        """
        ...

    async def claim(self, name: str, owner: str, ttl: float) -> bool:
        """Claim a name for some time, or extend one's claim.

        Args:
            name: What is claimed.
            owner: Who claims it.
            ttl: Seconds from now for which it is claimed, also if the owner's former claim lasts longer. 0 releases it.

        Returns:
            False if another owner's claim lasts, and nothing was changed. A claim that ends further ahead than the time
            it was taken for, as after a clock was set back, does not last.
        """
        ...

    async def reserve(self, name: str, places: Sequence[str], rate: Rate) -> list[float]:
        """Take places in a sliding window: at most `rate.calls` of them in any `rate.seconds`.

        Args:
            name: The window's name; each is counted apart.
            places: The names of the places, chosen by the caller, in the order in which they are taken. If one is in
                the window already its time is moved to now, as when the request that it was taken for was answered.
            rate: How many places there are.

        Returns:
            For each place 0.0 if it is taken; otherwise seconds, at least `SHORTEST`, until one may be free.
        """
        ...

    async def release(self, name: str, place: str) -> None:
        """Give a place back that was not used; nothing happens if it is not in the window."""
        ...

    async def note(self, name: str, text: str) -> None:
        """Keep a text under a name, in the place of the one that is there; the last one written counts.

        Notes are no records: they are neither listed nor pruned, and nobody is told of them.
        """
        ...

    async def noted(self, name: str) -> str:
        """Return the text that is kept under a name; empty if there is none."""
        ...

    async def prune(self, before: float, *, undelivered: bool = True) -> int:
        """Forget the records that are finished or dismissed and were `updated` before a time, with their keys.

        Args:
            before: The time in Unix seconds.
            undelivered: Forget also the finished ones that are not delivered.

        Returns:
            How many records that were.
        """
        ...

    async def erase(self, *, ref: str = "", context: Any = None) -> int:
        """Remove what users wrote and got, for good: requests, contexts, bodies and messages.

        The records stay, as `transitions.erased` leaves them. As far as the store can, it also removes older copies of
        the values from its files: logs of changes and free pages.

        Args:
            ref: The ref of one record, if it is not empty.
            context: Otherwise all records whose context is equal to this; if it is a mapping, those whose context is a
                mapping that has all its items. `{"user": 7}` finds `{"user": 7, "chat": 3}`.

        Returns:
            How many records that were; those that are erased already do not count.

        Raises:
            ConfigurationError: If neither is given, or an empty mapping.
        """
        ...

    def account(self, name: str) -> "Store":
        """Return the part of this store that belongs to another account; the store itself is that of "default".

        Parts share their file or connections, and close together. Otherwise they share nothing: no record, key, task
        id, claim or window, and each lists, hears and prunes its own.

        Args:
            name: The account's name, at most 64 letters, digits, ".", "_" and "-".

        Raises:
            ConfigurationError: If the name is another.
        """
        ...

    async def aclose(self) -> None:
        """Finish what is under way and close the file or the connections. Closing twice does nothing."""
        ...


# ---- for those who implement a store ---------------------------------------------------------------------------------


def check_account(name: str) -> str:
    """Return the name of an account if it can be one. ConfigurationError."""
    if not isinstance(name, str) or not _ACCOUNT.fullmatch(name):
        raise ConfigurationError(
            f"account must have 1 to 64 letters, digits, dots, underscores or hyphens, got {name!r:.100}"
        )
    return name


_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{1,64}")


def take_place(taken: dict[str, float], place: str, rate: Rate, now: float) -> float:
    """Take a place in a window, of which it is known when each place was taken, if that is possible.

    Returns:
        0.0 if it is taken now; otherwise seconds, at least `SHORTEST`, until one may be free.
    """
    if len(taken) >= rate.calls and place not in taken:
        return max(sorted(taken.values())[len(taken) - rate.calls] + rate.seconds - now, SHORTEST)
    taken[place] = now
    return 0.0


def check_erase(ref: str, context: Any) -> None:
    """Refuse to erase nothing in particular. ConfigurationError."""
    if not ref and (context is None or context == {}):
        raise ConfigurationError("erase needs the ref of a record, or a context that is not empty")


def concerns(context: Any, wanted: Any) -> bool:
    """Return whether a context is the one that is wanted, or has all its items."""
    if isinstance(context, Mapping) and isinstance(wanted, Mapping):
        items = cast("Mapping[object, object]", context)
        return all(
            name in items and items[name] == value for name, value in cast("Mapping[object, object]", wanted).items()
        )
    return bool(context == wanted)


_forks = itertools.count(1)
_process = [0]
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    # A process id alone may come again: a grandchild's may be that of its grandparent, which is gone.
    os.register_at_fork(after_in_child=lambda: _process.__setitem__(0, next(_forks)))


class PerProcess(Generic[T]):
    """A value that is made when it is first used in a process, and made anew in a forked child.

    What the parent made stays referenced, so that the child never finalizes it: closing a connection would close the
    parent's.
    """

    # State, all of it: the values by process.

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[tuple[int, int], T] = {}

    def get(self) -> T:
        """Return the value of this process; threads that race for it get the same one."""
        process = os.getpid(), _process[0]
        found = self._values.get(process)
        return self._values.setdefault(process, self._make()) if found is None else found

    def made(self) -> list[T]:
        """Return the value of this process if there is one."""
        found = self._values.get((os.getpid(), _process[0]))
        return [] if found is None else [found]

    def inherited(self) -> list[T]:
        """Return the values that the processes made which this one descends from."""
        process = os.getpid(), _process[0]
        return [value for made, value in list(self._values.items()) if made != process]
