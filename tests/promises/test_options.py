"""`with_options`: what `submit` can be told, for every method, for nothing."""

import asyncio
from pathlib import Path
from typing import Any, NoReturn

import pytest

from suno_async import (
    BoostStyle,
    ConfigurationError,
    ConnectError,
    DownloadFailed,
    GenerateMusic,
    InvalidJob,
    Job,
    Pace,
    ServerError,
    Stage,
    SunoClient,
    TaskTimeout,
    Wav,
)
from suno_async.methods import submits

from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, PENDING, RawServer, Script, envelope, http, reply

SLOW = Pace(first=50, growth=1, cap=50, patience=300)
ACCEPTED = http(envelope({"taskId": "t1"}))


async def test_a_named_method_has_all_that_submit_has() -> None:
    network = Script(PENDING, DONE)
    async with client(network) as suno:
        view = suno.with_options(key="order-42", context={"chat": 7}, pace=SLOW)
        task = await view.generate_music(prompt="rain")
        assert task.context == {"chat": 7}
        assert (await task).tracks
        assert network.polled_at == [50, 100]
        assert await suno.submit(GenerateMusic(prompt="rain"), key="order-42") is task
        assert len(network.posted) == 1


async def test_it_shares_everything_with_its_client_and_needs_no_event_loop() -> None:
    suno = client(Script(DONE))
    view = await asyncio.to_thread(suno.with_options, context="mine")
    assert type(view) is SunoClient
    assert (view.store, view.provider, view.model) == (suno.store, suno.provider, suno.model)
    task = await view.generate_music(prompt="rain")
    assert suno.attach(GenerateMusic, task.id) is task
    await view.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.generate_music(prompt="rain")


async def test_the_client_itself_is_as_it_was() -> None:
    async with client(Script()) as suno:
        suno.with_options(context="theirs")
        assert (await suno.generate_music(prompt="rain")).context is None


async def test_arguments_come_first_then_options_then_earlier_options() -> None:
    async with client(Script()) as suno:
        view = suno.with_options(context="one", key="k-1").with_options(context="two")
        assert (await view.generate_music(prompt="rain")).context == "two"
        task = await view.submit(GenerateMusic(prompt="snow"), context="three", key="k-2")
        assert task.context == "three"
        assert await suno.submit(GenerateMusic(prompt="rain"), key="k-1") is not task


async def test_run_has_the_pace_too() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        await suno.with_options(pace=SLOW).run(GenerateMusic(prompt="rain"))
    assert network.polled_at == [50]


async def test_a_class_of_ones_own_keeps_its_methods() -> None:
    class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
        path = "/api/v1/flac/generate"
        details = "/api/v1/flac/record-info"
        result = Wav
        statuses = {"SUCCESS": Stage.COMPLETE}
        audio_id: str

    class MyClient(SunoClient):
        convert_to_flac = submits(ConvertToFlac)

    async with MyClient(api_key="k", transport=Script()) as suno:
        assert (await suno.with_options(context=1).convert_to_flac(audio_id="a")).context == 1


# ---- keys ------------------------------------------------------------------------------------------------------------


async def test_a_key_that_is_used_twice_gives_the_same_task_or_names_the_other_job() -> None:
    network = Script()
    async with client(network) as suno:
        view = suno.with_options(key="order-42")
        task = await view.generate_music(prompt="rain")
        assert await view.generate_music(prompt="rain") is task
        with pytest.raises(InvalidJob, match="belongs to another job"):
            await view.generate_music(prompt="snow")
        with pytest.raises(InvalidJob, match="belongs to another job"):
            await view.generate_lyrics(prompt="rain")
        assert len(network.posted) == 1


async def test_map_wants_a_function_for_keys_and_takes_the_rest() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        view = suno.with_options(key="order-42", context="batch", pace=SLOW)
        with pytest.raises(ConfigurationError, match="key of one job"):
            view.map(jobs(3))
        assert network.sent == []
        contexts = [outcome.task and outcome.task.context async for outcome in view.map(jobs(3), key=str)]
        assert contexts == ["batch"] * 3
        assert set(network.polled_at) == {50}


async def test_a_key_is_refused_where_it_would_not_keep_from_paying_twice() -> None:
    """And is of no matter where nothing is paid."""
    network = Script(reply(7), submits=[reply({"downloadUrl": "https://e.example/a.mp3"})])
    async with client(network) as suno:
        view = suno.with_options(key="order-42")
        with pytest.raises(InvalidJob, match="may be charged again"):
            await view.boost_style(content="pop")
        with pytest.raises(InvalidJob, match="may be charged again"):
            await suno.run(BoostStyle(content="pop"), key="order-42")
        assert network.sent == []
        assert await view.get_credits() == 7
        assert await view.upload(b"a song") == "https://e.example/a.mp3"


async def test_what_a_download_asks_for_has_none_of_them(tmp_path: Path) -> None:
    """A recovery is another job, and would be refused for the key of the first."""
    network = Script(DONE)

    def gone(url: str) -> NoReturn:
        raise ConnectError("gone", permanent=True)

    network.refuse = gone  # type: ignore[method-assign]  # pyright: ignore[reportAttributeAccessIssue]
    async with client(network, provider="kie-legacy") as suno:
        view = suno.with_options(key="order-42", context={"chat": 7})
        music = await (await view.generate_music(prompt="rain"))
        with pytest.raises(DownloadFailed):
            await view.download(music, tmp_path, only="audio", recover=True)
    posted = [url.partition("/api/v1/")[2] for _, method, url, _ in network.sent if method == "POST"]
    assert (posted.count("generate"), posted.count("suno/recovery")) == (1, 1)
    assert "common/download-url" in posted


# ---- the network -----------------------------------------------------------------------------------------------------


async def test_max_retries_is_how_often_a_submit_is_repeated() -> None:
    network = Script(submits=[ConnectError("refused")] * 20)
    async with client(network) as suno:
        for retries in (0, 2):
            network.sent.clear()
            with pytest.raises(ConnectError):
                await suno.with_options(max_retries=retries).generate_music(prompt="rain")
            assert len(network.sent) == retries + 1


async def test_max_retries_is_how_often_a_call_and_an_upload_are_repeated() -> None:
    network = Script(reply(None, code=500), submits=[ConnectError("refused")] * 20)
    async with client(network) as suno:
        view = suno.with_options(max_retries=1)
        with pytest.raises(ServerError):
            await view.get_credits()
        assert len(network.sent) == 2
        network.sent.clear()
        with pytest.raises(ConnectError):
            await view.upload(b"a song")
        assert len(network.sent) == 2


async def test_timeout_is_how_long_one_attempt_may_take() -> None:
    """That of a client that never gets an answer."""
    async with RawServer(None) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        began = now()
        with pytest.raises(Exception, match="answer was lost"):
            await suno.with_options(timeout=5).generate_music(prompt="rain")
        assert 5 <= now() - began < 6


async def test_polls_keep_the_limits_of_the_client() -> None:
    async with RawServer(ACCEPTED, None) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        view = suno.with_options(timeout=1, max_retries=0, pace=Pace(first=2, growth=1, cap=2, patience=12))
        task = await view.generate_music(prompt="rain")
        began = now()
        with pytest.raises(TaskTimeout):
            await task
        assert now() - began >= 12


BAD: list[dict[str, Any]] = [
    {"timeout": 0},
    {"timeout": -1},
    {"timeout": True},
    {"timeout": float("nan")},
    {"timeout": "5"},
    {"max_retries": -1},
    {"max_retries": 1.5},
    {"max_retries": True},
    {"pace": 5},
    {"priority": 101},
    {"priority": True},
    {"on_queued": "me"},
]


@pytest.mark.parametrize("options", BAD, ids=str)
def test_what_cannot_be_used_is_refused_at_once(options: dict[str, Any]) -> None:
    [name] = options
    with pytest.raises(ConfigurationError, match=name):
        SunoClient(api_key="k").with_options(**options)
