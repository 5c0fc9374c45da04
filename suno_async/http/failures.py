"""Which failures of aiohttp say that nothing left, and which would end the same at another try."""

import socket

import aiohttp

__all__ = ["LOST", "NEVER_LEFT", "cause_of", "is_permanent"]

NEVER_LEFT = (
    *(aiohttp.ClientConnectorError, aiohttp.ServerFingerprintMismatch, aiohttp.ConnectionTimeoutError),
    *(aiohttp.InvalidURL, UnicodeError),
)
"""UnicodeError is what a host name that is none raises."""
LOST = (aiohttp.ClientError, TimeoutError)
UNTRUSTED = (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)
ARES_ENOTFOUND = 4
"""What the resolver of aiodns, which aiohttp uses where it is installed, says of an unknown name."""


def cause_of(error: BaseException) -> BaseException:
    """Return what may be chained of an error: those of aiohttp's connectors hold the proxy with its password, and so
    do the frames below.
    """
    cause: BaseException = error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error  # before aiohttp 3.12 it has no `os_error`, although its class says so
    elif isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    return cause.with_traceback(None)


def is_permanent(error: BaseException) -> bool:
    """Return whether another try would end the same: an untrusted certificate, an unknown name, no way past a proxy."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return error.status == 407
    if isinstance(error, aiohttp.ClientConnectorError):
        return isinstance(error, UNTRUSTED) or _is_unknown_name(error.os_error)
    return isinstance(error, UNTRUSTED)


def _is_unknown_name(error: OSError) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_NONAME  # and not EAI_AGAIN, where the name server could not tell
    cause = error.__cause__
    return cause is not None and type(cause).__module__ == "aiodns.error" and cause.args[:1] == (ARES_ENOTFOUND,)
