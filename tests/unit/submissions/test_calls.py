"""Calls: checked, sent, repeated if that is harmless, seen through if it is not."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    KIE,
    BoostStyle,
    ConfigurationError,
    ConnectError,
    GetCredits,
    InvalidJob,
    InvalidRequest,
    Mashup,
    ResponseLost,
    SubmissionUncertain,
    UploadCover,
)
from suno_async.submissions.calls import Calls, CallSettings
from suno_async.wire.envelope import Reply

from ...doubles import Script, reply
from .parts import api

FILE = {"downloadUrl": "https://files.example/a.mp3", "fileName": "a.mp3"}
BOOST = BoostStyle(content="fado")


def build(script: Script, *, validate: bool = True) -> Calls:
    return Calls(api(script), CallSettings(KIE, validate))


def credits(*polls: Reply | Exception) -> Script:
    return Script(*polls)


@pytest.mark.parametrize("error", [ResponseLost("gone"), ConnectError("no route"), Reply(502, b"")])
async def test_what_is_harmless_is_sent_again(error: Any) -> None:
    calls = build(script := credits(error, reply(7)))
    assert await calls.run(GetCredits()) == 7
    assert len(script.sent) == 2


async def test_what_may_have_been_charged_is_not_sent_again() -> None:
    calls = build(script := Script(submits=[ResponseLost("gone")]))
    with pytest.raises(SubmissionUncertain):
        await calls.run(BOOST)
    assert len(script.sent) == 1


async def test_what_was_not_accepted_is_sent_again() -> None:
    answer = reply({"taskId": "t", "result": "slow fado", "successFlag": "1"})
    calls = build(script := Script(submits=[ConnectError("no route"), reply(code=455), answer]))
    assert (await calls.run(BOOST)).text == "slow fado"
    assert len(script.sent) == 3


async def test_a_call_is_refused_before_it_is_sent_unless_that_is_off() -> None:
    wrong, script = BoostStyle(content=""), Script(submits=[reply(code=422)])
    with pytest.raises(InvalidJob):
        await build(script).run(wrong)
    assert script.sent == []
    with pytest.raises(InvalidRequest):
        await build(script, validate=False).run(wrong)
    assert len(script.sent) == 1


async def test_a_cancelled_caller_does_not_cut_off_what_may_be_charged(caplog: pytest.LogCaptureFixture) -> None:
    answer = reply({"taskId": "t", "result": "slow fado", "successFlag": "1"})
    calls = build(script := Script(submits=[answer], delay=5))
    running = asyncio.create_task(calls.run(BOOST))
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await calls.finish()
    assert len(script.sent) == 1
    assert "BoostStyle, whose caller was cancelled, was answered: task_id t" in caplog.text
    assert "fado" not in caplog.text


async def test_a_closed_client_calls_nobody() -> None:
    script = Script()
    client = api(script)
    await client.window.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await Calls(client, CallSettings(KIE, True)).run(GetCredits())
    assert script.sent == []


async def test_files_of_this_machine_are_uploaded_and_their_addresses_sent(tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"ID3")
    calls = build(script := Script(submits=[reply(FILE), reply(FILE)]))
    job = await calls.with_uploads(UploadCover(upload_url=song, style="fado", title="Rain"))
    assert isinstance(job, UploadCover)
    assert job.upload_url == FILE["downloadUrl"]
    urls: Any = ("https://a.example/1.mp3", song)
    both = await calls.with_uploads(Mashup(upload_url_list=urls, prompt="x"))
    assert isinstance(both, Mashup)
    assert both.upload_url_list == ("https://a.example/1.mp3", FILE["downloadUrl"])
    assert len(script.sent) == 2
    assert await calls.with_uploads(job) is job


async def test_a_stream_is_not_sent_again_since_it_was_read() -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        yield b"ID3"

    calls = build(script := Script(submits=[ConnectError("no route")]))
    with pytest.raises(ConnectError):
        await calls.upload(chunks(), "source", "song.mp3")
    assert len(script.sent) == 1


async def test_bytes_report_their_progress() -> None:
    seen: list[tuple[int, int | None]] = []
    calls = build(Script(submits=[reply(FILE)]))
    url = await calls.upload(b"ID3", "source", "song.mp3", progress=lambda sent, size: seen.append((sent, size)))
    assert url == FILE["downloadUrl"]
    assert seen[-1] == (3, 3)
