"""Commands that leave together: each gets its own answer or error, and one caller's end concerns no other."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from suno_async import StoreError
from suno_async.stores.redis_pipeline import AT_ONCE, LONGEST, Command, Pipelines


class Server:
    """Echoes each command when it is let go on; what is an exception is its answer."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        words = [word for (word,) in commands]
        self.sent.append(words)
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return words


async def test_commands_of_one_turn_leave_together() -> None:
    server, before = Server(), asyncio.all_tasks()
    pipelines = Pipelines(server.send)
    assert await asyncio.gather(*(pipelines.ask((n,)) for n in range(20))) == list(range(20))
    assert server.sent == [list(range(20))]
    assert await pipelines.ask(("later",)) == "later"
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


async def test_while_pipelines_are_under_way_commands_wait_for_each_other() -> None:
    server = Server()
    server.open.clear()
    pipelines, asking = Pipelines(server.send), list[asyncio.Future[Any]]()
    for number in range(AT_ONCE + 5):
        asking.append(asyncio.ensure_future(pipelines.ask((number,))))
        await asyncio.sleep(0.01)
    server.open.set()
    assert await asyncio.gather(*asking) == list(range(AT_ONCE + 5))
    assert server.sent == [*([n] for n in range(AT_ONCE)), list(range(AT_ONCE, AT_ONCE + 5))]


async def test_a_pipeline_is_not_too_long() -> None:
    server = Server()
    pipelines = Pipelines(server.send)
    await asyncio.gather(*(pipelines.ask((n,)) for n in range(LONGEST + 1)))
    assert [len(sent) for sent in server.sent] == [LONGEST, 1]


async def test_one_who_is_cancelled_takes_nobody_along() -> None:
    """Before it leaves, the command is not sent; afterwards the others get their answers."""
    server = Server()
    server.open.clear()
    pipelines = Pipelines(server.send)
    asking = [asyncio.ensure_future(pipelines.ask((n,))) for n in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0.01)
    asking[1].cancel()
    await asyncio.sleep(0.01)
    server.open.set()
    assert await asking[2] == 2
    assert server.sent == [[1, 2]]


async def test_each_gets_its_own_error() -> None:
    server = Server()
    pipelines, one = Pipelines(server.send), StoreError("this one")
    answers = await asyncio.gather(*map(pipelines.ask, ((one,), (2,))), return_exceptions=True)
    assert answers == [one, 2]
    server.error = StoreError("all")
    first, second = await asyncio.gather(*(pipelines.ask((n,)) for n in range(2)), return_exceptions=True)
    assert first is not second
    assert str(first) == str(second) == "all"


async def test_those_who_have_waited_while_a_whole_pipeline_failed_fail_with_it() -> None:
    """A server that hangs is given up after one timeout, however many commands wait; who asks later is sent."""
    server = Server()
    server.open.clear()
    pipelines = Pipelines(server.send)
    asking = [asyncio.ensure_future(pipelines.ask((n,))) for n in range(LONGEST * (AT_ONCE + 3))]
    await asyncio.sleep(0.01)
    server.error = StoreError("no answer in time")
    later = asyncio.ensure_future(pipelines.ask(("later",)))
    await asyncio.sleep(0.01)
    server.open.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {str(one) for one in answers} == {"no answer in time"}
    with pytest.raises(StoreError):
        await later
    assert server.sent == [
        *(list(range(LONGEST * number, LONGEST * (number + 1))) for number in range(AT_ONCE)),
        ["later"],
    ]


def test_the_end_of_a_loop_is_the_end_of_all_who_wait() -> None:
    """Also of those who ask while everything is being cancelled, as a cleanup does; nothing is reported afterwards."""
    said: list[str] = []

    async def main() -> None:
        server = Server()
        server.open.clear()
        pipelines = Pipelines(server.send)

        async def ask(number: int) -> None:
            try:
                await pipelines.ask((number,))
            except asyncio.CancelledError:
                server.open.set()
                said.append(await pipelines.ask((f"cleanup {number}",)))
                raise

        asking = [asyncio.create_task(ask(number)) for number in range(AT_ONCE + 2)]
        for _ in asking:
            await asyncio.sleep(0)

    asyncio.run(main())
    assert sorted(said) == [f"cleanup {number}" for number in range(AT_ONCE + 2)]


@pytest.mark.parametrize("kind", [StoreError, ValueError])
async def test_those_who_ask_after_an_error_are_served(kind: type[Exception]) -> None:
    server = Server()
    pipelines, server.error = Pipelines(server.send), kind("x")
    with pytest.raises(kind):
        await pipelines.ask((1,))
    server.error = None
    assert await pipelines.ask((2,)) == 2
