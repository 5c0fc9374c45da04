"""The state of an emulator survives a restart, and a crash leaves what was written."""

import json
import stat
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from suno_async import (
    AlreadyExists,
    ApiError,
    ConfigurationError,
    ConvertToWav,
    GenerateLyrics,
    GenerateMusic,
    GeneratePersona,
    Job,
    Provider,
    Stage,
    TaskFailed,
)
from suno_async.emulator import Emulator, Fail, Stuck

from .support import SECONDS, TASKS, Recorder, example_of, is_complete, submitted

pytestmark = pytest.mark.usefixtures("threads")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emulator.json"


async def test_tasks_credits_uploads_and_what_is_made_once_survive(path: Path) -> None:
    async with (
        Emulator(state=path, seed=1, media_seconds=SECONDS) as emulator,
        emulator.client(model="V5") as suno,
    ):
        music = await suno.run(GenerateMusic(prompt="rain"))
        wav = await suno.run(ConvertToWav(music.tracks[0]))
        await suno.run(GeneratePersona(music.tracks[0], name="A", description="b"))
        url = await suno.upload(b"ID3 mine", name="mine.mp3")
        credits = await suno.get_credits()
        audio = await suno.read(music.tracks[0])
        ids = set(emulator.runs)
    async with (
        Emulator(state=path, seed=1, credits=5, media_seconds=SECONDS) as emulator,
        emulator.client(model="V5") as suno,
    ):
        assert await suno.get_credits() == credits
        again = await suno.attach(GenerateMusic, music.task_id)
        assert [track.id for track in again.tracks] == [track.id for track in music.tracks]
        assert (again.tracks[0].audio_url or "").startswith(emulator.url)
        assert await suno.read(again.tracks[0]) == audio
        assert (await suno.attach(ConvertToWav, wav.task_id)).audio_url
        for made_once in (ConvertToWav(music.tracks[0]), GeneratePersona(music.tracks[0], name="A", description="b")):
            with pytest.raises((AlreadyExists, ApiError)):
                await suno.run(made_once)
        assert (await suno.submit(GenerateMusic(prompt="rain"))).id not in ids
        place = f"/uploads/{url.partition('/uploads/')[2]}"
        async with aiohttp.ClientSession(emulator.url) as session, session.get(place) as answer:
            assert await answer.read() == b"ID3 mine"


@pytest.mark.parametrize(("provider", "kind"), [param for param in TASKS if issubclass(param.values[1], Job)])
async def test_a_task_of_every_kind_goes_on_where_it_was(provider: Provider, kind: Any, path: Path) -> None:
    async with (
        Emulator(provider=provider, state=path, speed=30, seed=1) as emulator,
        emulator.client(model="V5") as suno,
    ):
        task = await submitted(suno, await example_of(kind, suno))
        before = {id: (run.marks, run.cost, run.link(0)) for id, run in emulator.runs.items()}
    async with Emulator(provider=provider, state=path, speed=30) as emulator, emulator.client(model="V5") as suno:
        for id, (marks, cost, link) in before.items():
            run = emulator.runs[id]
            assert (run.marks, run.cost) == (marks, cost)
            assert run.link(0) == emulator.url + link[link.index("/files") :]
        assert is_complete(await suno.attach(kind, task.id))


async def test_the_clock_goes_on_while_it_is_stopped_and_stands_still_at_speed_0(path: Path) -> None:
    for speed, stage in ((1, Stage.FIRST), (0, Stage.PENDING)):
        async with Emulator(state=path, speed=speed, seed=1) as emulator, emulator.client() as suno:
            task = await suno.submit(GenerateMusic(prompt="rain"))
        content = json.loads(path.read_bytes())
        path.write_text(json.dumps(content | {"wall": content["wall"] - 60}))
        async with Emulator(state=path, speed=speed) as emulator:
            run = emulator.runs[task.id]
            assert run.stage(emulator.now()) is stage
            emulator.advance(200)
            assert run.stage(emulator.now()) is Stage.COMPLETE
        path.unlink()


async def test_callbacks_go_on_and_none_is_posted_twice(path: Path, recorder: tuple[Recorder, str]) -> None:
    taken, url = recorder

    def posted() -> list[str]:
        return [body["data"]["callbackType"] for body in taken.bodies]

    async with Emulator(state=path, seed=1) as emulator, emulator.client(callback_url=url, model="V5") as suno:
        await suno.submit(GenerateMusic(prompt="rain"))
        await anyio.sleep(20)
        assert posted() == ["text"]
    for _ in range(2):
        async with Emulator(state=path) as emulator:
            await anyio.sleep(200)
        assert posted() == ["text", "first", "complete"]


async def test_faults_and_refunds_survive(path: Path) -> None:
    async with Emulator(state=path) as emulator, emulator.client() as suno:
        emulator.script(None, [Fail(), Stuck()])
        failing, stuck = [await suno.submit(GenerateMusic(prompt="rain")) for _ in range(2)]
        paid = emulator.credits
    async with Emulator(state=path) as emulator, emulator.client() as suno:
        assert emulator.credits == paid
        with pytest.raises(TaskFailed):
            await suno.attach(GenerateMusic, failing.id)
        assert paid < emulator.credits < 1000
        emulator.advance(10_000)
        assert emulator.runs[stuck.id].state(emulator.now())[0] is Stage.TEXT


async def test_it_is_written_a_second_after_a_change_and_readable_by_its_owner_only(path: Path) -> None:
    """What a process leaves that is killed; the file has callback addresses in it, and no key."""
    async with Emulator(state=path, api_key="the-key") as emulator, emulator.client() as suno:
        await anyio.sleep(5)
        first = path.read_bytes()
        task = await suno.submit(GenerateMusic(prompt="rain"))
        await anyio.sleep(1.1)
        assert task.id.encode() in path.read_bytes()
        assert task.id.encode() not in first
        assert b"the-key" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        unchanged = path.stat().st_ino
        await anyio.sleep(5)
        assert path.stat().st_ino == unchanged
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_a_state_of_another_provider_or_shape_is_refused_and_left_alone(path: Path) -> None:
    async with Emulator(state=path) as emulator, emulator.client() as suno:
        await suno.submit(GenerateLyrics(prompt="rain"))
    kept = path.read_bytes()
    for old, new, said in (
        (b'"kie"', b'"sunoapi"', "is of provider sunoapi, version 2, and this is an"),
        (b'"version":2', b'"version":3', "version 3"),
        (GenerateLyrics.path.encode(), b"/mine", "has tasks of /mine, which is not served"),
        (b'"runs"', b'"odd"', "is not the state of an emulator: "),
    ):
        changed = kept.replace(old, new)
        path.write_bytes(changed)
        with pytest.raises(ConfigurationError, match=said):
            await Emulator(state=path).__aenter__()
        assert path.read_bytes() == changed


async def test_a_damaged_state_is_refused_and_left_alone(path: Path) -> None:
    """JSON of the right types that does not fit together."""
    async with Emulator(state=path) as emulator, emulator.client() as suno:
        first, second = [(await suno.submit(GenerateLyrics(prompt="rain"))).id for _ in range(2)]
    kept = path.read_bytes()
    for old, new, said in (
        (b'"refundable":[]', b'"refundable":["lost"]', "no task lost"),
        (b'"followed":[]', b'"followed":["lost"]', "no task lost"),
        (b'"COMPLETE":', b'"NOPE":', "NOPE"),
        (b'"marks":{"COMPLETE"', b'"marks":{"TEXT"', "COMPLETE"),
        (b'"uploads":{', b'"uploads":{"a":{"file":"../a","size":1,"mime":"a/b","until":1}', "upload a is not in"),
        (f'"id":"{first}"'.encode(), f'"id":"{second}"'.encode(), f"task {second} twice"),
    ):
        changed = kept.replace(old, new, 1)
        assert changed != kept
        path.write_bytes(changed)
        with pytest.raises(ConfigurationError, match=f"{path.name} is damaged: .*{said}"):
            await Emulator(state=path).__aenter__()
        assert path.read_bytes() == changed


async def test_a_state_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used: No such file"):
        await Emulator(state=tmp_path / "missing" / "emulator.json").__aenter__()
