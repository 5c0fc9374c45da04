"""What jobs cost is known before, during and after; and a batch never spends more than it may."""

from typing import Any

import pytest

from suno_async import (
    KIE_JOBS,
    BudgetExceeded,
    ConfigurationError,
    GenerateLyrics,
    GenerateMusic,
    InsufficientCredits,
    Job,
    RecoverAudio,
    SeparateStems,
    Stage,
    TaskFailed,
    Unauthorized,
)
from suno_async.stores import MemoryStore

from ..callbacks import opened, query_of
from ..clients import client, jobs
from ..conftest import now
from ..doubles import DONE, Script, envelope, page, reply, track

FAILED = page("GENERATE_AUDIO_FAILED")
NO_CREDITS = reply(code=402)


async def test_estimates_are_plain_functions_and_send_nothing() -> None:
    network = Script()
    suno = client(network)
    assert suno.estimate(GenerateMusic(prompt="x")) == 12
    assert suno.estimate(SeparateStems(task_id="t", audio_id="a", type="split_stem")) == 50
    assert suno.estimate(RecoverAudio(task_id="t")) is None
    assert client(network, provider="sunoapi").estimate(GenerateMusic(prompt="x")) is None
    assert network.sent == []


async def test_a_task_costs_what_the_list_says_where_the_service_says_nothing() -> None:
    async with client(Script(DONE)) as suno:
        task = await suno.generate_music(prompt="x")
        assert task.credits == 12
        await task
        assert task.credits == 12
        assert suno.attach(GenerateLyrics, "t9").credits == 0.4
        assert suno.attach(SeparateStems, "t8").credits is None  # of which kind is not known


def record(state: str, **more: Any) -> Any:
    result = '{"data":[{"id":"a","audio_url":"https://f.example/a.mp3","duration":9}]}' if state == "success" else ""
    return reply({"taskId": "t1", "state": state, "resultJson": result} | more)


@pytest.mark.parametrize("name", ["creditsConsumed", "consumeCredits"])
async def test_a_task_costs_what_the_jobs_api_tells_at_its_end(name: str) -> None:
    """While it waits, the record says 0 or nothing."""
    polls = [record("waiting", **{name: 0}), record("success", **{name: 10.5})]
    async with client(Script(*polls), provider="kie-jobs") as suno:
        task = await suno.generate_music(prompt="x", model="V5", style="s", title="t", custom_mode=True)
        assert task.credits == 12
        await task
        assert (task.credits, task.last.credits) == (10.5, 10.5)


@pytest.mark.parametrize("odd", ["many", None, [], -1, True])
async def test_an_odd_number_of_credits_hides_no_song(odd: Any) -> None:
    async with client(Script(record("success", creditsConsumed=odd)), provider=KIE_JOBS) as suno:
        task = await suno.generate_music(prompt="x", model="V5")
        assert (await task).tracks
        assert task.credits in (12, 1)  # a lenient reader may take true for 1


async def test_a_callback_tells_what_a_task_cost() -> None:
    async with opened() as (suno, script):
        receiver = suno.receiver()
        task = await suno.generate_music(prompt="x")
        one = track(1)
        one = {"id": one["id"], "audio_url": one["audioUrl"]}
        data = {"callbackType": "complete", "task_id": task.id, "data": [one, one], "consumeCredits": 11}
        assert (await receiver.receive(envelope(data), {}, query_of(script))).status == 200
        assert (task.stage, task.credits) == (Stage.COMPLETE, 11)


async def test_a_failed_song_costs_nothing_and_its_error_says_so() -> None:
    async with client(Script(FAILED)) as suno:
        task = await suno.generate_music(prompt="x")
        with pytest.raises(TaskFailed) as failed:
            await task
        assert (failed.value.refunded, task.credits) == (True, 0)


async def test_a_restored_task_knows_what_it_cost() -> None:
    store = MemoryStore()
    async with client(Script(), store=store) as suno:
        await suno.separate_stems(task_id="t", audio_id="a", stem_name="Kick")
    async with client(Script(), store=store) as suno:
        task = await anext(suno.resume())
        assert task.credits == 20


async def test_a_batch_spends_no_more_than_its_budget() -> None:
    network = Script(DONE)
    async with client(network) as suno:
        seen = [one async for one in suno.map(jobs(5), budget=30)]
    assert [type(one.error) for one in seen].count(BudgetExceeded) == 3
    assert sum(one.credits or 0 for one in seen) == 24
    assert len(network.posted) == 2


async def test_a_job_without_a_price_needs_one_stated() -> None:
    some: list[Job[Any]] = [RecoverAudio(task_id="t1")]
    async with client(Script(reply(code=201))) as suno:
        [one] = [one async for one in suno.map(some, budget=100)]
        assert isinstance(one.error, BudgetExceeded)
        assert (one.error.price, one.credits, one.task) == (None, 0, None)
        [one] = [one async for one in suno.map(some, budget=100, prices={RecoverAudio: 7})]
        assert (type(one.error).__name__, one.credits) == ("TaskTimeout", 7)
        [one] = [one async for one in suno.map(some, budget=6, prices={RecoverAudio: 7})]
        assert isinstance(one.error, BudgetExceeded)
        with pytest.raises(ConfigurationError, match=r"prices\[RecoverAudio\] must be a number of credits, got -1"):
            suno.map(some, prices={RecoverAudio: -1})


@pytest.mark.parametrize(
    ("refusal", "error"), [(NO_CREDITS, InsufficientCredits), (reply(code=401), Unauthorized)], ids=["credits", "key"]
)
@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared store"])
async def test_a_refused_batch_sends_nothing_more(refusal: Any, error: type[Exception], shared: bool) -> None:
    """Not even those jobs that wait for their place in the rate limit; and the store remembers none of them."""
    store = MemoryStore(clock=now) if shared else None
    accepted = [reply({"taskId": f"t{n}"}) for n in range(20)]
    network = Script(DONE, submits=[*accepted[:19], refusal, *accepted])
    async with client(network, store=store) as suno:
        seen = [one async for one in suno.map(jobs(60))]
        assert len(network.posted) == 20
        refused = [one for one in seen if one.error is not None]
        assert [type(one.error) for one in refused] == [error] * 41
        assert sum("not sent, since the service refused an earlier job" in str(one.error) for one in refused) == 40
        assert {(one.task, one.credits) for one in refused} == {(None, 0)}
        assert [task async for task in suno.resume()] == []
        assert [kept async for kept in suno.uncertain()] == []


async def test_a_generation_that_failed_and_was_refunded_is_repeated_when_asked() -> None:
    def answer() -> Any:
        return FAILED if network.sent[-1][2].endswith("=t1") else DONE

    network = Script(answer)
    async with client(network) as suno:
        [one] = [one async for one in suno.map(jobs(1), attempts=2, budget=12, key=lambda _: "order-1")]
        assert (one.error, one.credits) == (None, 12)
        assert len(network.posted) == 2
        # The same loop again pays nothing: each attempt has a key of its own.
        [again] = [one async for one in suno.map(jobs(1), attempts=2, key=lambda _: "order-1")]
        assert (again.error, len(network.posted)) == (None, 2)


async def test_a_generation_is_repeated_no_more_often_than_asked() -> None:
    network = Script(FAILED)
    async with client(network) as suno:
        [one] = [one async for one in suno.map(jobs(1))]
        assert isinstance(one.error, TaskFailed)
        assert len(network.posted) == 1
        [one] = [one async for one in suno.map(jobs(1), attempts=2)]
        assert isinstance(one.error, TaskFailed)
        assert len(network.posted) == 3
        network.polls = [page("GENERATE_LYRICS_FAILED")]
        words = [outcome async for outcome in suno.map([GenerateLyrics(prompt="x")], attempts=2)]
        assert isinstance(words[0].error, TaskFailed)
        assert len(network.posted) == 4  # a refund of lyrics is not stated
