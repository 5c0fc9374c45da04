"""For the time of a test: no client sends anything to another machine."""

from urllib.parse import urlsplit

import pytest

from ..emulator.loopback import is_loopback
from ..errors import ConfigurationError, ConnectError
from ..http.base import Form
from ..http.transport import HTTP
from ..wire.envelope import Reply

__all__ = ["only_loopback"]


class _Elsewhere(ConfigurationError, ConnectError):
    """A request to another machine, of which nothing left: so it is neither repeated nor uncertain."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"nothing is sent to {host} in a test that uses suno_emulator: this client was made before the test began, "
            "as at module level, or with an address of its own. Hand suno_client to your program, or let it make its "
            "client during the test (docs/testing.md)",
            permanent=True,
        )


def only_loopback(patch: pytest.MonkeyPatch) -> None:
    """Have requests to the API and uploads refused that would reach another machine. Downloads have no key."""
    send, upload = HTTP.send, HTTP.upload

    async def guarded_send(self: HTTP, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        _check(url)
        return await send(self, method, url, body, fresh=fresh)

    async def guarded_upload(self: HTTP, url: str, form: Form) -> Reply:
        _check(url)
        return await upload(self, url, form)

    patch.setattr(HTTP, "send", guarded_send)
    patch.setattr(HTTP, "upload", guarded_upload)


def _check(url: str) -> None:
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise _Elsewhere(host)
