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
from suno_async.emulator import (
    CallbackException,
    DeadLinks,
    DelayCallbacks,
    Drop,
    DropAfterAccepting,
    DuplicateCallbacks,
    EarlyCallback,
    Emulator,
    ErrorPage,
    Fail,
    Fault,
    Invisible,
    LateFiles,
    LoseCallbacks,
    Refuse,
    ReorderCallbacks,
    Stuck,
    Truncate,
)

from .support import TASKS, WORDS, example_of, is_complete, service

pytestmark = pytest.mark.usefixtures("threads")


@pytest.mark.parametrize("fault", [DropAfterAccepting(), Truncate(), Drop(), ErrorPage()])
async def test_an_uncertain_submit_is_reported_and_never_repeated(
    emulator: Emulator, suno: SunoClient, fault: Fault
) -> None:
    emulator.script(None, [fault])
    with pytest.raises(SubmissionUncertain):
        await suno.generate_music(prompt="rain")
    await anyio.sleep(600)
    assert len(emulator.runs) == (fault in (DropAfterAccepting(), Truncate()))
    assert sum(seen.method == "POST" for seen in emulator.log) == 1


@pytest.mark.parametrize("fault", [Refuse(), Refuse(455)])
async def test_a_refused_submit_is_repeated_and_paid_once(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    emulator.script(None, [fault, fault])
    await suno.generate_music(prompt="rain")
    assert len(emulator.runs) == 1
    assert sum(seen.method == "POST" for seen in emulator.log) == 3
    assert await suno.get_credits() == 988


BEFORE = {Drop(), DropAfterAccepting(), Truncate(), ErrorPage(), Refuse(), Refuse(455)}


async def test_every_way_a_job_can_go_wrong(emulator: Emulator, suno: SunoClient) -> None:
    async def ends(fault: Fault) -> Any:
        emulator.script(None, [fault])
        try:
            return len((await (await suno.generate_music(prompt="rain"))).tracks)
        except Exception as exc:
            return type(exc)

    expected: dict[Fault, Any] = {
        Fail(): TaskFailed,
        Fail("SENSITIVE_WORD_ERROR"): ContentRejected,
        Invisible(): 2,
        LateFiles(): 2,
        CallbackException(): 2,
        LoseCallbacks(): 2,
        DelayCallbacks(): 2,
        ReorderCallbacks(): 2,
        DuplicateCallbacks(): 2,
        EarlyCallback(): 2,
        Stuck(): TaskTimeout,
        DeadLinks(): 2,
    }
    assert {fault: await ends(fault) for fault in expected} == expected


@pytest.mark.parametrize("fault", [Fail(), Fail("SENSITIVE_WORD_ERROR")])
@pytest.mark.parametrize(("provider", "kind"), TASKS)
async def test_every_task_can_fail_as_its_kind_does(provider: Provider, kind: type[Request[Any]], fault: Fail) -> None:
    async with service(provider, speed=30) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.script(None, [fault])
        with pytest.raises(TaskFailed) as raised:
            await suno.run(request)
        assert raised.value.message == fault.message
        assert raised.value.code in (400, 500, 501)
        assert isinstance(raised.value, ContentRejected) == (raised.value.code == 400)
        await suno.run(request)  # and may be tried again


async def test_calls_fail_as_they_do() -> None:
    async with service(SUNOAPI) as (emulator, suno):
        emulator.script(None, [Fail()])
        with pytest.raises(TaskFailed, match=Fail().message):
            await suno.boost_style(content="pop")
        persona = await example_of(GeneratePersona, suno)
        emulator.script(None, [Fail(), Fail("SENSITIVE_WORD_ERROR")])
        with pytest.raises(ServerError):
            await suno.run(persona)
        with pytest.raises(InvalidRequest):
            await suno.run(persona)
        assert await suno.run(persona)
        emulator.script(GetCredits, [Fail()])
        assert await suno.get_credits() == emulator.credits  # asked again
        emulator.script(GetCredits, [Fail()] * 20)
        with pytest.raises(ServerError):
            await suno.get_credits()


SURVIVED = [
    *[(SUNOAPI, kind, fault) for kind in WORDS for fault in (Invisible(), LateFiles(), CallbackException())],
    *[
        (KIE_JOBS, kind, fault)
        for kind in (*WORDS, BoostStyle, GeneratePersona, CheckVoice)
        for fault in (Invisible(), LateFiles())
    ],
]


@pytest.mark.parametrize(("provider", "kind", "fault"), SURVIVED)
async def test_every_task_survives_what_can_be_survived(
    provider: Provider, kind: type[Request[Any]], fault: Fault
) -> None:
    async with service(provider) as (emulator, suno):
        request = await example_of(kind, suno)
        emulator.script(None, [fault])
        assert is_complete(await suno.run(request))


async def test_faults_can_be_meant_for_one_endpoint() -> None:
    async with service(KIE) as (emulator, suno):
        emulator.script(GenerateLyrics, [Fail()])
        emulator.script(None, [Fail("SENSITIVE_WORD_ERROR")])
        with pytest.raises(ContentRejected):
            await suno.run(GenerateMusic(prompt="rain"))
        with pytest.raises(TaskFailed):
            await suno.run(GenerateLyrics(prompt="rain"))
        emulator.script(UploadStream, [DropAfterAccepting()])
        emulator.script(UploadBase64, [Truncate(), Drop()])
        assert await suno.upload(b"ID3")  # sent again: that costs nothing


@pytest.mark.parametrize("fault", [Drop(), DropAfterAccepting()])
async def test_a_broken_connection_is_logged_with_status_0(emulator: Emulator, suno: SunoClient, fault: Fault) -> None:
    emulator.script(None, [fault])
    with pytest.raises(SubmissionUncertain):
        await suno.generate_music(prompt="rain")
    assert [(seen.method, seen.status) for seen in emulator.log] == [("POST", 0)]
