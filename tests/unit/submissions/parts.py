"""The parts around the class under test: a store that a test can take away, and the network by script."""

from typing import Any, NamedTuple

from suno_async.api.providers import KIE, Provider
from suno_async.api.updates import Update
from suno_async.http.api_client import ApiClient
from suno_async.http.rate_limit import RateLimit
from suno_async.stores.base import Store
from suno_async.submissions.coordination import Alone
from suno_async.submissions.journal import Journal, JournalSettings
from suno_async.submissions.write_behind import WriteBehind
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import Holder, Task

from ...conftest import now
from ...doubles import Script


class Addresses(NamedTuple):
    """Where the gateway is."""

    provider: Provider = KIE
    base: str = "https://api.example"
    upload_base: str = "https://files.example"


class NoInterests:
    """Nobody polls."""

    def retain(self, task: Task[Any], holder: Holder) -> None: ...

    def release(self, task: Task[Any], holder: Holder) -> None: ...

    def note_completed(self, task: Task[Any], since: float) -> None: ...

    def timing(self, task: Task[Any], since: float) -> None: ...

    def check_thread(self) -> None: ...

    def fed(self, task: Task[Any], update: Update[Any]) -> None: ...

    def whole(self, task: Task[Any], update: Update[Any]) -> Update[Any]:
        raise AssertionError(update)


def api(script: Script, *, provider: Provider = KIE) -> ApiClient:
    return ApiClient(script, RateLimit(provider.submits), Addresses(provider))


def registry() -> TaskRegistry:
    return TaskRegistry(NoInterests(), KIE)


def journal(store: Store, peers: Alone | None = None, *, callbacks: bool = False) -> Journal:
    settings = JournalSettings(KIE, callbacks, now)
    return Journal(store, WriteBehind(store), peers or Alone(store, "me"), settings)
