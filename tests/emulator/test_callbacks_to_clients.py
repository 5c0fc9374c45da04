"""Callbacks of tasks that a client submitted."""

from urllib.parse import urlsplit

import anyio
import pytest

from suno_async import (
    KIE,
    GenerateMusic,
    Source,
    Stage,
    SunoClient,
)
from suno_async.emulator import CallbackException, Emulator, Fail, Fault

from ..conftest import now
from .support import Recorder, calling, open_recorder, receiving_client

pytestmark = pytest.mark.usefixtures("threads")


async def test_callbacks_are_posted_stage_by_stage(emulator: Emulator, recorder: tuple[Recorder, str]) -> None:
    async with calling(emulator, recorder[1]) as suno:
        music = await suno.generate_music(prompt="rain")
        lyrics = await suno.generate_lyrics(prompt="rain")
        await anyio.sleep(300)
    posted = [body["data"] for body in recorder[0].bodies]
    assert [data["callbackType"] for data in posted if data.get("task_id") == music.id] == ["text", "first", "complete"]
    name = "task_id" if emulator.provider is KIE else "taskId"
    assert [data["callbackType"] for data in posted if data.get(name) == lyrics.id] == ["complete"]


async def test_a_callback_that_is_not_taken_is_posted_three_times_more(
    emulator: Emulator, recorder: tuple[Recorder, str]
) -> None:
    recorder[0].statuses = [500, 503, 404, 200]
    async with calling(emulator, recorder[1]) as suno:
        await suno.generate_lyrics(prompt="rain")
        await anyio.sleep(60)
    assert len(recorder[0].bodies) == 4


@pytest.mark.parametrize(("fault", "status"), [(None, "SUCCESS"), (CallbackException(), "CALLBACK_EXCEPTION")])
async def test_an_address_that_never_answers_is_a_callback_exception_on_request_only(
    emulator: Emulator, recorder: tuple[Recorder, str], fault: Fault | None, status: str
) -> None:
    recorder[0].statuses = [500] * 100
    async with calling(emulator, recorder[1]) as suno:
        emulator.script(None, [fault])
        task = await suno.generate_music(prompt="rain")
        assert len((await task).tracks) == 2
    assert task.last.status == status


async def test_other_machines_get_callbacks_only_if_they_are_permitted(
    recorder: tuple[Recorder, str], caplog: pytest.LogCaptureFixture
) -> None:
    port = urlsplit(recorder[1]).port
    addresses = [f"http://0.0.0.0:{port}/cb", f"http://localhost:{port}/cb", recorder[1]]
    for anywhere, posted in ((False, addresses[1:]), (True, addresses)):
        async with Emulator(seed=1, speed=60, callbacks_anywhere=anywhere) as emulator:
            for address in addresses:
                async with calling(emulator, address) as suno:
                    run = emulator.runs[(await suno.generate_lyrics(prompt="rain")).id]
                if not anywhere and address not in posted:
                    with pytest.raises(ValueError, match="callbacks_anywhere=True"):
                        await emulator.forge(run, Stage.COMPLETE)
            await anyio.sleep(1)
            assert sorted(one.url.partition("?")[0] for one in emulator.posted) == sorted(posted)
    warned = [record.getMessage() for record in caplog.records if "not on loopback" in record.getMessage()]
    assert [text.split()[5].rstrip(",") for text in warned] == ["0.0.0.0"]


async def test_the_default_callback_address_is_never_called(suno: SunoClient, emulator: Emulator) -> None:
    assert suno.callback_url == ""
    task = await suno.generate_music(prompt="rain")
    await task
    assert emulator.runs[task.id].asked.callback == "https://suno-async.invalid/callback"
    assert not emulator.posted


async def test_callbacks_end_a_wait_without_a_poll(emulator: Emulator) -> None:
    """From submit to result through a real receiver, faster than the pace of polls, once one has come."""
    async with receiving_client(emulator) as suno:
        await suno.run(GenerateMusic(prompt="rain"))
        emulator.log.clear()
        began = now()
        task = await suno.generate_music(prompt="rain")
        sources = {update.stage: update.source async for update in task}
        assert sources[Stage.COMPLETE] is Source.CALLBACK
        assert not [seen for seen in emulator.log if seen.path.endswith("record-info")]
        assert now() - began == pytest.approx(emulator.runs[task.id].marks[Stage.COMPLETE], abs=0.5)


async def posted_stages(emulator: Emulator, *faults: Fault) -> list[str]:
    """The stages that are posted of a song when the clock is moved past all of them at once."""
    async with open_recorder() as (recorder, url), calling(emulator, url) as suno:
        emulator.script(None, faults)
        await suno.generate_music(prompt="rain")
        emulator.advance(300)
        await anyio.sleep(30)
    return [body["data"]["callbackType"] for body in recorder.bodies]


async def test_a_step_over_all_stages_posts_each_of_them_once() -> None:
    async with Emulator() as emulator:
        assert await posted_stages(emulator) == ["text", "first", "complete"]


async def test_a_failure_is_posted_once() -> None:
    async with Emulator() as emulator:
        assert (await posted_stages(emulator, Fail())).count("error") == 1


async def test_an_emulator_whose_clock_stands_still_is_moved_by_hand() -> None:
    async with Emulator(speed=0) as emulator:
        assert await posted_stages(emulator) == ["text", "first", "complete"]
