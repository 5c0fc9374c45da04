"""The whole way: a gateway that posts, a receiver behind a real server, and everything that can go wrong between."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConvertToWav,
    GenerateLyrics,
    GenerateMidi,
    GenerateMusic,
    Provider,
    SeparateStems,
    Stage,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    ValidateVoice,
)
from suno_async.emulator import (
    DelayCallbacks,
    DropAfterAccepting,
    DuplicateCallbacks,
    EarlyCallback,
    Emulator,
    Fail,
    Fault,
    LoseCallbacks,
    ReorderCallbacks,
)
from suno_async.http.transport import HTTP
from suno_async.settings import NOWHERE
from suno_async.wire.envelope import Reply

from ..conftest import now

pytestmark = pytest.mark.usefixtures("threads")
KEY = "whk_test"


class World(NamedTuple):
    """A client, its gateway, and what its observer was called for."""

    suno: SunoClient
    emulator: Emulator
    heard: list[tuple[str, Stage]]

    @property
    def polls(self) -> int:
        return sum(seen.method == "GET" and "ecord" in seen.path for seen in self.emulator.log)

    def statuses(self) -> set[int]:
        """What the callbacks were answered."""
        return {status for posted in self.emulator.posted for status in posted.statuses}


class ByAccount(HTTP):
    """A network that sets the callback address of an account which has one by other means, so without a token."""

    def __init__(self, api_key: str, address: str) -> None:
        super().__init__(api_key)
        self._address = address.encode()

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        return await super().send(method, url, body.replace(NOWHERE.encode(), self._address), fresh=fresh)


@asynccontextmanager
async def world(
    provider: Provider = KIE, *, tokens: bool = True, signed: bool = False, **receiving: Any
) -> AsyncGenerator[World]:
    heard: list[tuple[str, Stage]] = []
    key = KEY if signed else ""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}/suno"
    app = web.Application()
    runner = web.AppRunner(app)
    async with Emulator(provider=provider, seed=1, webhook_key=key, media_seconds=1) as emulator:
        suno = SunoClient(
            api_key=emulator.api_key,
            base_url=emulator.url,
            provider=provider,
            model="V5",
            webhook_key=key or None,
            callback_url=address if tokens else None,
            transport=None if tokens else ByAccount(emulator.api_key, address),
        )
        receiver = suno.receiver(
            on_update=lambda update, record: heard.append((record.task_id, update.stage)), **receiving
        )
        app.router.add_post("/suno", receiver.aiohttp)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        async with suno:
            yield World(suno, emulator, heard)
    await runner.cleanup()


STAGES = [Stage.TEXT, Stage.FIRST, Stage.COMPLETE]


@pytest.mark.parametrize(
    ("provider", "signed"),
    [
        (KIE, False),
        (KIE, True),
        (KIE_JOBS, False),
        (KIE_JOBS, True),
        (SUNOAPI, False),
    ],  # no signature of theirs is known
    ids=lambda value: value.name if isinstance(value, Provider) else "signed" * value,
)
async def test_a_song_comes_by_callbacks_alone(provider: Provider, signed: bool) -> None:
    async with world(provider, signed=signed) as here:
        task = await here.suno.generate_music(prompt="rain")
        assert len((await task).tracks) == 2
        await asyncio.sleep(1)
        assert here.heard == [(task.id, stage) for stage in STAGES]
        assert here.polls <= 1  # before the first callback, which may come later than a first poll


@pytest.mark.parametrize("provider", [KIE, KIE_JOBS, SUNOAPI], ids=lambda provider: provider.name)
async def test_every_kind_is_found_and_believed(provider: Provider) -> None:
    """Wherever the task id stands, signed where the gateway signs."""
    async with world(provider, signed=provider is not SUNOAPI) as here:
        suno = here.suno
        music = await suno.run(GenerateMusic(prompt="rain"))
        stems = await suno.run(SeparateStems(music.tracks[0]))
        await suno.run(GenerateMidi(stems))
        await suno.run(ConvertToWav(music.tracks[0]))
        await suno.run(GenerateLyrics(prompt="rain"))
        await suno.run(ValidateVoice(voice_url="https://e.example/v", vocal_start=0, vocal_end=10))
        assert here.polls <= 1  # before the first callback, which may come later than a first poll
        assert here.statuses() == {200}


async def test_by_signature_alone_the_end_is_confirmed_by_a_poll() -> None:
    async with world(tokens=False, signed=True) as here:
        task = await here.suno.generate_music(prompt="rain")
        assert len((await task).tracks) == 2
        await asyncio.sleep(1)
        assert [stage for _, stage in here.heard] == STAGES
        assert here.polls >= 1
        assert here.statuses() == {200}


@pytest.mark.parametrize(
    "fault", [DelayCallbacks(), ReorderCallbacks(), DuplicateCallbacks(), EarlyCallback()], ids=repr
)
async def test_late_twice_too_early_and_out_of_order_end_well(fault: Fault) -> None:
    async with world(signed=True) as here:
        here.emulator.script(None, [fault])
        task = await here.suno.generate_music(prompt="rain")
        stages = [update.stage async for update in task]
        assert len((await task).tracks) == 2
        await asyncio.sleep(300)
        assert stages == sorted(set(stages))
        assert [stage for _, stage in here.heard] == stages
        assert here.statuses() == {200}


async def test_a_failure_comes_by_callback_too() -> None:
    async with world() as here:
        here.emulator.script(None, [Fail()])
        task = await here.suno.generate_music(prompt="rain")
        with pytest.raises(TaskFailed):
            await task
        await asyncio.sleep(1)
        assert here.heard[-1] == (task.id, Stage.FAILED)


async def test_a_song_whose_submit_was_lost_is_heard_of() -> None:
    """The token in the address tells which submission it was."""
    async with world() as here:
        here.emulator.script(None, [DropAfterAccepting()])
        with pytest.raises(SubmissionUncertain) as caught:
            await here.suno.generate_music(prompt="rain")
        await asyncio.sleep(300)
        (run,) = here.emulator.runs.values()
        assert here.heard == [(run.id, stage) for stage in STAGES]
        task = here.suno.attach(GenerateMusic, run.id)
        assert (task.ref, len((await task).tracks)) == (caught.value.ref, 2)
        assert here.polls == 0


async def test_lost_callbacks_cost_time_and_no_song() -> None:
    async with world() as here:
        here.emulator.script(None, [LoseCallbacks()])
        task = await here.suno.generate_music(prompt="rain")
        assert len((await task).tracks) == 2
        assert now() < 310


@pytest.mark.parametrize("signed", [False, True], ids=["by token", "signed, too"])
async def test_forgeries_are_refused(signed: bool) -> None:
    """Honest bodies to the bare address, then captured headers for another task, then old ones."""
    async with world(signed=signed) as here:
        emulator = here.emulator
        one = await here.suno.generate_music(prompt="rain")
        two = await here.suno.generate_music(prompt="sun")
        for stage in (*STAGES, Stage.FAILED):
            assert await emulator.forge(one.id, stage) == 401
        await one.wait(Stage.TEXT)
        captured = emulator.posted[-1]
        assert await emulator.forge(two.id, Stage.COMPLETE, url=captured.url, headers=captured.headers) == 401
        if signed:
            assert await emulator.replay(captured, age=301) == 401
            assert await emulator.forge(one.id, Stage.COMPLETE, url=captured.url) == 401  # the token alone
        assert one.stage is Stage.TEXT
        assert await emulator.replay(captured) == 200  # a repeat, and no news
        assert [stage for id, stage in here.heard if id == one.id].count(Stage.TEXT) <= 1


async def test_a_captured_request_causes_one_poll_where_that_is_wanted() -> None:
    async with world(confirm=True) as here:
        task = await here.suno.generate_music(prompt="rain")
        await task.wait(Stage.TEXT)
        before = here.polls
        (captured, *_) = here.emulator.posted
        assert await here.emulator.forge(task.id, Stage.FAILED, url=captured.url) == 200
        await asyncio.sleep(1)
        assert task.stage is Stage.TEXT
        assert here.polls <= before + 1
        assert len((await task).tracks) == 2


async def test_what_a_receiver_misses_while_it_is_down_is_found_by_polls() -> None:
    """Three more attempts are made; then polls find the song."""
    async with world() as here:
        task = await here.suno.generate_music(prompt="rain")
        unreachable = "http://127.0.0.1:9/suno"
        async with SunoClient(
            api_key=here.emulator.api_key, base_url=here.emulator.url, model="V5", callback_url=unreachable
        ) as down:
            heard: list[Stage] = []
            down.receiver(on_update=lambda update, record: heard.append(update.stage))
            await down.generate_music(prompt="sun")
            assert len((await task).tracks) == 2
            await asyncio.sleep(300)
            assert heard[-1] is Stage.COMPLETE
        assert here.statuses() == {200, 0}
