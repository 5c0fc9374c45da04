"""What the client needs of the network, as a protocol; nothing of aiohttp is loaded for it."""

from collections.abc import AsyncIterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, runtime_checkable

from ..wire.envelope import Reply

if TYPE_CHECKING:
    from aiohttp import ClientTimeout

__all__ = ["Adjustable", "Download", "Form", "Transport"]


class Form(NamedTuple):
    """A multipart body that streams: some fields and one file."""

    fields: Mapping[str, str]
    name: str
    """The file's field."""
    file_name: str
    content_type: str
    size: int | None
    """Bytes of the file, if they are known beforehand."""
    chunks: AsyncIterable[bytes]


class Download(NamedTuple):
    """The answer to a download, before its bytes are read."""

    status: int
    headers: Mapping[str, str]
    """By any spelling of their names."""
    chunks: AsyncIterable[bytes]
    """The body as it arrives."""


class Transport(Protocol):
    """What the client needs of the network: a small door for everything that the options of aiohttp do not offer.

    `SunoClient(transport=…)` takes your own, which replaces session, proxy, ssl, timeout, headers and the rest. It is
    given the whole addresses, adds the key as `Authorization: Bearer …`, sends each request once and repeats nothing,
    and raises no other errors than the two named here. It is closed with the client.
    """

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        """Send one request to the API, with the key.

        Args:
            method: GET or POST.
            url: The whole address.
            body: JSON, or nothing.
            fresh: Use a connection that was not used before, since the request must not be sent twice and a used
                connection may have been closed by the other side.

        Raises:
            ConnectError: No connection was made, so nothing left. It is sent again, a few times, unless it is
                `permanent`.
            ResponseLost: The request may have arrived, and no whole answer came.
        """
        ...

    async def upload(self, url: str, form: Form) -> Reply:
        """Send one file to the upload host, with the key. Raises what `send` and `form.chunks` raise."""
        ...

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AbstractAsyncContextManager[Download]:
        """Download from anywhere, without the key. What fails inside is raised as the same two errors.

        Args:
            url: The address, which is sent byte for byte.
            start: The first byte that is wanted. If it is not 0, the answer may be 206 with the rest, or the whole.
            validator: The ETag or Last-Modified of what is on hand: if the file has changed, the whole is wanted
                (If-Range). Empty: none is known.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class Adjustable(Transport, Protocol):
    """A transport whose limits of time can be others for single requests; ours is one."""

    def within(self, timeout: "float | ClientTimeout") -> Self:
        """Return the same transport for requests with other limits of time."""
        ...
