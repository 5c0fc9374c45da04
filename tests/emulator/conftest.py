"""An emulator, a client of it, and a callback address."""

from collections.abc import AsyncIterator

import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    SunoClient,
)
from suno_async.emulator import Emulator

from .support import SECONDS, Recorder, open_recorder


@pytest.fixture(params=[KIE, SUNOAPI], ids=lambda provider: provider.name)
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator[Emulator]:
    async with Emulator(provider=request.param, seed=1, media_seconds=SECONDS) as emulator:
        yield emulator


@pytest.fixture
async def suno(emulator: Emulator) -> AsyncIterator[SunoClient]:
    async with SunoClient(
        api_key=emulator.api_key, base_url=emulator.url, provider=emulator.provider, model="V5"
    ) as suno:
        yield suno


@pytest.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, str]]:
    async with open_recorder() as opened:
        yield opened
