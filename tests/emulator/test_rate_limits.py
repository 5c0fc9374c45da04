"""The rate limits are enforced, and the client keeps them."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from suno_async import (
    KIE,
    SUNOAPI,
    RateLimited,
    SunoClient,
)
from suno_async.emulator import Emulator, Refuse

from ..conftest import now

pytestmark = pytest.mark.usefixtures("threads")


async def test_the_rate_limit_is_enforced_and_the_client_keeps_it(emulator: Emulator, suno: SunoClient) -> None:
    """A hundred submits from one client: none refused, and no slower than the limit asks."""
    await asyncio.gather(*(suno.generate_lyrics(prompt=f"rain {n}") for n in range(100)))
    assert {seen.status for seen in emulator.log} == {200}
    assert len(emulator.runs) == 100
    assert now() < 42

    async with aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        codes: list[int] = []
        for _ in range(25):
            async with session.post("/api/v1/lyrics", data="{}", headers=key) as answer:
                codes.append(json.loads(await answer.read())["code"])
    assert codes[-1] == (429 if emulator.provider is KIE else 430)


async def test_two_clients_of_one_account_get_through_in_the_end(emulator: Emulator, suno: SunoClient) -> None:
    """Neither knows of the other; refusals make both wait and nothing is paid twice."""
    async with SunoClient(api_key=emulator.api_key, base_url=emulator.url, provider=emulator.provider) as other:
        both = [client.generate_lyrics(prompt=f"{n}") for n in range(30) for client in (suno, other)]
        await asyncio.gather(*both)
    assert len(emulator.runs) == 60
    assert any(seen.status == 429 for seen in emulator.log) or emulator.provider is SUNOAPI


async def test_a_rate_refusal_says_so() -> None:
    async with Emulator() as emulator, SunoClient(api_key=emulator.api_key, base_url=emulator.url) as suno:
        emulator.script(None, [Refuse()] * 20)
        with pytest.raises(RateLimited):
            await suno.generate_music(prompt="rain")


async def test_the_emulator_enforces_three_polls_a_second() -> None:
    async with Emulator() as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        statuses: list[Any] = []
        for _ in range(20):
            async with session.get("/api/v1/generate/record-info", params={"taskId": "x"}, headers=key) as answer:
                statuses.append((answer.status, (await answer.json())["code"]))
    assert any(429 in one for one in statuses)
