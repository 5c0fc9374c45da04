"""`Task.resolved`: a task that has ended, for unit tests of users."""

import asyncio
from typing import Any

import pytest

from suno_async import (
    Call,
    ConfigurationError,
    GenerateLyrics,
    GenerateMusic,
    Job,
    Lyrics,
    Music,
    SeparateStems,
    Stage,
    Stems,
    Task,
    Track,
)
from suno_async.api.requests import TABLE

from ...cases import every

SONG = Music(tracks=(Track(id="t", audio_url="https://media.example/t.mp3"),))


async def test_it_gives_its_result_in_every_way() -> None:
    task = Task.resolved(SONG)
    assert await task is await task.get() is task.result() is SONG
    assert (await task.wait(Stage.FIRST)).result is SONG
    assert [update.stage async for update in task] == [Stage.COMPLETE]
    assert task.done()
    assert task.exception() is None
    called: list[Task[Any]] = []
    task.add_done_callback(called.append)
    await asyncio.sleep(0)
    assert called == [task]
    assert (await asyncio.wait([task]))[0] == {task}  # type: ignore[type-var]  # pyright: ignore


def test_it_needs_no_event_loop_and_knows_who_it_is() -> None:
    task = Task.resolved(Lyrics(task_id="5c79"), context={"chat": 7})
    assert (task.id, task.kind, task.context) == ("5c79", GenerateLyrics, {"chat": 7})
    assert Task.resolved(SONG).kind is GenerateMusic
    assert Task.resolved(SONG).id == "resolved"
    assert Task.resolved(Stems(), task_id="other").kind is SeparateStems


@every("kind", [kind for kind in TABLE if issubclass(kind, Job) and not issubclass(kind, Call)])
def test_every_result_of_a_job_has_a_kind(kind: type[Job[Any]]) -> None:
    assert Task.resolved(kind.result()).kind.result is kind.result


def test_other_values_need_a_kind() -> None:
    with pytest.raises(ConfigurationError, match="give kind="):
        Task.resolved("la")
