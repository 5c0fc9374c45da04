"""What the log says of a story, with which fields, and what it never says."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suno_async import (
    ConfigurationError,
    ConnectError,
    DownloadFailed,
    GenerateMusic,
    MemoryStore,
    SunoClient,
    TaskFailed,
    Track,
)
from suno_async.log import log

from ..cdn import AUDIO, cdn
from ..clients import PACE, client, jobs
from ..doubles import DONE, PENDING, RawServer, Script, called, http, page, reply, track

STORY = GenerateMusic(prompt="a prompt about a secret meadow", model="V5")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    level, handlers = log.level, list(log.handlers)
    yield
    log.setLevel(level)
    log.handlers[:] = handlers


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "suno_async")
    return caplog


def lines(caplog: pytest.LogCaptureFixture, action: str) -> list[dict[str, Any]]:
    """The fields of the lines of one kind, with their level and text."""
    found = [vars(record) for record in caplog.records if getattr(record, "action", None) == action]
    names = {"action", "task_id", "ref", "kind", "stage", "source", "method", "path", "status", "ms", "file", "count"}
    names |= {"task_ids", "reason", "wait"}
    own = [{name: one[name] for name in names & set(one)} for one in found]
    for fields, one in zip(own, found, strict=True):
        fields |= {"level": one["levelname"], "text": logging.LogRecord.getMessage(logging.makeLogRecord(one))}
        del fields["action"]
    return own


async def test_a_song_from_its_submit_to_its_end(everything: pytest.LogCaptureFixture) -> None:
    network = Script(PENDING, page("TEXT_SUCCESS"), DONE)
    async with client(network) as suno:
        task = await suno.submit(STORY)
        await task
    about = {"task_id": "t1", "ref": task.ref, "kind": "GenerateMusic"}
    text = f"GenerateMusic accepted: task t1 (ref {task.ref})"
    assert lines(everything, "accepted") == [{**about, "level": "INFO", "text": text}]
    text = f"GenerateMusic task t1 (ref {task.ref}) is text, by poll"
    assert lines(everything, "stage") == [{**about, "stage": "text", "source": "poll", "level": "DEBUG", "text": text}]
    text = f"GenerateMusic task t1 (ref {task.ref}) finished: complete, by poll"
    assert lines(everything, "finished") == [
        {**about, "stage": "complete", "source": "poll", "level": "INFO", "text": text}
    ]
    submit, *polls = lines(everything, "request")
    path = "/api/v1/generate"
    text = f"POST {path} of submission {task.ref}: HTTP 200 after 0 ms"
    named = {"method": "POST", "path": path, "status": 200, "ms": 0.0}
    assert submit == {"task_id": "", "ref": task.ref, **named, "level": "DEBUG", "text": text}
    path = "/api/v1/generate/record-info"
    named = {"method": "GET", "path": path, "status": 200, "ms": 0.0}
    text = f"GET {path} of task t1: HTTP 200 after 0 ms"
    assert polls == [{"task_id": "t1", "ref": task.ref, **named, "level": "DEBUG", "text": text}] * 3


async def test_how_long_a_request_took_and_how_it_failed(everything: pytest.LogCaptureFixture) -> None:
    network = Script(submits=[ConnectError("refused"), reply({"taskId": "t1"})], delay=0.25)
    async with client(network) as suno:
        await suno.submit(STORY)
    refused, sent = lines(everything, "request")
    assert (refused["status"], refused["ms"], sent["status"], sent["ms"]) == (None, 250.0, 200, 250.0)
    assert "ConnectError after 250 ms" in refused["text"]
    [retry] = lines(everything, "retry")
    assert (retry["reason"], retry["level"], bool(retry["ref"])) == ("ConnectError", "WARNING", True)
    assert f"trying again in {retry['wait']:.1f} s" in retry["text"]


async def test_a_failure_is_a_line_with_the_word_and_code_of_the_service(everything: pytest.LogCaptureFixture) -> None:
    network = Script(page("SENSITIVE_WORD_ERROR", errorMessage="secret meadow", errorCode=413))
    async with client(network) as suno:
        with pytest.raises(TaskFailed):
            await suno.run(STORY)
    [line] = lines(everything, "finished")
    assert (line["stage"], line["level"]) == ("failed", "INFO")
    assert "finished: failed (SENSITIVE_WORD_ERROR, code 413), by poll" in line["text"]


async def test_what_is_saved_and_each_request_for_a_file(
    everything: pytest.LogCaptureFixture, tmp_path: Path, threads: None
) -> None:
    async with cdn() as host, SunoClient(api_key="secret-key", base_url=host.url) as suno:
        target = "/a.mp3?Signature=hush"
        host.served[target] = [503, AUDIO]
        [path] = await suno.download(Track(id="a", title="La", audio_url=f"{host.url}{target}", task_id="t1"), tmp_path)
    [line] = lines(everything, "saved")
    assert (line["task_id"], line["file"], line["level"]) == ("t1", str(path), "INFO")
    first, *_, last = lines(everything, "request")
    assert (first["path"], first["status"], first["task_id"]) == ("/a.mp3", 503, "t1")
    assert (last["path"], last["status"]) == ("/a.mp3", 200)
    assert "hush" not in "".join(line["text"] for line in lines(everything, "request"))


async def test_a_signature_of_an_address_is_in_no_line(everything: pytest.LogCaptureFixture, refused: str) -> None:
    """Whether the host refuses, breaks the connection, or sends its visitors elsewhere."""
    lost, away = http(b"ID3", length=9), http(b"", 302, "Location: http://10.0.0.1/b.mp3?Signature=hush")
    for answer in (http(b"", 410), b"", lost, away, None):
        async with (
            RawServer(answer) as host,
            SunoClient(api_key="k", base_url=host.url, timeout=2, max_retries=1) as suno,
        ):
            where = host.url if answer != lost else refused
            with pytest.raises(DownloadFailed) as caught:
                await suno.read(Track(id="a", audio_url=f"{where}/a.mp3?Signature=hush"))
            [(_, reason)] = caught.value.failed
            assert "hush" not in reason
    assert "is not served" in everything.text
    assert "trying again" in everything.text
    assert "hush" not in everything.text + repr([vars(one) for one in everything.records])


async def test_what_is_resumed(everything: pytest.LogCaptureFixture) -> None:
    """And what was finished before is no news after a restart."""
    store = MemoryStore()
    async with client(Script(), store=store) as suno:
        going = await suno.submit(STORY)
    async with client(Script(DONE), store=store) as suno:
        [task] = [task async for task in suno.resume()]
        [line] = lines(everything, "resumed")
        assert (line["task_id"], line["ref"], line["stage"], line["level"]) == ("t1", going.ref, "pending", "INFO")
        await task
    everything.clear()
    async with client(Script(), store=store) as suno:
        [task] = [task async for task in suno.results()]
        assert task.done()
    assert lines(everything, "finished") == []


async def test_tasks_that_are_left_behind_are_one_line(everything: pytest.LogCaptureFixture) -> None:
    suno = client(Script())
    held = [await suno.submit(job) for job in jobs(7)]
    waiting = [asyncio.create_task(task.get()) for task in held[:3]]
    await asyncio.sleep(1)
    await suno.aclose()
    [line] = lines(everything, "left")
    assert line["level"] == "WARNING"
    assert line["text"] == "the client was closed before tasks ended, 7 in all: t1, t2, t3, t4, t5, …"
    assert (line["count"], line["task_ids"]) == (7, [task.id for task in held])
    assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {ConfigurationError}


async def test_what_another_process_may_wait_for_is_not_left_behind(everything: pytest.LogCaptureFixture) -> None:
    """Submitted in one process, awaited in another: that is what a store is for."""
    async with client(Script(), store=MemoryStore()) as suno:
        task = await suno.submit(STORY)
    assert not task.done()
    assert lines(everything, "left") == []


async def test_nothing_is_left_behind_of_what_has_ended_or_was_attached(everything: pytest.LogCaptureFixture) -> None:
    async with client(Script(DONE)) as suno:
        task = await suno.submit(STORY)
        other = suno.attach(GenerateMusic, "t9")
        await task
    assert not other.done()
    assert lines(everything, "left") == []


async def test_refused_callbacks_are_one_line_a_minute_for_each_reason(everything: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 1.0, 2.0, 3.0, 4.0, 70.0])
    async with client(Script(), callback_url="https://bot.example/suno") as suno:
        receiver = suno.receiver(limit=1000)
        receiver._clock = lambda: next(times)
        for body in (called("text"), called("first"), b"{}", b"{}", b"x" * 2000, called("text")):
            await receiver.receive(body)
    assert [(line["status"], line["task_id"], line["level"]) for line in lines(everything, "refused")] == [
        (401, "t1", "WARNING"),
        (400, "", "WARNING"),
        (413, "", "WARNING"),
        (401, "t1", "WARNING"),
    ]


# ---- what the log never says -----------------------------------------------------------------------------------------


async def test_neither_key_nor_token_nor_body_is_in_any_line(everything: pytest.LogCaptureFixture) -> None:
    """Not in a text, not in a field: of a story with refusals that quote what was sent, retries and callbacks."""
    network = Script(PENDING, DONE)

    def quoting() -> Any:
        address = network.posted[-1]["callBackUrl"]
        return reply(None, code=429)._replace(
            body=b'{"code":429,"msg":"not so fast with %s","data":null}' % address.encode()
        )

    network.submits = [quoting, reply({"taskId": "t1"})]
    url = "https://bot.example/suno"
    async with client(network, callback_url=url, callback_secret="hush-hush") as suno:
        receiver = suno.receiver()
        task = await suno.submit(STORY, context={"chat": "whispered"})
        token = network.posted[-1]["callBackUrl"].partition("suno=")[2]
        await receiver.receive(called("text", track(audio=False)), query={"suno": token})
        await receiver.receive(called("text"), query={"suno": "A" * 40})
        await task
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in everything.records)
    assert len(everything.records) > 5
    assert len(token) == 40
    for secret in ("secret-key", "hush-hush", token, "secret meadow", "whispered", "files.example.com", "[Verse]"):
        assert secret not in said


async def test_a_stranger_forges_no_line_by_a_field(everything: pytest.LogCaptureFixture) -> None:
    async with client(Script(), callback_url="https://bot.example/suno") as suno:
        await suno.receiver().receive(called("text", task_id="t1\nERROR forged" + "x" * 5000))
    [line] = lines(everything, "refused")
    assert "\n" not in line["task_id"] + line["text"]
    assert len(line["task_id"]) < 300


async def test_nothing_is_made_of_lines_that_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll, a submit and a stage ask whether somebody listens, and do nothing more."""

    def fail(*args: Any, **more: Any) -> Any:
        raise AssertionError("a line was made that nobody reads")

    for place in ("http.request_log", "tasks.task_log", "submissions.submitter", "files.downloads"):
        monkeypatch.setattr(f"suno_async.{place}.fields", fail)
    log.setLevel(logging.WARNING)
    async with client(Script(PENDING, page("TEXT_SUCCESS"), DONE)) as suno:
        await suno.run(STORY)


# ---- SUNO_LOG --------------------------------------------------------------------------------------------------------


async def test_suno_log_writes_to_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SUNO_LOG", "debug")
    for _ in range(2):  # the second client adds no second handler
        async with client(Script(DONE)) as suno:
            await suno.run(STORY)
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "accepted: task t1" in line]) == 2
    assert [line for line in said if "DEBUG suno_async: POST /api/v1/generate of submission" in line]


async def test_suno_log_has_levels(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SUNO_LOG", " Info ")
    async with client(Script(DONE)) as suno:
        await suno.run(STORY)
    said = capsys.readouterr().err
    assert "accepted" in said
    assert "POST" not in said


@pytest.mark.parametrize("level", ["verbose", "1", "true"])
def test_another_level_is_refused(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_LOG", level)
    with pytest.raises(ConfigurationError, match="SUNO_LOG must be one of debug, info, warning, error"):
        SunoClient(api_key="k")


def test_without_it_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_LOG", "")
    before = log.level, list(log.handlers)
    SunoClient(api_key="k", pace=PACE)
    assert (log.level, log.handlers) == before


async def test_suno_log_takes_no_line_from_the_application(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SUNO_LOG", "error")
    log.setLevel(logging.INFO)
    async with client(Script(DONE)) as suno:
        await suno.run(STORY)
    assert "accepted: task t1" in caplog.text
    assert capsys.readouterr().err == ""
