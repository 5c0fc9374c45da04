"""The body of an answer."""

from aiohttp import StreamReader

from ..errors import ResponseLost

__all__ = ["LONGEST_ANSWER", "read"]

LONGEST_ANSWER = 16 << 20
"""Bytes of an answer of the API, after decompression; the largest documented ones have some thousand."""


async def read(content: StreamReader, url: str) -> bytes:
    """Return a whole body. ResponseLost if it is longer than any should be.

    Args:
        content: The body as it arrives.
        url: Its address, for the error.
    """
    parts, size = list[bytes](), 0
    while True:
        part = await content.readany()
        size += len(part)
        if size > LONGEST_ANSWER:
            raise ResponseLost(f"{url}: the answer has more than {LONGEST_ANSWER} bytes")
        parts.append(part)
        if content.at_eof():
            return b"".join(parts)
