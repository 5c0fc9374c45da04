"""The client: submits are paid once, maps end, keys stay, closing works from anywhere."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from suno_async import (
    SUNOAPI,
    ConfigurationError,
    ConnectError,
    GenerateLyrics,
    GenerateMusic,
    InsufficientCredits,
    Job,
    Maintenance,
    Music,
    Outcome,
    Pace,
    RateLimited,
    ResponseLost,
    ServerError,
    Stage,
    SubmissionUncertain,
    SunoClient,
    SunoError,
    Task,
    TaskFailed,
    TaskTimeout,
    parse_callback,
)
from suno_async.http.retry import ATTEMPTS
from suno_async.wire.envelope import Reply

from .conftest import now
from .doubles import DONE, PENDING, RawServer, Script, called, envelope, http, page, reply, track
from .loop import JumpLoop

PACE = Pace(first=2, growth=2, cap=15, patience=100)


def client(network: Script, **options: Any) -> SunoClient:
    return SunoClient(api_key="secret-key", transport=network, pace=options.pop("pace", PACE), **options)


async def test_a_song_from_prompt_to_result() -> None:
    network = Script(PENDING, DONE)
    async with client(network, model="V5") as suno:
        task = await suno.generate_music(prompt="rain")
        music = await task
    assert [one.id[-1] for one in music.tracks] == ["1", "2"]
    assert network.posted == [
        {
            "prompt": "rain",
            "model": "V5",
            "instrumental": False,
            "customMode": False,
            "callBackUrl": "https://suno-async.invalid/callback",
        }
    ]
    assert network.polled_at == [2, 6]
    assert network.sent[1][2] == "https://api.kie.ai/api/v1/generate/record-info?taskId=t1"
    assert network.closed


async def test_run_submits_and_awaits_jobs_and_calls() -> None:
    network = Script(reply({"taskId": "t1", "status": "SUCCESS", "response": {"data": [{"text": "la"}]}}))
    async with client(network) as suno:
        lyrics = await suno.run(GenerateLyrics(prompt="rain"))
        network.polls = [reply(12.5)]
        assert await suno.get_credits() == 12.5
    assert lyrics.variants[0].text == "la"


async def test_the_gateway_decides_hosts_and_paths() -> None:
    network = Script(reply(1.0))
    async with client(network, provider=SUNOAPI) as suno:
        await suno.get_credits()
    async with client(network, base_url="http://127.0.0.1:1/") as suno:
        await suno.get_credits()
    assert [url for _, _, url, _ in network.sent] == [
        "https://api.sunoapi.org/api/v1/generate/credit",
        "http://127.0.0.1:1/api/v1/chat/credit",
    ]


# ---- a paid submit is sent once --------------------------------------------------------------------------------------

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
        assert error.job == GenerateMusic(prompt="rain", model="V6")
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


async def test_tries_end() -> None:
    network = Script(submits=[Reply(200, envelope(code=455))] * 100)
    async with client(network) as suno:
        with pytest.raises(Maintenance):
            await suno.generate_music(prompt="rain")
    assert len(network.posted) == ATTEMPTS


async def test_retry_after_is_honoured_by_everybody() -> None:
    network = Script(submits=[Reply(429, envelope(code=429), 30.0)])
    async with client(network) as suno:
        await asyncio.gather(*(suno.generate_music(prompt="rain") for _ in range(30)))
    times = [at for at, method, _, _ in network.sent if method == "POST"]
    assert len(times) == 31
    assert times[:20] == [0.0] * 20  # those had their place when the first was refused
    assert min(times[20:]) >= 30.0


async def test_a_retry_after_beyond_reason_is_told_and_not_waited_for() -> None:
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
        with pytest.raises(ResponseLost):
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


async def test_a_cancelled_caller_hears_of_a_failure_in_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    network = Script(delay=3, submits=[ResponseLost("gone")])
    async with client(network) as suno:
        with anyio.move_on_after(1):
            await suno.generate_music(prompt="rain")
    assert "a request whose caller was cancelled failed" in caplog.text
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


# ---- handles ---------------------------------------------------------------------------------------------------------


async def test_attach_rebuilds_a_handle_and_shares_a_living_one() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        task = suno.attach(GenerateMusic, "t9")
        assert suno.attach(GenerateMusic, "t9") is task
        assert (await task).task_id == "t9"
        submitted = await suno.generate_music(prompt="x")
        assert submitted.id == "t1"
        assert suno.attach(GenerateMusic, "t1") is submitted
        for bad in ("", " ", None):
            with pytest.raises(ConfigurationError, match="task_id"):
                suno.attach(GenerateMusic, bad)  # type: ignore[arg-type]


async def test_an_id_from_a_stranger_stays_one_parameter() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        await suno.attach(GenerateMusic, "../x?a=b&taskId=c#d é")
    assert network.sent[0][2].endswith("record-info?taskId=..%2Fx%3Fa%3Db%26taskId%3Dc%23d%20%C3%A9")


async def test_a_users_own_endpoint_is_one_class() -> None:
    class GenerateHum(Job[Music], frozen=True, kw_only=True):
        """An endpoint of tomorrow."""

        path = "/api/v1/generate/hum"
        details = GenerateMusic.details
        statuses = GenerateMusic.statuses
        result = Music

        key_note: str

    network = Script(DONE)
    async with client(network) as suno:
        music = await suno.run(GenerateHum(key_note="C"))
    assert isinstance(music, Music)
    assert network.sent[0][2] == "https://api.kie.ai/api/v1/generate/hum"
    assert network.posted[0]["keyNote"] == "C"


# ---- map -------------------------------------------------------------------------------------------------------------


def jobs(count: int) -> list[GenerateMusic]:
    return [GenerateMusic(prompt=f"song {n}") for n in range(count)]


def by_task(answer: Callable[[str], Reply]) -> Script:
    """A service whose details pages depend on the task."""
    network = Script()
    network.polls = [lambda: answer(network.sent[-1][2].rpartition("=")[2])]
    return network


async def test_map_gives_outcomes_as_they_finish_and_one_failure_ends_nothing() -> None:
    def answer(task_id: str) -> Reply:
        number = int(task_id[1:])
        if number == 2:
            return page("SENSITIVE_WORD_ERROR", task_id=task_id)
        return page("SUCCESS", track(), task_id=task_id) if now() > 50 - 10 * number else PENDING

    async with client(by_task(answer)) as suno:
        outcomes = [outcome async for outcome in suno.map([*jobs(3), GenerateMusic(prompt="")])]
    assert [outcome.job.prompt for outcome in outcomes if isinstance(outcome.job, GenerateMusic)] == [
        *("", "song 1", "song 2", "song 0")
    ]
    refused, failed, third, first = outcomes
    assert (refused.task, refused.result, "prompt" in str(refused.error)) == (None, None, True)
    assert isinstance(failed.error, TaskFailed)
    assert failed.task is not None
    assert (third.error, first.error) == (None, None)
    assert first.result is not None
    assert first.result.task_id == "t1"


async def test_map_takes_jobs_only_when_there_is_room() -> None:
    taken: list[int] = []

    def source() -> Iterator[GenerateMusic]:
        for number, job in enumerate(jobs(10)):
            taken.append(number)
            yield job

    network = Script(DONE)
    async with client(network) as suno:
        seen = 0
        async for _ in suno.map(source(), concurrency=3):
            seen += 1
            await anyio.sleep(60)
            assert len(taken) <= seen + 3
    assert seen == 10


async def test_map_takes_jobs_from_an_async_source_without_holding_outcomes_back() -> None:
    async def source() -> AsyncIterator[GenerateMusic]:
        for job in jobs(2):
            yield job
            await anyio.sleep(1000)

    times: list[float] = []
    async with client(Script(DONE)) as suno:
        async for _ in suno.map(source()):
            times.append(now())
    assert times == [2, 1002]


async def test_leaving_map_stops_it_and_closing_is_clean(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for the others any more, nothing more is submitted, whoever closes the generator."""
    network = by_task(lambda task_id: page("SUCCESS", track(), task_id=task_id) if task_id == "t1" else PENDING)
    async with client(network) as suno:
        outcomes = suno.map(jobs(1000), concurrency=5)
        assert (await anext(outcomes)).error is None
        assert "5 waited for" in repr(suno) or "4 waited for" in repr(suno)
        await asyncio.create_task(outcomes.aclose())
        assert "0 waited for" in repr(suno)
        await anyio.sleep(100)
    assert len(network.posted) <= 6
    dropped = {f"map was left before it gave this task: GenerateMusic, task t{n}" for n in (2, 3, 4, 5)}
    assert {record.message for record in caplog.records} == dropped


async def test_what_the_source_raises_comes_after_what_was_paid_for() -> None:
    def source() -> Iterator[GenerateMusic]:
        yield from jobs(2)
        raise KeyError("no more")

    outcomes: list[Outcome[Music]] = []
    async with client(Script(DONE)) as suno:
        with pytest.raises(KeyError, match="no more"):
            async for outcome in suno.map(source()):
                outcomes.append(outcome)
    assert len(outcomes) == 2


async def test_map_of_nothing_and_with_no_room() -> None:
    async with client(Script()) as suno:
        assert [outcome async for outcome in suno.map(jobs(0))] == []
        with pytest.raises(ConfigurationError, match="concurrency must be at least 1, got 0"):
            await anext(suno.map(jobs(1), concurrency=0))


# ---- callbacks -------------------------------------------------------------------------------------------------------


async def test_a_callback_that_is_vouched_for_is_believed() -> None:
    network = Script(PENDING)
    async with client(network) as suno:
        task = await suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        for stage in ("text", "first", "complete"):
            await anyio.sleep(0.1)
            assert suno.feed(parse_callback(called(stage, track(1)))) is True
            assert suno.feed(parse_callback(called(stage, track(1)))) is False
        assert (await waiting).stage is Stage.COMPLETE
    assert network.polled_at == []


async def test_a_callback_that_overtakes_its_submit_is_kept_and_applied() -> None:
    network = Script(PENDING, delay=5)
    async with client(network) as suno:
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(1)
        assert suno.feed(parse_callback(called("complete", track(1)))) is False
        task = await submitting
        assert task.stage is Stage.COMPLETE
        assert suno.feed(parse_callback(called("first", track(1)))) is False


async def test_a_nudge_that_overtakes_its_submit_looks_at_once() -> None:
    network = Script(DONE, delay=1)
    async with client(network, pace=Pace(first=500, growth=1, cap=500, patience=1000)) as suno:
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(0.5)
        suno.nudge("t1")
        await (await submitting)
    assert now() == 2


async def test_strangers_callbacks_are_not_hoarded() -> None:
    network = Script(DONE, delay=5)
    async with client(network) as suno:
        suno.nudge("before any submit")
        submitting = asyncio.create_task(suno.generate_music(prompt="rain"))
        await anyio.sleep(1)
        for number in range(5000):
            suno.nudge(f"stranger {number}")
        assert len(suno._inbox._early) == 1000
        await submitting
        assert suno._inbox._early == {}


async def test_a_doubtful_callback_asks_for_a_look() -> None:
    network = Script(DONE)
    async with client(network, pace=Pace(first=500, growth=1, cap=500, patience=1000)) as suno:
        task = await suno.generate_music(prompt="rain")
        waiting = asyncio.create_task(task.wait())
        await anyio.sleep(1)
        assert suno.feed(parse_callback(called("complete"))) is False
        await waiting
    assert network.polled_at == [1]


# ---- keys, opening, closing ------------------------------------------------------------------------------------------


async def test_the_key_stays_out_of_reprs_errors_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer(http(b"<html>", 502)) as server:
        suno = SunoClient(api_key="secret-key", base_url=server.url)
        error = await submitted(server, suno)
        await suno.aclose()
    texts = [repr(suno), str(suno), str(error), repr(error), repr(error.__cause__), caplog.text, repr(suno._transport)]
    assert not [text for text in texts if "secret-key" in text]
    assert server.got[0].headers["authorization"] == "Bearer secret-key"


async def test_redirects_are_not_followed_with_the_key() -> None:
    async with RawServer(ACCEPTED) as elsewhere:
        away = http(b"", 307, f"Location: {elsewhere.url}/api/v1/generate")
        async with RawServer(away) as server, SunoClient(api_key="k", base_url=server.url) as suno:
            assert isinstance(await submitted(server, suno), ServerError)
    assert elsewhere.got == []


async def test_our_own_user_agent_is_sent() -> None:
    async with RawServer(ACCEPTED) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        await submitted(server, suno)
    assert server.got[0].headers["user-agent"].startswith("suno-async/")
    assert server.got[0].headers["content-type"] == "application/json"


async def test_opened_in_one_task_and_closed_in_another() -> None:
    """Bots open in a hook and close elsewhere, while others wait."""
    network = Script(PENDING)
    suno = client(network)

    async def opens() -> Any:
        await suno.__aenter__()
        return await suno.generate_music(prompt="rain")

    task = await asyncio.create_task(opens())
    waiting = asyncio.create_task(task.wait())
    await anyio.sleep(10)
    await asyncio.create_task(suno.aclose())
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.generate_music(prompt="rain")
    await suno.aclose()
    assert network.closed


async def test_a_cancelled_scope_still_closes_everything() -> None:
    network = Script(PENDING)
    with anyio.move_on_after(5):
        async with client(network) as suno:
            await (await suno.generate_music(prompt="rain"))
    assert network.closed


async def test_a_closed_client_opens_nothing(tmp_path: Path) -> None:
    network = Script(DONE)
    suno = client(network)
    music = await (await suno.generate_music(prompt="rain"))
    await suno.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await suno.download(music, tmp_path)


async def test_works_without_async_with() -> None:
    network = Script(DONE)
    suno = client(network)
    await (await suno.generate_music(prompt="rain"))
    await suno.aclose()


async def test_a_rate_limit_is_a_refusal_that_tells_when() -> None:
    network = Script(submits=[Reply(429, envelope(code=429), 7.0)] * ATTEMPTS)
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


async def test_leaving_map_says_which_paid_tasks_it_drops(caplog: pytest.LogCaptureFixture) -> None:
    network = Script(PENDING)
    async with client(network) as suno:

        async def runs() -> None:
            async for _ in suno.map(jobs(3)):
                pass

        running = asyncio.create_task(runs())
        await anyio.sleep(10)
        assert len(network.posted) == 3
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert all(f"t{n}" in caplog.text for n in (1, 2, 3))


async def test_an_eager_pace_keeps_to_three_looks_a_second() -> None:
    network = Script(PENDING)
    async with client(network, pace=Pace(first=0.01, growth=1, cap=0.01, patience=5)) as suno:
        with pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t9")
    assert len([at for at in network.polled_at if at < 1]) <= 4


async def test_attaching_anew_keeps_to_three_looks_a_second() -> None:
    """A status page that attaches and waits a moment, request by request."""
    network = Script(PENDING)
    async with client(network) as suno:
        for _ in range(20):
            with anyio.move_on_after(0.05):
                await suno.attach(GenerateMusic, "t9")
            await anyio.sleep(0.01)
            gc.collect()  # nobody holds the handle between two requests
    assert len(network.polled_at) <= 4


async def test_one_empty_page_after_ninety_seconds_does_not_unmake_a_task_that_was_seen() -> None:
    empty = reply(None)
    network = Script()
    network.polls = [lambda: empty if 95 < now() < 110 else DONE if now() > 130 else page("TEXT_SUCCESS", track())]
    async with client(network, pace=Pace(first=10, growth=1, cap=10, patience=1000)) as suno:
        task = await suno.generate_music(prompt="x")
        await task


async def test_a_client_closed_inside_a_cancelled_scope_closes_its_connections() -> None:
    network = Script(PENDING, delay=1)
    with anyio.move_on_after(3.5):
        async with client(network, pace=Pace(first=2, growth=1, cap=2, patience=100)) as suno:
            task = await suno.generate_music(prompt="rain")
            await task  # the scope ends during a look
    assert network.closed


async def test_closing_tells_those_who_queue_for_a_place_in_the_limit() -> None:
    network = Script()
    suno = client(network)
    sending = [asyncio.create_task(suno.submit(job)) for job in jobs(40)]
    await anyio.sleep(1)
    await suno.aclose()
    await anyio.sleep(0.1)
    assert all(one.done() for one in sending)
    await asyncio.gather(*sending, return_exceptions=True)


async def test_attaching_as_another_kind_does_not_take_the_callbacks_of_a_task() -> None:
    network = Script(PENDING)
    async with client(network) as suno:
        task = await suno.generate_music(prompt="rain")
        suno.attach(GenerateLyrics, task.id)  # a slip, dropped at once
        assert suno.feed(parse_callback(called("complete", track(1)))) is True
        assert task.done()


def chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *chain(error.__cause__ or error.__context__)]


async def test_the_key_is_in_no_error_of_the_chain() -> None:
    """aiohttp's ClientResponseError carries the request's headers in its args and repr, and we chain it."""
    async with RawServer(b"garbage\r\n\r\n") as server, SunoClient(api_key="secret-key", base_url=server.url) as suno:
        with pytest.raises(SubmissionUncertain) as caught:
            await suno.generate_music(prompt="rain")
    assert not [repr(one) for one in chain(caught.value) if "secret-key" in repr(one)]


async def test_a_task_id_that_is_no_text_is_one_of_our_errors(tmp_path: Path) -> None:
    async with client(Script(DONE)) as suno:
        with pytest.raises(ConfigurationError):
            suno.attach(GenerateMusic, "\ud800")


@pytest.mark.parametrize("base", ["http://h:99999", "http://h:abc", "http://a..b", "http://" + "a" * 64 + ".example"])
async def test_a_base_address_that_cannot_be_reached_is_one_of_our_errors(base: str) -> None:
    with pytest.raises(SunoError):
        async with SunoClient(api_key="k", base_url=base) as suno:
            await suno.generate_music(prompt="rain")


async def test_the_pace_of_a_submit_holds_when_its_callback_overtook_the_answer() -> None:
    network = Script(PENDING, delay=1)
    async with SunoClient(api_key="k", transport=network) as suno:
        pace = Pace(first=2, growth=1, cap=2, patience=30)
        submitting = asyncio.create_task(suno.submit(GenerateMusic(prompt="x"), pace=pace))
        await anyio.sleep(0.5)
        suno.nudge("t1")
        task = await submitting
        with anyio.fail_after(40), pytest.raises(TaskTimeout):
            await task


async def test_closing_with_a_deadline_closes_all_the_same() -> None:
    network = Script(PENDING)
    suno = client(network)
    waiting = asyncio.create_task(suno.attach(GenerateMusic, "t9").wait())
    await anyio.sleep(1)
    network.delay = 50
    submitting = asyncio.create_task(suno.submit(GenerateMusic(prompt="x")))
    await anyio.sleep(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(suno.aclose(), 5)
    with pytest.raises(ConfigurationError, match="closed"):
        await waiting
    looks = len(network.polled_at)
    await anyio.sleep(300)
    assert (len(network.polled_at), network.closed) == (looks, True)
    assert (await submitting).id == "t1"


async def test_a_pace_without_pauses_lasts_as_long_as_its_patience() -> None:
    async with client(Script(PENDING), pace=Pace(first=0, patience=1200)) as suno:
        with pytest.raises(TaskTimeout):
            await suno.attach(GenerateMusic, "t1")


@pytest.mark.parametrize("provider", ["kie", "kie-jobs"])
async def test_a_persona_whose_caller_left_is_told_of(provider: str, caplog: pytest.LogCaptureFixture) -> None:
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
