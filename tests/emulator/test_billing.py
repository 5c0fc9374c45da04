"""Credits are charged, run out, and come back."""

import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    InsufficientCredits,
    Provider,
    SeparateStems,
    SunoClient,
    TaskFailed,
)
from suno_async.api.pricing import list_price
from suno_async.emulator import Emulator, Fail

from .support import service

pytestmark = pytest.mark.usefixtures("threads")


async def test_credits_run_out(emulator: Emulator, suno: SunoClient) -> None:
    emulator.credits = 20
    await suno.generate_music(prompt="rain")
    with pytest.raises(InsufficientCredits):
        await suno.generate_music(prompt="rain")


async def test_credits_of_failed_songs_come_back_when_they_have_failed() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.script(None, [Fail()])
        task = await suno.generate_music(prompt="rain")
        assert await suno.get_credits() == 988
        with pytest.raises(TaskFailed):
            await task
        assert await suno.get_credits() == emulator.credits == 1000


@pytest.mark.parametrize("provider", [KIE, KIE_JOBS, SUNOAPI], ids=lambda provider: provider.name)
async def test_it_charges_by_the_list_that_clients_estimate_by(provider: Provider) -> None:
    async with service(provider) as (emulator, suno):
        music = await suno.run(GenerateMusic(prompt="rain"))
        one = music.tracks[0]
        for job in (
            GenerateLyrics(prompt="rain"),
            GenerateCover(music),
            SeparateStems(one, type="split_stem"),
            SeparateStems(one),
        ):
            before = emulator.credits
            task = await suno.submit(job)
            cost = list_price(type(job), {"type": getattr(job, "type", None)})
            assert round(before - emulator.credits, 2) == cost
            assert task.credits == (None if provider is SUNOAPI else cost)
            await task
            assert task.credits == (None if provider is SUNOAPI else cost)


async def test_a_batch_stops_when_the_credits_are_used_up(emulator: Emulator, suno: SunoClient) -> None:
    emulator.credits = 30
    songs = [GenerateMusic(prompt=f"rain {n}") for n in range(6)]
    seen = [outcome async for outcome in suno.map(songs, concurrency=1)]
    cost = suno.estimate(songs[0])
    assert [outcome.credits for outcome in seen] == [cost, cost, 0, 0, 0, 0]
    assert sum(request.path == GenerateMusic.path for request in emulator.log) == 3
