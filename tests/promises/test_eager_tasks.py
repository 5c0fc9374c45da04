"""A loop whose tasks begin when they are made, as `asyncio.eager_task_factory` has it."""

import asyncio
import sys
from collections import Counter

import pytest

from suno_async import GenerateMusic, Stage, SunoClient
from suno_async.stores.base import Store
from suno_async.stores.memory import MemoryStore
from suno_async.submissions.options import Options
from suno_async.submissions.queueing import turn_of
from suno_async.submissions.write_behind import Write, WriteBehind

from ..doubles import DONE, PENDING, Script, page, track

SONGS = 30


pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has none")


@pytest.fixture
async def eager() -> None:
    factory = getattr(asyncio, "eager_task_factory")  # noqa: B009  types of 3.11
    asyncio.get_running_loop().set_task_factory(factory)


@pytest.mark.parametrize("store", [None, MemoryStore()], ids=["alone", "shared"])
async def test_songs_are_sent_once_and_awaited(eager: None, store: Store | None) -> None:
    script = Script(*[page("TEXT_SUCCESS", track(1))] * SONGS, DONE)
    heard = Counter[Stage]()
    async with SunoClient(api_key="k", transport=script, store=store) as suno:
        suno.receiver(on_update=lambda update, record: heard.update([update.stage]))
        jobs = (GenerateMusic(prompt=f"song {number}") for number in range(SONGS))
        assert [one.error async for one in suno.map(jobs)] == [None] * SONGS
    assert len(script.posted) == SONGS
    assert heard == {Stage.TEXT: SONGS, Stage.COMPLETE: SONGS}


async def test_polls_go_on_where_answers_are_there_at_once(eager: None) -> None:
    script = Script(*[PENDING] * 5 * SONGS, DONE)
    async with SunoClient(api_key="k", transport=script) as suno:
        tasks = [suno.attach(GenerateMusic, f"t{number}") for number in range(2 * SONGS)]
        async with asyncio.timeout(600):
            await asyncio.gather(*(task.get() for task in tasks))


async def test_what_is_done_at_once_can_begin_again(eager: None) -> None:
    heard = list[int]()

    async def on_queued(place: int) -> None:
        heard.append(place)

    observer = turn_of(Options(on_queued=on_queued), None).observer
    assert observer is not None
    writes = WriteBehind(MemoryStore())
    for place in (3, 2, 1):
        observer.moved(place)
        writes.later(Write("a removal", None, f"r{place}"))
    await asyncio.sleep(0)
    assert (heard, writes.pending) == ([3, 2, 1], 0)
