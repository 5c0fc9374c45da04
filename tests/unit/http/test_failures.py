"""Which failures would end the same at another try."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from suno_async.http.failures import is_permanent

KEY: Any = ConnectionKey("api.example", 443, True, True, None, None, None)


def by_aiodns(code: int) -> OSError:
    """How aiohttp hands on what its other resolver says: without a number."""
    kind = type("DNSError", (Exception,), {"__module__": "aiodns.error"})
    error = OSError(None, "Domain name not found")
    error.__cause__ = kind(code, "Domain name not found")
    return error


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), False),
        (by_aiodns(4), True),
        (by_aiodns(11), False),
        (OSError(None, "DNS lookup failed"), False),
        (ConnectionRefusedError(111, "Connection refused"), False),
    ],
)
def test_names(error: OSError, permanent: bool) -> None:
    assert is_permanent(aiohttp.ClientConnectorDNSError(KEY, error)) is permanent


def test_certificates() -> None:
    assert is_permanent(aiohttp.ClientConnectorCertificateError(KEY, Exception("self-signed")))
    assert is_permanent(aiohttp.ServerFingerprintMismatch(b"a", b"b", "api.example", 443))
    assert not is_permanent(aiohttp.ClientConnectorSSLError(KEY, OSError(1, "handshake")))


@pytest.mark.parametrize(("status", "permanent"), [(407, True), (502, False), (403, False)])
def test_answers_of_proxies(status: int, permanent: bool) -> None:
    info: Any = None
    assert is_permanent(aiohttp.ClientHttpProxyError(info, (), status=status)) is permanent


def test_other_failures_pass() -> None:
    assert not any(map(is_permanent, (TimeoutError(), aiohttp.ServerDisconnectedError(), ValueError())))
