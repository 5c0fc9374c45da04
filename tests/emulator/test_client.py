"""`emulator.client()`: a client that needs no other setting."""

import pytest

from suno_async import KIE, SUNOAPI, GenerateLyrics, GenerateMusic, Pace, Provider, Stage, TaskFailed
from suno_async.emulator import Emulator, NoFiles
from suno_async.emulator.pace import pace_at
from suno_async.tasks.pace import default_pace

from ..conftest import now


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda provider: provider.name)
async def test_it_has_key_address_and_provider(provider: Provider) -> None:
    async with Emulator(api_key="k", provider=provider, credits=7) as emulator, emulator.client() as suno:
        assert suno.provider is provider
        assert await suno.get_credits() == 7
        assert all(seen.key and seen.status == 200 for seen in emulator.log)


async def test_at_speed_1000_a_song_takes_less_than_half_a_second() -> None:
    async with Emulator(speed=1000, seed=3) as emulator, emulator.client() as suno:
        began = now()
        for _ in range(4):
            await suno.run(GenerateMusic(prompt="rain"))
        await suno.run(GenerateLyrics(prompt="rain"))
        assert now() - began < 5 * 0.5
        assert len([seen for seen in emulator.log if seen.method == "GET"]) == 5


@pytest.mark.parametrize("speed", [0, 1, 2, 10, 50, 500, 1000, 100_000])
async def test_at_every_speed_polls_are_answered_and_songs_come_soon(speed: float) -> None:
    """No poll is refused for the rate, and the wait is little longer than the song."""
    async with Emulator(speed=speed, seed=3) as emulator, emulator.client() as suno:
        task = await suno.submit(GenerateMusic(prompt="rain"))
        if speed == 0:
            emulator.advance(200)
        began = now()
        await task
        song = emulator.runs[task.id].marks[Stage.COMPLETE] / speed if speed else 0
        assert now() - began <= song * 1.2 + 0.5
        assert all(seen.status == 200 for seen in emulator.log)


async def test_stages_are_seen_at_speeds_that_leave_time_for_it() -> None:
    async with Emulator(speed=50) as emulator, emulator.client(provider="kie-legacy", model="V5") as suno:
        task = await suno.submit(GenerateMusic(prompt="rain"))
        assert [update.stage async for update in task] == [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


async def test_a_success_without_files_is_told_and_not_timed_out() -> None:
    async with Emulator(speed=1000) as emulator, emulator.client() as suno:
        emulator.script(None, [NoFiles()])
        with pytest.raises(TaskFailed, match="the service reports success without files"):
            await suno.run(GenerateMusic(prompt="rain"))


async def test_a_given_title_stays_as_it_is() -> None:
    async with Emulator(speed=1000) as emulator, emulator.client() as suno:
        music = await suno.run(GenerateMusic(prompt="la la", style="chanson", title="La vie en rose"))
    assert {track.title for track in music.tracks} == {"La vie en rose"}


def test_at_real_time_the_pace_is_that_of_the_kind() -> None:
    assert pace_at(1) is pace_at(0.5) is None
    faster = pace_at(2)
    assert faster is not None
    assert faster.first == default_pace(GenerateMusic).first / 2


async def test_signed_callbacks_are_verified_without_more_settings() -> None:
    async with Emulator(webhook_key="w") as emulator, emulator.client(callback_url="http://me.example/cb") as suno:
        verdict = await suno.receiver().receive(b'{"code": 200, "data": {"task_id": "t"}}', {}, {})
        assert verdict.status == 401


async def test_options_replace_its_own_and_the_users_store_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_STORE", "sqlite:////nowhere/songs.db")
    async with Emulator() as emulator, emulator.client(pace=Pace(first=1), model="V4_5") as suno:
        assert suno.model == "V4_5"
        began = now()
        await suno.run(GenerateLyrics(prompt="rain"))
        assert now() - began < 12
