"""A server that costs as little as it can: a page that is not final until its LAST poll, and a task id for each submit.

Run as its own process.
"""

import asyncio
import sys
from collections import Counter
from itertools import count

from .bodies import GOING, PAGE

LAST = 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
FINAL, ANSWER = (HEAD % (len(page), page) for page in (PAGE, GOING))
ACCEPTED = b'{"code":200,"msg":"success","data":{"taskId":"%032x"}}'
LENGTH = b"content-length:"
polls: Counter[bytes] = Counter()
task_ids = count()


class Pages(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            if self.buffer.startswith(b"POST "):
                _, _, length = self.buffer[:end].lower().partition(LENGTH)
                whole = end + 4 + int(length.split(b"\r\n", 1)[0])
                if len(self.buffer) < whole:
                    return
                self.buffer = self.buffer[whole:]
                page = ACCEPTED % next(task_ids)
                self.transport.write(HEAD % (len(page), page))
                continue
            task_id = self.buffer.split(b" ", 2)[1].rpartition(b"=")[2]
            polls[task_id] += 1
            self.buffer = self.buffer[end + 4 :]
            self.transport.write(ANSWER if polls[task_id] < LAST else FINAL)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Pages, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
