"""A paid submit is sent once, and what its caller leaves is seen through."""

import asyncio
import logging
from typing import Any

import anyio
import msgspec
import pytest

from suno_async import (
    ConnectError,
    GenerateMusic,
    InsufficientCredits,
    Maintenance,
    RateLimited,
    ResponseLost,
    ServerError,
    SubmissionUncertain,
    SunoClient,
    Task,
)
from suno_async.http.retry import MAX_RETRIES, REFUSALS
from suno_async.wire.envelope import Reply

from ..clients import client
from ..conftest import now
from ..doubles import DONE, RawServer, Script, envelope, http, reply
from ..loop import JumpLoop

ACCEPTED = http(envelope({"taskId": "t1"}))


async def submitted(server: RawServer, suno: SunoClient) -> Any:
    try:
        return await suno.generate_music(prompt="rain")
    except Exception as exc:
        return exc


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", SubmissionUncertain),
        (None, SubmissionUncertain),
        (http(b"<html>bad gateway</html>", 502), SubmissionUncertain),
        (http(envelope({"taskId": "t1"})[:-9]), SubmissionUncertain),
        (http(envelope({"taskId": "t1"}), length=500), SubmissionUncertain),
        (http(envelope(None)), SubmissionUncertain),
        (http(b'{"ok":true}'), SubmissionUncertain),
        (http(b'{"error":"x"}', 500), SubmissionUncertain),
        (http(envelope(None, code=402)), InsufficientCredits),
        (http(envelope(None, code=500)), ServerError),
        (http(b"<html>blocked</html>", 403), ServerError),
        (http(b"", 302, "Location: https://elsewhere.example/"), ServerError),
    ],
    ids=[
        *("broken", "silent", "gateway page", "truncated json", "short body", "no id", "odd json", "odd 500"),
        *("credits", "server", "blocked", "redirect"),
    ],
)
async def test_a_submit_that_may_have_been_accepted_is_sent_once(answer: bytes | None, kind: type[Exception]) -> None:
    """Counted by the server: whatever the answer, the request came in once."""
    async with RawServer(answer) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        error = await submitted(server, suno)
        await anyio.sleep(300)
    assert type(error) is kind
    assert len(server.got) == 1
    if isinstance(error, SubmissionUncertain):
        assert error.job == GenerateMusic(prompt="rain", model="V5_5")
        assert len(error.ref) == 16
        assert error.__cause__ is not None


@pytest.mark.parametrize("refusal", [http(envelope(None, code=455)), http(envelope(None, code=429), 429)])
async def test_a_submit_that_was_surely_refused_is_sent_again(refusal: bytes) -> None:
    async with RawServer(refusal, refusal, ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        task = await suno.generate_music(prompt="rain")
    assert task.id == "t1"
    assert len(server.got) == 3
    assert len({got.body for got in server.got}) == 1


async def test_a_connection_that_was_never_made_is_tried_again() -> None:
    network = Script(submits=[ConnectError("refused"), ConnectError("refused"), reply({"taskId": "t1"})])
    async with client(network) as suno:
        assert (await suno.generate_music(prompt="rain")).id == "t1"
    assert len(network.posted) == 3


async def test_attempts_end() -> None:
    network = Script(submits=[Reply(200, envelope(code=455))] * 100)
    async with client(network) as suno:
        with pytest.raises(Maintenance):
            await suno.generate_music(prompt="rain")
    assert len(network.posted) == 1 + MAX_RETRIES


async def test_retry_after_is_honoured_by_everybody() -> None:
    network = Script(submits=[Reply(429, envelope(code=429), 30.0)])
    async with client(network) as suno:
        await asyncio.gather(*(suno.generate_music(prompt="rain") for _ in range(30)))
    times = [at for at, method, _, _ in network.sent if method == "POST"]
    assert len(times) == 31
    assert times[:20] == [0.0] * 20  # those had their place when the first was refused
    assert min(times[20:]) >= 30.0


async def test_a_retry_after_beyond_reason_is_raised_and_not_waited_for() -> None:
    network = Script(submits=[Reply(429, envelope(code=429), 86_400.0)])
    async with client(network) as suno:
        with pytest.raises(RateLimited) as caught:
            await suno.generate_music(prompt="rain")
        assert (now(), caught.value.retry_after) == (0, 86_400)
        await suno.generate_music(prompt="rain")  # nobody else waits for a day either
    assert now() < 400


@pytest.mark.parametrize("said", ["²", "-5", "soon", "9" * 400, "Wed, 99 Oct 2025 07:28:00 GMT", ""])
async def test_an_odd_retry_after_is_no_crash(said: str) -> None:
    refused = http(envelope(code=429), 429, f"Retry-After: {said}")
    async with RawServer(refused, ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        error = await submitted(server, suno)
    assert isinstance(error, Task | RateLimited)


async def test_submits_keep_to_the_rate_limit() -> None:
    network = Script()
    async with client(network) as suno:
        await asyncio.gather(*(suno.generate_music(prompt="rain") for _ in range(100)))
    times = [at for at, method, _, _ in network.sent if method == "POST"]
    assert all(sum(start <= at < start + 10 for at in times) <= 20 for start in times)
    assert now() < 45


async def test_reads_are_repeated_and_paid_calls_are_not() -> None:
    network = Script(ResponseLost("x"), ServerError(0, status=502), reply(3.0))
    async with client(network) as suno:
        assert await suno.get_credits() == 3.0
        network.submits = [ResponseLost("x")]
        with pytest.raises(SubmissionUncertain):
            await suno.boost_style(content="pop")
    assert len(network.posted) == 1


async def test_a_cancelled_caller_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The submit under way is finished, its id logged, and closing waits for it."""
    network = Script(DONE, delay=3)
    async with client(network) as suno:
        with anyio.move_on_after(1):
            await suno.generate_music(prompt="rain")
        assert now() == 1
    assert now() == 3
    assert len(network.posted) == 1
    assert [record.message for record in caplog.records] == [
        "a submit whose caller was cancelled was accepted: GenerateMusic, task t1"
    ]


async def test_a_cancelled_caller_finds_a_failure_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    network = Script(delay=3, submits=[ResponseLost("gone")])
    async with client(network) as suno:
        with anyio.move_on_after(1):
            await suno.generate_music(prompt="rain")
    assert "a submit whose caller was cancelled failed" in caplog.text
    assert "never retrieved" not in caplog.text


def test_a_loop_that_ends_during_a_submit_says_what_it_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        suno = client(Script(delay=3))
        asyncio.get_running_loop().create_task(suno.submit(GenerateMusic(prompt="rain")))
        await asyncio.sleep(1)

    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        runner.run(main())
    assert "GenerateMusic" in caplog.text
    assert "may have been charged" in caplog.text


async def test_a_caller_cancelled_in_the_queue_sends_nothing() -> None:
    network = Script()
    async with client(network) as suno:
        await asyncio.gather(*(suno.generate_music(prompt="rain") for _ in range(20)))
        with anyio.move_on_after(1):
            await suno.generate_music(prompt="one too many")
        await anyio.sleep(100)
    assert len(network.posted) == 20


async def test_a_rate_limit_is_a_refusal_that_tells_when() -> None:
    network = Script(submits=[Reply(429, envelope(code=429), 7.0)] * REFUSALS)
    async with client(network) as suno:
        with pytest.raises(RateLimited) as caught:
            await suno.generate_music(prompt="rain")
    assert caught.value.retry_after == 7.0
    assert msgspec.json.decode(network.sent[0][3])["prompt"] == "rain"


async def test_what_the_transport_raises_unexpectedly_is_uncertain_too() -> None:
    network = Script(submits=[ValueError("a bug")])
    async with client(network) as suno:
        with pytest.raises(SubmissionUncertain):
            await suno.generate_music(prompt="rain")


@pytest.mark.parametrize("provider", ["kie", "kie-jobs"])
async def test_a_persona_whose_caller_left_is_logged(provider: str, caplog: pytest.LogCaptureFixture) -> None:
    """ "Once a track, so keep it": README says a cancelled request is finished in the background, its id logged."""
    script = Script(submits=[reply({"personaId": "persona-7", "name": "x"})], delay=5)
    async with SunoClient(api_key="k", transport=script, provider=provider) as suno:
        with caplog.at_level(logging.INFO):
            asking = asyncio.create_task(suno.generate_persona(task_id="t", audio_id="a", name="x", description="y"))
            await asyncio.sleep(1)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(10)
    assert "persona-7" in caplog.text
