"""'May have been charged' is said only of requests of which a byte may have left, and of all of those."""

import asyncio
import socket
from typing import Any

import anyio
import pytest

from suno_async import (
    ApiError,
    ConnectError,
    GenerateMusic,
    Maintenance,
    RateLimited,
    ServerError,
    SubmissionUncertain,
    SunoClient,
)

from ..doubles import RawServer, envelope, http

ACCEPTED = http(envelope({"taskId": "t1"}))


async def test_a_server_that_closes_idle_connections_loses_no_submit() -> None:
    """On a used connection a request would be written to nobody, and whether it arrived could not be known."""
    async with RawServer(ACCEPTED, keeps_alive=False) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        for _ in range(5):
            assert (await suno.generate_music(prompt="rain")).id == "t1"
            await anyio.sleep(30)
    assert len(server.got) == server.connections == 5


async def test_a_paid_call_and_an_upload_use_no_connection_twice_either() -> None:
    answers = (
        http(envelope({"result": "warm"})),
        http(envelope({"downloadUrl": "https://f.example/a", "success": True})),
    )
    async with RawServer(*answers, keeps_alive=False) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        await suno.boost_style(content="pop")
        await suno.upload(b"a song", name="a.mp3")
        await suno.upload(b"a song", name="b.mp3")
    assert server.connections == 3


async def test_a_name_that_is_looked_up_for_ever_is_no_lost_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*args: Any, **kwargs: Any) -> Any:
        await anyio.sleep_forever()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    async with SunoClient(api_key="k", base_url="https://api.example") as suno:
        with pytest.raises(ConnectError):
            await suno.generate_music(prompt="rain")


async def test_a_handshake_that_never_ends_is_no_lost_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts in the kernel, and says nothing
        base = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with SunoClient(api_key="k", base_url=base) as suno:
            with pytest.raises(ConnectError):
                await suno.generate_music(prompt="rain")


@pytest.mark.parametrize("code", [408, 499, 504, 524])
@pytest.mark.parametrize("place", ["status", "code", "both", "page"])
async def test_a_time_out_behind_the_api_may_hide_a_task(code: int, place: str) -> None:
    answer = {
        "status": http(envelope(None), code),
        "code": http(envelope(None, code=code)),
        "both": http(envelope(None, code=code), code),
        "page": http(b"<html>time-out</html>", code),
    }[place]
    async with RawServer(answer) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1


@pytest.mark.parametrize("code", [500, 501, 505, 531, 4030])
async def test_the_apis_own_failure_creates_nothing_and_frees_the_key(code: int) -> None:
    failed = http(envelope(None, code=code))
    async with RawServer(failed, ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(ServerError if code != 4030 else ApiError):
            await suno.submit(GenerateMusic(prompt="rain"), key="order-1")
        assert len(server.got) == 1
        assert (await suno.submit(GenerateMusic(prompt="rain"), key="order-1")).id == "t1"


@pytest.mark.parametrize("code", [422, 430, 455, 500, 531])
async def test_a_refusal_that_names_a_task_may_have_created_it(code: int) -> None:
    async with (
        RawServer(http(envelope({"taskId": "t9"}, code=code))) as server,
        SunoClient(api_key="k", base_url=server.url) as suno,
    ):
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")
    assert len(server.got) == 1


@pytest.mark.parametrize("code", [299, 600, 777, -1])
async def test_a_code_that_no_page_lists_may_hide_a_task(code: int) -> None:
    answer = http(envelope(None, code=code))
    async with RawServer(answer) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")


@pytest.mark.parametrize(("code", "kind"), [(429, RateLimited), (430, RateLimited), (455, Maintenance)])
async def test_what_surely_was_refused_for_now_is_sent_again_and_raised_as_what_it_is(
    code: int, kind: type[Exception]
) -> None:
    refused = http(envelope(None, code=code))
    async with RawServer(refused) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(kind):
            await suno.generate_music(prompt="rain")
    assert len(server.got) > 1


async def test_timed_lyrics_cost_credits_and_are_asked_for_once() -> None:
    async with RawServer(b"") as server, SunoClient(api_key="k", base_url=server.url) as suno:
        with pytest.raises(SubmissionUncertain, match="GetTimestampedLyrics was sent but the answer was lost"):
            await suno.get_timestamped_lyrics(task_id="t1", audio_id="a1")
        with pytest.raises(SubmissionUncertain):
            await suno.check_voice(task_id="t1")
        assert len(server.got) == 2
        with pytest.raises(Exception, match="credit"):
            await suno.get_credits()
    assert len(server.got) > 3  # free, so repeated


async def test_a_call_that_was_refused_is_no_lost_answer() -> None:
    async with (
        RawServer(http(envelope(None, code=422))) as server,
        SunoClient(api_key="k", base_url=server.url) as suno,
    ):
        with pytest.raises(ApiError):
            await suno.get_timestamped_lyrics(task_id="t1", audio_id="a1")
