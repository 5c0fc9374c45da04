"""Fresh links, from a registry whose interests are a script."""

import asyncio
from typing import Any

import anyio
import pytest

from suno_async import KIE, GenerateMusic, Music, Stage, StoreError, Style, Task, Track, Update
from suno_async.files.links import FreshLinks
from suno_async.tasks.registry import TaskRegistry
from suno_async.tasks.task import Holder


def music(number: int) -> Music:
    return Music(task_id="t1", tracks=(Track(id="a", title="La", audio_url=f"https://f.example/{number}.mp3"),))


class Interests:
    """Answers each interest at once: with a result that has another link each time, or with an error."""

    def __init__(self, error: StoreError | None = None) -> None:
        self.error = error
        self.retained: list[Task[Any]] = []
        self.held = 0

    def retain(self, task: Task[Any], holder: Holder) -> None:
        self.retained.append(task)
        self.held += 1
        soon = asyncio.get_running_loop().call_soon
        if self.error is not None:
            soon(holder.give_up, task, self.error)
        else:
            soon(task.feed, Update(task_id=task.id, stage=Stage.COMPLETE, result=music(len(self.retained))))

    def release(self, task: Task[Any], holder: Holder) -> None:
        self.held -= 1

    def note_completed(self, task: Task[Any], since: float) -> None:
        """Nobody learns."""

    def timing(self, task: Task[Any], since: float) -> None:
        """Nobody knows."""

    def check_thread(self) -> None:
        """Every thread is right."""

    def fed(self, task: Task[Any], update: Update[Any]) -> None:
        """Nobody is told."""

    def whole(self, task: Task[Any], update: Update[Any]) -> Update[Any]:
        raise AssertionError(update)


def links(result: Any, interests: Interests) -> FreshLinks:
    return FreshLinks(result, TaskRegistry(interests, KIE))


async def test_the_task_of_the_result_is_polled_once_more() -> None:
    interests = Interests()
    (file,) = await links(music(0), interests).get()
    assert file.url == "https://f.example/1.mp3"
    assert [(task.id, task.kind) for task in interests.retained] == [("t1", GenerateMusic)]
    assert interests.held == 0


async def test_a_part_of_a_result_finds_its_task() -> None:
    (file,) = await links(Track(id="a", task_id="t1"), Interests()).get()
    assert file.id == "a"


async def test_all_who_ask_within_a_second_share_a_poll() -> None:
    interests = Interests()
    fresh = links(music(0), interests)
    found: list[str] = []

    async def ask() -> None:
        found.extend(file.url for file in await fresh.get())

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)
    assert found == ["https://f.example/1.mp3"] * 5
    await anyio.sleep(1)
    assert [file.url for file in await fresh.get()] == ["https://f.example/2.mp3"]
    assert len(interests.retained) == 2


async def test_a_poll_that_fails_tells_no_links() -> None:
    interests = Interests(StoreError("away"))
    assert list(await links(music(0), interests).get()) == []


@pytest.mark.parametrize("result", [Style(text="x"), Music(), Track(id="a")], ids=["call", "no id", "part"])
async def test_what_no_task_shows_has_no_fresh_links(result: Any) -> None:
    interests = Interests()
    assert list(await links(result, interests).get()) == []
    assert interests.retained == []
