"""The load on a receiver: raw HTTP requests from a process of its own, as fast as they are answered or at a rate.

    python -m benchmarks.load PORT FILE RATE

FILE holds the requests (msgpack). It prints a line when it is connected, begins at a line on its input, and prints the
seconds that all took and the latency of 99 of 100 in ms. A request that finds no free connection waits; that counts.
"""

import asyncio
import statistics
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import uvloop

CONNECTIONS = 32


class Connection(asyncio.Protocol):
    """Sends a request after the other."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._answer = b""
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # that of uvloop is of no class of asyncio

    def send(self, request: bytes, since: float) -> None:
        self.since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            if not head.startswith(b"HTTP/1.1 200"):
                self._load.failed(self._answer)
            self._answer = b""
            self._load.answered(self)


class Load:
    """Hands requests to connections that are free."""

    # State, all of it: _requests (left), _waiting (due, with when they became so), _free, latencies, done.

    def __init__(self, requests: list[bytes]) -> None:
        self._requests: Iterator[bytes] = iter(requests)
        self._count = len(requests)
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._free: list[Connection] = []
        self.latencies: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
            self._free.append(connection)

    async def run(self, rate: float) -> None:
        """Send all and wait for the answers. Rate: requests a second, 0 for as fast as they are answered."""
        began, sent = time.perf_counter(), 0
        while rate and sent < self._count:
            due = min(self._count, int((time.perf_counter() - began) * rate) + 1)
            self._take(due - sent)
            sent = due
            await asyncio.sleep(0.001)
        if not rate:
            self._take(self._count)
        await self.done

    def _take(self, count: int) -> None:
        now = time.perf_counter()
        for request in islice(self._requests, count):
            self._waiting.append((request, now))
        while self._waiting and self._free:
            self._free.pop().send(*self._waiting.popleft())

    def answered(self, connection: Connection) -> None:
        now = time.perf_counter()
        self.latencies.append(now - connection.since)
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._free.append(connection)
        if len(self.latencies) == self._count and not self.done.done():
            self.done.set_result(None)

    def failed(self, answer: bytes) -> None:
        if not self.done.done():
            self.done.set_exception(SystemExit(answer.decode()))


async def main(port: int, requests: list[bytes], rate: float) -> None:
    load = Load(requests)
    await load.connect(port)
    print("connected", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    await load.run(rate)
    print(time.perf_counter() - began, statistics.quantiles(load.latencies, n=100)[98] * 1e3, flush=True)


if __name__ == "__main__":
    read = msgspec.msgpack.decode(Path(sys.argv[2]).read_bytes(), type=list[bytes])
    uvloop.run(main(int(sys.argv[1]), read, float(sys.argv[3])))
