"""Who leaves a paid task learns its id: in the log, and in the error that he gets."""

import asyncio
import logging

import anyio
import pytest

from suno_async import ConfigurationError, GenerateMusic, Pace, Stage, SunoClient, TaskTimeout, Update

from ..clients import client
from ..doubles import PENDING, Script


def notes_of(error: BaseException | None) -> str:
    """The notes of an error and of those that led to it."""
    found = ""
    while error is not None:
        found += " ".join(getattr(error, "__notes__", ()))
        error = error.__cause__ or error.__context__
    return found


async def test_run_that_is_cancelled_names_the_task(caplog: pytest.LogCaptureFixture) -> None:
    async with client(Script(PENDING)) as suno:
        running = asyncio.create_task(suno.run(GenerateMusic(prompt="rain")))
        await anyio.sleep(5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await running
    assert ("WARNING", "GenerateMusic, task t1") in [
        (one.levelname, one.getMessage()[-22:]) for one in caplog.records if one.levelno >= logging.WARNING
    ]
    assert "client.attach(GenerateMusic, 't1')" in notes_of(caught.value)


async def test_run_in_a_scope_that_ends_names_the_task(caplog: pytest.LogCaptureFixture) -> None:
    async with client(Script(PENDING)) as suno:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(5):
                await suno.run(GenerateMusic(prompt="rain"))
        assert "task t1 goes on at the service" in notes_of(caught.value)
        with pytest.raises(TimeoutError), anyio.fail_after(5):
            await suno.run(GenerateMusic(prompt="rain"))
    assert caplog.text.count("run was left before its task ended") == 2


async def test_run_whose_patience_ends_names_the_task() -> None:
    async with client(Script(PENDING), pace=Pace(patience=30)) as suno:
        with pytest.raises(TaskTimeout) as caught:
            await suno.run(GenerateMusic(prompt="rain"))
    assert "client.attach(GenerateMusic, 't1')" in notes_of(caught.value)


async def test_an_update_from_another_thread_is_refused_before_it_has_an_effect() -> None:
    async with client(Script(PENDING)) as suno:
        task = await suno.generate_music(prompt="rain")
        update = Update[object](task_id="t1", stage=Stage.TEXT)
        with pytest.raises(ConfigurationError, match="call_soon_threadsafe"):
            await asyncio.to_thread(task.feed, update)  # type: ignore[arg-type]
        assert task.stage is Stage.PENDING


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api_key": "Bearer abc"}, "without the word Bearer"),
        ({"api_key": "'abc'"}, "without quotes"),
        ({"api_key": "\u201cabc\u201d"}, "without quotes"),
        ({"base_url": "https://me:secret@api.example"}, "must not hold a user name or password"),
        ({"base_url": "https://api.example/?x=1"}, "no parameters"),
        ({"callback_url": "https://me:secret@bot.example/suno"}, "must not hold a user name or password"),
        ({"pace": 10}, "pace must be a Pace"),
        ({"pace": Pace(first=float("nan"))}, "pace.first must be a number of at least 0"),
        ({"pace": Pace(cap=-1)}, "pace.cap must be"),
        ({"pace": Pace(growth=0.5)}, "pace.growth must be a number of at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_showing_it(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        SunoClient(**{"api_key": "k", **options})  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "base", [" https://api.example ", "https://api.example/api/v1", "https://api.example/api/v1/\n"]
)
async def test_what_is_certainly_meant_is_mended(base: str) -> None:
    network = Script()
    async with SunoClient(
        api_key="  k\n", base_url=base, callback_url=" https://bot.example/suno\n", transport=network
    ) as suno:
        await suno.generate_music(prompt="rain")
        assert suno.callback_url == "https://bot.example/suno"
    assert network.sent[0][2] == "https://api.example/api/v1/generate"


async def test_a_pace_that_is_none_is_refused_before_anything_is_paid() -> None:
    network = Script()
    async with client(network) as suno:
        for wrong in (5, "fast", Pace(first=-1), Pace(patience=float("nan"))):
            with pytest.raises(ConfigurationError):
                await suno.submit(GenerateMusic(prompt="rain"), pace=wrong)  # type: ignore[arg-type]
        for text in ("rain", GenerateMusic, None):
            with pytest.raises(ValueError, match="must be a Job"):
                await suno.run(text)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="kind must be the class of a job"):
            suno.attach("GenerateMusic", "t1")  # type: ignore[arg-type]
        task = await suno.generate_music(prompt="rain")
        with pytest.raises(ConfigurationError, match="await it first"):
            await suno.download(task, "songs")  # type: ignore[arg-type]
    assert len(network.posted) == 1
