"""Proxies on loopback, HTTP and SOCKS5: they know names by a table, and note what they were asked."""

import asyncio
import struct
from collections.abc import Mapping

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """An HTTP proxy: forwards absolute addresses, and makes tunnels by CONNECT."""

    scheme = "http"

    def __init__(self, ports: Mapping[str, int], authorization: str = "") -> None:
        """Make one.

        Args:
            ports: Where each host is on this machine.
            authorization: The header Proxy-Authorization that it wants (default: none).
        """
        self.ports = ports
        self.authorization = authorization
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []

    async def __aenter__(self) -> "Proxy":
        self._serving: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self.url = f"{self.scheme}://{self.address}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._relay((reader, writer)))
        self._serving.add(task)

    async def _relay(self, client: Streams) -> None:
        server: Streams | None = None
        try:
            server = await self.begin(*client)
            if server is not None:
                await asyncio.gather(pump(client[0], server[1]), pump(server[0], client[1]))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for stream in (client, server) if server is not None else (client,):
                stream[1].close()

    async def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        """Read what a client wants; return the connection to where it wants to go."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        self.asked.append(f"{method} {target}")
        self.headers.append(headers)
        given = dict(line.split(": ", 1) for line in head[1:] if line)
        if self.authorization and given.get("Proxy-Authorization") != self.authorization:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        if method == "CONNECT":
            server = await self.open(target.partition(":")[0])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return server
        host, _, path = target.partition("://")[2].partition("/")
        server = await self.open(host.partition(":")[0])
        kept = [line for line in head[1:] if not line.lower().startswith("proxy-")]
        server[1].write("\r\n".join([f"{method} /{path} HTTP/1.1", *kept]).encode())
        return server

    async def open(self, host: str) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.ports[host])


class Socks(Proxy):
    """A SOCKS5 proxy without passwords (RFC 1928)."""

    scheme = "socks5"

    async def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Streams | None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        assert kind == 3, "whoever asks by address has looked up the name itself"
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        self.asked.append(f"{host}:{port}")
        known = host in self.ports
        writer.write(b"\x05" + (b"\x00" if known else b"\x04") + b"\x00\x01" + bytes(6))
        return await self.open(host) if known else None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
