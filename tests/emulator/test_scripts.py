"""Faults for paths, for tasks and by chance, and what was counted meanwhile."""

import math
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from suno_async import GenerateMusic, Stage, SunoClient
from suno_async.emulator import (
    CloseIdle,
    DeadLinks,
    Drop,
    DropAfterAccepting,
    DropHalfway,
    EarlyCallback,
    Emulator,
    Endless,
    ErrorPage,
    Fail,
    Fault,
    ForgeCallback,
    HtmlMedia,
    Invisible,
    LateFiles,
    LateMedia,
    NoAnswer,
    NoFiles,
    OddTypes,
    Refuse,
    Slow,
    TruncateMedia,
)
from suno_async.errors import ResponseLost, SubmissionUncertain, TaskFailed

from .support import receiving_client

pytestmark = pytest.mark.anyio
SONG = GenerateMusic(prompt="rain")


@pytest.fixture
async def emulator() -> Any:
    async with Emulator(speed=1000, rate_limits=False, media_seconds=1, seed=1) as emulator:
        yield emulator


@pytest.fixture
async def suno(emulator: Emulator) -> Any:
    async with emulator.client() as suno:
        yield suno


@pytest.mark.parametrize(
    "fault", [Drop(), ErrorPage(503), OddTypes(), Slow(0.05), CloseIdle(), DropHalfway()], ids=repr
)
async def test_polls_that_go_wrong_cost_no_song(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    task = await suno.submit(SONG)
    emulator.script(task.id, [fault] * 2)
    assert len((await task).tracks) == 2


@pytest.mark.parametrize("fault", [NoAnswer(), Endless()], ids=repr)
async def test_an_answer_that_does_not_come_or_end_is_given_up(emulator: Emulator, fault: Fault) -> None:
    emulator.script("/api/v1/chat/credit", [fault])
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.api_key}"}) as session:
        with pytest.raises(TimeoutError):
            async with session.get(
                f"{emulator.url}/api/v1/chat/credit", timeout=aiohttp.ClientTimeout(total=0.3)
            ) as answer:
                await answer.read()


async def test_a_submit_that_breaks_halfway_is_uncertain(emulator: Emulator, suno: SunoClient) -> None:
    emulator.script(GenerateMusic, [DropHalfway()])
    with pytest.raises(SubmissionUncertain):
        await suno.submit(SONG)
    assert len(emulator.runs) == 1


async def test_a_success_can_stay_without_files() -> None:
    async with Emulator(speed=0, rate_limits=False) as emulator, emulator.client() as suno:
        emulator.script(GenerateMusic, [NoFiles()])
        task = await suno.submit(SONG)
        await emulator.advance(3600)
        assert emulator.runs[task.id].state(emulator.now()) == (Stage.COMPLETE, False)


@pytest.mark.parametrize("fault", [HtmlMedia(), TruncateMedia(), LateMedia(8e4), DeadLinks()], ids=repr)
async def test_files_that_are_none(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    music = await suno.run(SONG)
    emulator.script(music.task_id, [fault])
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        if isinstance(fault, TruncateMedia):
            with pytest.raises(aiohttp.ClientPayloadError):
                async with session.get(music.tracks[0].audio_url or "") as answer:
                    await answer.read()
            return
        async with session.get(music.tracks[0].audio_url or "") as answer:
            html = (answer.status, answer.content_type) == (200, "text/html")
            assert html if isinstance(fault, HtmlMedia) else answer.status == 404


async def test_a_task_that_runs_can_be_made_to_fail_and_is_refunded(emulator: Emulator, suno: SunoClient) -> None:
    task = await suno.submit(SONG)
    emulator.script(task.id, [Fail("GENERATE_AUDIO_FAILED", "too loud")])
    with pytest.raises(TaskFailed, match="too loud"):
        await task
    stats = emulator.stats
    assert (stats.tasks, stats.spent, stats.refunded, stats.credits) == ({"FAILED": 1}, 12, 12, 1000)


async def test_faults_by_chance_are_the_same_with_the_same_seed() -> None:
    async def statuses(seed: int) -> list[int]:
        async with Emulator(rate_limits=False, seed=seed) as emulator, aiohttp.ClientSession() as session:
            emulator.set_fault_rates("/api/v1/", {ErrorPage(503): 0.3, ErrorPage(504): 0.3})
            emulator.script("/api/", [ErrorPage(599)])  # what is scripted comes first
            urls = [f"{emulator.url}/api/v1/chat/credit"] * 40
            return [(await session.get(url)).status for url in urls]

    once, again, other = await statuses(1), await statuses(1), await statuses(2)
    assert once == again != other
    assert once[0] == 599
    assert {503, 504, 401} == {*once[1:]}


@pytest.mark.parametrize(
    ("target", "faults", "said"),
    [
        ("/files/", [Fail()], "no fault of a request"),
        ("id", [EarlyCallback()], "accepted"),
        ("id", [ForgeCallback()], "accepted"),
    ],
)
async def test_what_cannot_happen_is_refused(
    emulator: Emulator, suno: SunoClient, target: str, faults: list[Fault], said: str
) -> None:
    task = await suno.submit(SONG)
    with pytest.raises(ValueError, match=said):
        emulator.script(task.id if target == "id" else target, faults)
    with pytest.raises(KeyError, match="no task"):
        emulator.script("files", [Drop()])
    shares: list[dict[Fault, float]] = [{Drop(): 1.5}, {Drop(): 0.6, Slow(): 0.6}]
    for wrong in shares:
        with pytest.raises(ValueError, match="share"):
            emulator.set_fault_rates(None, wrong)


async def test_what_is_no_fault_and_what_no_endpoint_says_is_refused(emulator: Emulator) -> None:
    wrong: Any = Fail
    with pytest.raises(TypeError, match="a fault is a value, as Fail\\(\\)"):
        emulator.script(GenerateMusic, [wrong])
    with pytest.raises(TypeError, match="a fault is a value"):
        emulator.set_fault_rates(None, {wrong: 0.5})
    with pytest.raises(ValueError, match=r"one of CREATE_TASK_FAILED, .*SENSITIVE_WORD_ERROR.*, got 'FAILD'"):
        emulator.script(None, [Fail("FAILD")])
    for endless in (LateFiles(math.inf), Slow(-1.0), Invisible(math.nan)):
        with pytest.raises(ValueError, match=rf"seconds of {type(endless).__name__} must be from 0 to 86400, got"):
            emulator.script(None, [endless])


def test_every_fault_has_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert [one.__name__ for one in get_args(Fault) if f"{one.__name__}(" not in tests] == []


async def test_a_forged_callback_ends_no_new_task() -> None:
    """It comes before the real ones, and proves nothing: the stages are those of the service."""
    async with Emulator(speed=0, rate_limits=False) as emulator, receiving_client(emulator) as suno:
        emulator.script(GenerateMusic, [ForgeCallback()])
        task = await suno.submit(SONG)
        await emulator.advance(1)
        assert not task.done()
        assert emulator.stats.callbacks == {}  # it is somebody else's
        await emulator.advance(500)
        assert emulator.stats.callbacks == {200: 3}


async def test_late_media_is_there_in_the_end(emulator: Emulator, suno: SunoClient) -> None:
    emulator.script(GenerateMusic, [LateMedia(8e4)])
    music = await suno.run(SONG)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        assert (await session.get(music.tracks[0].audio_url or "")).status == 404
        emulator.advance(1e6)
        assert (await session.get(music.tracks[0].audio_url or "")).status == 200


async def test_the_counts(emulator: Emulator, suno: SunoClient) -> None:
    emulator.script(GenerateMusic, [Refuse(430)])
    emulator.script("/api/v1/chat/credit", [DropAfterAccepting()] * 20)
    task = await suno.submit(SONG)
    await task
    with pytest.raises(ResponseLost):
        await suno.get_credits()
    async with aiohttp.ClientSession() as session:
        stats = await (await session.get(f"{emulator.url}/__emulator/stats")).json()
        refused = await session.get(f"{emulator.url}/__emulator/stats", headers={"Host": "evil.example"})
        assert refused.status == 403
    assert (stats["tasks"], stats["refusals"], stats["spent"], stats["credits"]) == (
        {"COMPLETE": 1},
        {"430": 1},
        12,
        988,
    )
    assert stats["polls"] == {task.id: emulator.stats.polls[task.id]}
    assert stats["statuses"]["0"] == stats["requests"]["GET /api/v1/chat/credit"] > 0
