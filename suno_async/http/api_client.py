"""The API of one gateway: requests encoded, sent once and read. Nothing is repeated here."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

from ..api.providers import Provider
from ..api.requests import Call, Request
from ..api.updates import Provisional, Stage, Update
from ..errors import ConfigurationError, ConnectError
from ..wire import details, encoding, envelope
from ..wire.envelope import Reply
from ..wire.unchanged import unchanged
from .base import Adjustable, Form, Transport
from .rate_limit import Place, RateLimit
from .request_events import About, RequestEvents

if TYPE_CHECKING:
    from aiohttp import ClientTimeout

__all__ = ["Addresses", "ApiClient"]

R = TypeVar("R")


class Polled(Protocol):
    """What a poll needs to know of a task."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> type[Request[Any]]: ...
    @property
    def model(self) -> str: ...
    @property
    def api(self) -> str: ...
    @property
    def ref(self) -> str: ...
    @property
    def stage(self) -> Stage: ...

    def found_at(self, api: str) -> None: ...


class Addresses(Protocol):
    """Where a gateway is reached; the settings."""

    @property
    def provider(self) -> Provider: ...
    @property
    def base(self) -> str: ...
    @property
    def upload_base(self) -> str: ...


class ApiClient:
    """Sends single requests to a gateway and reads the answers.

    Raises what the transport raises (ConnectError, ResponseLost), and ApiError or DecodeError for what was answered.
    """

    # State: none of its own.

    def __init__(
        self, transport: Transport, window: RateLimit, addresses: Addresses, events: RequestEvents | None = None
    ) -> None:
        self.transport = transport
        self.window = window
        self._events = events or RequestEvents()
        self._provider = addresses.provider
        self._base = addresses.base
        self._upload_base = addresses.upload_base

    async def submit(
        self,
        kind: type[Request[R]],
        body: bytes,
        place: Place,
        api: Provider | None = None,
        *,
        ref: str = "",
        attempt: int = 1,
        within: "float | ClientTimeout | None" = None,
    ) -> str | Update[R]:
        """Send a request that creates a task, in a place of the rate window; return the task id.

        A call that the jobs API answers at once gives its result instead. `api` is the gateway by the API that the
        body is made for (default: the gateway's own), `within` the seconds it may take (default: the
        transport's), and `ref` the submission and `attempt` the number of this try, for those who hear of it.
        """
        api = api or self._provider
        transport = self._transport(within)
        self.window.leaves(place)
        try:
            url = self._base + api.path(kind)
            sending = transport.send("POST", url, body, fresh=True)
            about = About(kind.__name__, "POST", url, api.name, attempt, ref=ref)
            reply = await self._events.heard(sending, about)
        except ConnectError:  # nothing left
            await self.window.give_back_shared(place)
            raise
        except BaseException:
            self.window.answered(place)
            raise
        self.window.answered(place)
        return envelope.accepted(reply, api, kind)

    async def call(
        self,
        call: Call[R],
        form: Form | None = None,
        *,
        attempt: int = 1,
        within: "float | ClientTimeout | None" = None,
    ) -> R:
        """Send a request that is answered at once; `form` is its body if that is a file, the others as in `submit`."""
        kind, transport = type(call), self._transport(within)
        url = self._address(call) + self._provider.path(kind)
        if form is not None:
            sending, method = transport.upload(url, form), "POST"
        else:
            body = encoding.encode(call, self._provider) if call.method == "POST" else b""
            fresh = call.uploads or not call.repeatable
            sending, method = transport.send(call.method, url, body, fresh=fresh), call.method
        about = About(kind.__name__, method, url, self._provider.name, attempt)
        reply = await self._events.heard(sending, about)
        return envelope.result(reply, kind, self._provider)

    def details(self, task: Polled, attempt: int = 1) -> Awaitable[Update[Any]]:
        """Poll once: what the details page says of a task. `attempt` is 1 unless the poll before has failed."""
        known = self._provider.api_named(task.api) if task.api else None
        return self._search(task, attempt) if known is None else self._details(task, known, attempt)

    async def _search(self, task: Polled, attempt: int) -> Update[Any]:
        """Poll a task that was attached by its bare id: nobody knows by which API it was made.

        If the page of one does not know it, the other is asked.
        """
        apis = self._provider.apis
        said: Update[Any] | None = None
        for api in apis if task.kind.operation else apis[:1]:
            update = await self._details(task, api, attempt)
            if update.provisional is not Provisional.MISSING:
                task.found_at(api.name)
                return update
            said = said or update
        assert said is not None
        return said

    async def _details(self, task: Polled, api: Provider, attempt: int) -> Update[Any]:
        kind, task_id = task.kind, task.id
        quoted = task_id if task_id.isalnum() and task_id.isascii() else quote(task_id, safe="")
        url = f"{self._base}{api.details(kind)}?{api.query(kind)}={quoted}"
        sending: Awaitable[Reply] = self.transport.send("GET", url)
        if self._events.wanted:
            about = About(kind.__name__, "GET", url, api.name, attempt, task_id, task.ref)
            sending = self._events.heard(sending, about)
        reply = await sending
        known = unchanged(reply, kind, task_id, task.stage, by_jobs_api=api.uses_jobs_api(kind))
        return known or details.update(reply, kind, api, task_id, task.model)

    def _transport(self, within: "float | ClientTimeout | None") -> Transport:
        """The transport with its own limits of time or others; one that was given has its own only."""
        if within is None or not isinstance(self.transport, Adjustable):
            return self.transport
        return self.transport.within(within)

    def check_uploads(self) -> None:
        """Raise a ConfigurationError if no upload host of this gateway is known."""
        if not self._upload_base:
            raise ConfigurationError(
                f"no upload host of {self._provider.name} is known: give a public address of the file, or a Provider "
                "with uploads="
            )

    def _address(self, call: Call[Any]) -> str:
        if not call.uploads:
            return self._base
        self.check_uploads()
        return self._upload_base
