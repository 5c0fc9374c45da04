"""Planned faults, and what the client makes of each."""

from typing import Any

import anyio
import pytest

from suno_async import (
    KIE,
    KIE_JOBS,
    SUNOAPI,
    BoostStyle,
    CheckVoice,
    ContentRejected,
    GenerateLyrics,
    GenerateMusic,
    GeneratePersona,
    GetCredits,
    InvalidRequest,
    Provider,
    ServerError,
    SubmissionUncertain,
    SunoClient,
    TaskFailed,
    TaskTimeout,
    UploadBase64,
    UploadStream,
)
from suno_async.api.requests import Request
from suno_async.emulator import Emulator, Fault

from .support import TASKS, WORDS, example_of, is_complete, service

pytestmark = pytest.mark.usefixtures("threads")


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.GARBLE, Fault.DROP, Fault.HTML])
async def test_an_uncertain_submit_is_reported_and_never_repeated(
    emulator: Emulator, suno: SunoClient, fault: Fault
) -> None:
    emulator.next(fault)
    with pytest.raises(SubmissionUncertain):
        await suno.generate_music(prompt="rain")
    await anyio.sleep(600)
    assert len(emulator.runs) == (fault in (Fault.LOSE_ANSWER, Fault.GARBLE))
    assert sum(seen.method == "POST" for seen in emulator.log) == 1


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.MAINTENANCE])
async def test_a_refused_submit_is_repeated_and_paid_once(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    emulator.next(fault, fault)
    await suno.generate_music(prompt="rain")
    assert len(emulator.runs) == 1
    assert sum(seen.method == "POST" for seen in emulator.log) == 3
    assert await suno.get_credits() == 988


BEFORE = {Fault.DROP, Fault.LOSE_ANSWER, Fault.GARBLE, Fault.HTML, Fault.RATE_LIMIT, Fault.MAINTENANCE}


async def test_every_way_a_job_can_go_wrong(emulator: Emulator, suno: SunoClient) -> None:
    async def ends(fault: Fault) -> Any:
        emulator.next(fault)
        try:
            return len((await (await suno.generate_music(prompt="rain"))).tracks)
        except Exception as exc:
            return type(exc)

    assert {fault: await ends(fault) for fault in Fault if fault not in BEFORE} == {
        Fault.FAIL: TaskFailed,
        Fault.REJECT: ContentRejected,
        Fault.INVISIBLE: 2,
        Fault.LATE_FILES: 2,
        Fault.UNDELIVERED: 2,
        Fault.SILENT: 2,
        Fault.DELAYED: 2,
        Fault.REORDERED: 2,
        Fault.DUPLICATED: 2,
        Fault.OVERTAKING: 2,
        Fault.STUCK: TaskTimeout,
        Fault.DEAD_LINK: 2,
    }


@pytest.mark.parametrize("fault", [Fault.FAIL, Fault.REJECT])
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_task_can_fail_as_its_kind_does(provider: Provider, kind: type[Request[Any]], fault: Fault) -> None:
    async with service(provider, speed=30) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        with pytest.raises(TaskFailed) as raised:
            await suno.run(request)
        assert raised.value.message == fault.value
        assert raised.value.code in (400, 500, 501)
        assert isinstance(raised.value, ContentRejected) == (raised.value.code == 400)
        await suno.run(request)  # and may be tried again


async def test_calls_fail_as_they_do() -> None:
    async with service(SUNOAPI) as (emulator, suno):
        emulator.next(Fault.FAIL)
        with pytest.raises(TaskFailed, match=Fault.FAIL.value):
            await suno.boost_style(content="pop")
        persona = await example_of(GeneratePersona, suno)
        emulator.next(Fault.FAIL, Fault.REJECT)
        with pytest.raises(ServerError):
            await suno.run(persona)
        with pytest.raises(InvalidRequest):
            await suno.run(persona)
        assert await suno.run(persona)
        emulator.next(Fault.FAIL, of=GetCredits)
        assert await suno.get_credits() == emulator.credits  # asked again
        emulator.next(*[Fault.FAIL] * 20, of=GetCredits)
        with pytest.raises(ServerError):
            await suno.get_credits()


SURVIVED = [
    *[(SUNOAPI, kind, fault) for kind in WORDS for fault in (Fault.INVISIBLE, Fault.LATE_FILES, Fault.UNDELIVERED)],
    *[
        (KIE_JOBS, kind, fault)
        for kind in (*WORDS, BoostStyle, GeneratePersona, CheckVoice)
        for fault in (Fault.INVISIBLE, Fault.LATE_FILES)
    ],
]


@pytest.mark.parametrize(("provider", "kind", "fault"), SURVIVED)
async def test_every_task_survives_what_can_be_survived(
    provider: Provider, kind: type[Request[Any]], fault: Fault
) -> None:
    async with service(provider) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.next(fault)
        assert is_complete(await suno.run(request))


async def test_faults_can_be_meant_for_one_endpoint() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.next(Fault.FAIL, of=GenerateLyrics)
        emulator.next(Fault.REJECT)
        with pytest.raises(ContentRejected):
            await suno.run(GenerateMusic(prompt="rain"))
        with pytest.raises(TaskFailed):
            await suno.run(GenerateLyrics(prompt="rain"))
        emulator.next(Fault.LOSE_ANSWER, of=UploadStream)
        emulator.next(Fault.GARBLE, Fault.DROP, of=UploadBase64)
        assert await suno.upload(b"ID3")  # sent again: that costs nothing


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.LOSE_ANSWER])
async def test_a_broken_connection_is_logged_with_status_0(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    emulator.next(fault)
    with pytest.raises(SubmissionUncertain):
        await suno.generate_music(prompt="rain")
    assert [(seen.method, seen.status) for seen in emulator.log] == [("POST", 0)]
