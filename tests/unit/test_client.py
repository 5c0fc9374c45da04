"""The public face: each endpoint, handles, addresses."""

import gc
from pathlib import Path

import anyio
import pytest

from suno_async import (
    SUNOAPI,
    ConfigurationError,
    GenerateLyrics,
    GenerateMusic,
    Job,
    Music,
    Pace,
    SunoClient,
    SunoError,
    TaskTimeout,
)

from ..clients import client
from ..conftest import now
from ..doubles import DONE, PENDING, Script, page, reply, track


async def test_a_song_from_prompt_to_result() -> None:
    network = Script(PENDING, DONE)
    async with client(network, model="V5") as suno:
        task = await suno.generate_music(prompt="rain")
        music = await task
    assert [one.id[-1] for one in music.tracks] == ["1", "2"]
    assert network.posted == [
        {
            "prompt": "rain",
            "model": "V5",
            "instrumental": False,
            "customMode": False,
            "callBackUrl": "https://suno-async.invalid/callback",
        }
    ]
    assert network.polled_at == [2, 6]
    assert network.sent[1][2] == "https://api.kie.ai/api/v1/generate/record-info?taskId=t1"
    assert network.closed


async def test_run_submits_and_awaits_jobs_and_calls() -> None:
    network = Script(reply({"taskId": "t1", "status": "SUCCESS", "response": {"data": [{"text": "la"}]}}))
    async with client(network) as suno:
        lyrics = await suno.run(GenerateLyrics(prompt="rain"))
        network.polls = [reply(12.5)]
        assert await suno.get_credits() == 12.5
    assert lyrics.variants[0].text == "la"


async def test_the_gateway_decides_hosts_and_paths() -> None:
    network = Script(reply(1.0))
    async with client(network, provider=SUNOAPI) as suno:
        await suno.get_credits()
    async with client(network, base_url="http://127.0.0.1:1/") as suno:
        await suno.get_credits()
    assert [url for _, _, url, _ in network.sent] == [
        "https://api.sunoapi.org/api/v1/generate/credit",
        "http://127.0.0.1:1/api/v1/chat/credit",
    ]


async def test_attach_rebuilds_a_handle_and_shares_a_living_one() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        task = suno.attach(GenerateMusic, "t9")
        assert suno.attach(GenerateMusic, "t9") is task
        assert (await task).task_id == "t9"
        submitted = await suno.generate_music(prompt="x")
        assert submitted.id == "t1"
        assert suno.attach(GenerateMusic, "t1") is submitted
        for bad in ("", " ", None):
            with pytest.raises(ConfigurationError, match="task_id"):
                suno.attach(GenerateMusic, bad)  # type: ignore[arg-type]


async def test_an_id_from_a_stranger_stays_one_parameter() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        await suno.attach(GenerateMusic, "../x?a=b&taskId=c#d é")
    assert network.sent[0][2].endswith("record-info?taskId=..%2Fx%3Fa%3Db%26taskId%3Dc%23d%20%C3%A9")


async def test_a_users_own_endpoint_is_one_class() -> None:
    class GenerateHum(Job[Music], frozen=True, kw_only=True):
        """An endpoint of tomorrow."""

        path = "/api/v1/generate/hum"
        details = GenerateMusic.details
        statuses = GenerateMusic.statuses
        result = Music

        key_note: str

    network = Script(DONE)
    async with client(network) as suno:
        music = await suno.run(GenerateHum(key_note="C"))
    assert isinstance(music, Music)
    assert network.sent[0][2] == "https://api.kie.ai/api/v1/generate/hum"
    assert network.posted[0]["keyNote"] == "C"


async def test_an_eager_pace_keeps_to_three_polls_a_second() -> None:
    network = Script(PENDING)
    async with client(network, pace=Pace(first=0.01, growth=1, cap=0.01, patience=5)) as suno:
        with pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t9")
    assert len([at for at in network.polled_at if at < 1]) <= 4


async def test_attaching_anew_keeps_to_three_polls_a_second() -> None:
    """A status page that attaches and waits a moment, request by request."""
    network = Script(PENDING)
    async with client(network) as suno:
        for _ in range(20):
            with anyio.move_on_after(0.05):
                await suno.attach(GenerateMusic, "t9")
            await anyio.sleep(0.01)
            gc.collect()  # nobody holds the handle between two requests
    assert len(network.polled_at) <= 4


async def test_one_empty_page_after_ninety_seconds_does_not_unmake_a_task_that_was_seen() -> None:
    empty = reply(None)
    network = Script()
    network.polls = [lambda: empty if 95 < now() < 110 else DONE if now() > 130 else page("TEXT_SUCCESS", track())]
    async with client(network, pace=Pace(first=10, growth=1, cap=10, patience=1000)) as suno:
        task = await suno.generate_music(prompt="x")
        await task


async def test_a_task_id_that_is_no_text_is_one_of_our_errors(tmp_path: Path) -> None:
    async with client(Script(DONE)) as suno:
        with pytest.raises(ConfigurationError):
            suno.attach(GenerateMusic, "\ud800")


@pytest.mark.parametrize("base", ["http://h:99999", "http://h:abc", "http://a..b", "http://" + "a" * 64 + ".example"])
async def test_a_base_address_that_cannot_be_reached_is_one_of_our_errors(base: str) -> None:
    with pytest.raises(SunoError):
        async with SunoClient(api_key="k", base_url=base) as suno:
            await suno.generate_music(prompt="rain")


async def test_a_pace_without_pauses_lasts_as_long_as_its_patience() -> None:
    async with client(Script(PENDING), pace=Pace(first=0, patience=1200)) as suno:
        with pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t1")
