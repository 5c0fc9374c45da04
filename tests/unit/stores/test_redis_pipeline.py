"""Commands that leave together: each gets its own answer or error, and one caller's end concerns no other."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from suno_async import StoreError
from suno_async.stores.redis_pipeline import AT_ONCE, LONGEST, Pipelines, packed


def numbered(numbers: range) -> list[bytes]:
    """As many commands."""
    return [b"%d" % number for number in numbers]


class Server:
    """Echoes each command when it is let go on."""

    def __init__(self) -> None:
        self.sent: list[list[bytes]] = []
        self.errors: dict[bytes, Exception] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def send(self, commands: Sequence[bytes]) -> list[Any]:
        self.sent.append(list(commands))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [self.errors.get(command, command) for command in commands]


async def test_commands_of_one_turn_leave_together() -> None:
    server, before = Server(), asyncio.all_tasks()
    pipelines = Pipelines(server.send)
    commands = numbered(range(20))
    assert await asyncio.gather(*map(pipelines.ask, commands)) == commands
    assert server.sent == [commands]
    assert await pipelines.ask(b"later") == b"later"
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


async def test_while_pipelines_are_under_way_commands_wait_for_each_other() -> None:
    server = Server()
    server.open.clear()
    pipelines, asking = Pipelines(server.send), list[asyncio.Future[Any]]()
    commands = numbered(range(AT_ONCE + 5))
    for command in commands:
        asking.append(asyncio.ensure_future(pipelines.ask(command)))
        await asyncio.sleep(0.01)
    server.open.set()
    assert await asyncio.gather(*asking) == commands
    assert server.sent == [*([command] for command in commands[:AT_ONCE]), commands[AT_ONCE:]]


async def test_a_pipeline_is_not_too_long() -> None:
    server = Server()
    pipelines = Pipelines(server.send)
    await asyncio.gather(*map(pipelines.ask, numbered(range(LONGEST + 1))))
    assert [len(sent) for sent in server.sent] == [LONGEST, 1]


async def test_one_who_is_cancelled_takes_nobody_along() -> None:
    """Before it leaves, the command is not sent; afterwards the others get their answers."""
    server = Server()
    server.open.clear()
    pipelines = Pipelines(server.send)
    asking = [asyncio.ensure_future(pipelines.ask(command)) for command in numbered(range(3))]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0.01)
    asking[1].cancel()
    await asyncio.sleep(0.01)
    server.open.set()
    assert await asking[2] == b"2"
    assert server.sent == [[b"1", b"2"]]


async def test_each_gets_its_own_error() -> None:
    server = Server()
    pipelines, commands = Pipelines(server.send), numbered(range(2))
    one = server.errors[b"0"] = StoreError("this one")
    assert await asyncio.gather(*map(pipelines.ask, commands), return_exceptions=True) == [one, b"1"]
    server.error = StoreError("all")
    first, second = await asyncio.gather(*map(pipelines.ask, commands), return_exceptions=True)
    assert first is not second
    assert str(first) == str(second) == "all"


async def test_those_who_have_waited_while_a_whole_pipeline_failed_fail_with_it() -> None:
    """A server that hangs is given up after one timeout, however many commands wait; who asks later is sent."""
    server = Server()
    server.open.clear()
    pipelines = Pipelines(server.send)
    commands = numbered(range(LONGEST * (AT_ONCE + 3)))
    asking = [asyncio.ensure_future(pipelines.ask(command)) for command in commands]
    await asyncio.sleep(0.01)
    server.error = StoreError("no answer in time")
    later = asyncio.ensure_future(pipelines.ask(b"later"))
    await asyncio.sleep(0.01)
    server.open.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {str(one) for one in answers} == {"no answer in time"}
    with pytest.raises(StoreError):
        await later
    assert server.sent == [
        *(commands[LONGEST * number : LONGEST * (number + 1)] for number in range(AT_ONCE)),
        [b"later"],
    ]


def test_the_end_of_a_loop_is_the_end_of_all_who_wait() -> None:
    """Also of those who ask while everything is being cancelled, as a cleanup does; nothing is reported afterwards."""
    said: list[bytes] = []

    async def main() -> None:
        server = Server()
        server.open.clear()
        pipelines = Pipelines(server.send)

        async def ask(number: int) -> None:
            try:
                await pipelines.ask(b"%d" % number)
            except asyncio.CancelledError:
                server.open.set()
                said.append(await pipelines.ask(b"cleanup %d" % number))
                raise

        asking = [asyncio.create_task(ask(number)) for number in range(AT_ONCE + 2)]
        for _ in asking:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert sorted(said) == [b"cleanup %d" % number for number in range(AT_ONCE + 2)]


@pytest.mark.parametrize("kind", [StoreError, ValueError])
async def test_those_who_ask_after_an_error_are_served(kind: type[Exception]) -> None:
    server = Server()
    pipelines, server.error = Pipelines(server.send), kind("x")
    with pytest.raises(kind):
        await pipelines.ask(b"1")
    server.error = None
    assert await pipelines.ask(b"2") == b"2"


def test_a_command_is_packed_as_redis_reads_it() -> None:
    assert packed("SET", "ключ", b"\xff\r\n", 7, "") == (
        b"*5\r\n$3\r\nSET\r\n$8\r\n\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87\r\n$3\r\n\xff\r\n\r\n$1\r\n7\r\n$0\r\n\r\n"
    )
    with pytest.raises(StoreError, match="surrogates"):
        packed("SET", "\ud800", "x")
