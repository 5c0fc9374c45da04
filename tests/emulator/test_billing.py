"""Credits are charged, run out, and come back."""

import pytest

from suno_async import (
    KIE,
    InsufficientCredits,
    SunoClient,
    TaskFailed,
)
from suno_async.emulator import Emulator, Fault

from .support import service

pytestmark = pytest.mark.usefixtures("threads")


async def test_credits_run_out(emulator: Emulator, suno: SunoClient) -> None:
    emulator.credits = 20
    await suno.generate_music(prompt="rain")
    with pytest.raises(InsufficientCredits):
        await suno.generate_music(prompt="rain")


async def test_credits_of_failed_songs_come_back_when_they_have_failed() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.next(Fault.FAIL)
        task = await suno.generate_music(prompt="rain")
        assert await suno.get_credits() == 988
        with pytest.raises(TaskFailed):
            await task
        assert await suno.get_credits() == emulator.credits == 1000
