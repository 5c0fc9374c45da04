"""One user's batch does not stand before everybody's song, and a bot can show where a song stands."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from suno_async import ConfigurationError, GenerateMusic, InvalidJob, Job, RateLimited, SunoClient
from suno_async.emulator import Emulator
from suno_async.stores.memory import MemoryStore
from suno_async.stores.sqlite import SQLiteStore

from ..clients import client
from ..conftest import now
from ..doubles import DONE, Script, reply

SONG = GenerateMusic(prompt="rain")
ANNA, BERT = {"user": "anna"}, {"user": "bert"}


def user_of(context: dict[str, Any]) -> Any:
    return context["user"]


def no_group(context: object) -> Any:
    return []


def batch(suno: SunoClient, count: int, **options: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(suno.submit(SONG, **options)) for _ in range(count)]


def songs(count: int) -> list[Job[Any]]:
    return [GenerateMusic(prompt=f"song {number}") for number in range(count)]


async def in_line(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)


async def test_equal_contexts_are_a_group_and_groups_take_turns() -> None:
    async with client(Script()) as suno:
        waiting = batch(suno, 500, context=ANNA)
        await in_line()
        task = await suno.submit(SONG, context={"user": "bert"})
        assert now() == pytest.approx(10.2)
        assert task.context == BERT
        for one in waiting:
            one.cancel()


async def test_fair_by_tells_whose_a_context_is() -> None:
    async with client(Script(), fair_by=user_of) as suno:
        waiting = [one for number in range(100) for one in batch(suno, 1, context={"user": "anna", "song": number})]
        await in_line()
        await suno.submit(SONG, context={"user": "bert", "song": 1})
        assert now() == pytest.approx(10.2)
        await asyncio.gather(*waiting)


async def test_without_a_context_all_are_one_group_in_their_order() -> None:
    network = Script()
    async with client(network, fair_by=user_of) as suno:
        await asyncio.gather(*(suno.submit(song) for song in songs(100)))
    assert [body["prompt"] for body in network.posted] == [f"song {number}" for number in range(100)]


@pytest.mark.parametrize("fair_by", [user_of, no_group])
async def test_what_can_be_no_group_is_said_before_anything_is_sent(fair_by: Any) -> None:
    network = Script()
    async with client(network, fair_by=fair_by) as suno:
        with pytest.raises(ConfigurationError, match=r"fair_by failed with the context \{'chat': 7\}"):
            await suno.submit(SONG, context={"chat": 7})
        with pytest.raises(ConfigurationError, match="fair_by"):
            await suno.with_options(context={"chat": 7}).boost_style(content="pop")
    assert network.sent == []
    with pytest.raises(ConfigurationError, match="fair_by must be a function"):
        SunoClient(api_key="k", fair_by="user")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_a_priority_counts_for_submit_run_map_and_methods() -> None:
    network = Script(DONE, submits=[reply({"taskId": f"t{number}"}) for number in range(40)])
    async with client(network) as suno:
        batch(suno, 20)
        low = batch(suno.with_options(priority=-1), 40)
        await in_line()
        quick = suno.with_options(priority=5)

        async def mapped() -> None:
            async for outcome in quick.map([GenerateMusic(prompt="map")]):
                assert outcome.error is None

        await asyncio.gather(
            mapped(),
            quick.generate_music(prompt="method"),
            quick.submit(GenerateMusic(prompt="view")),
            suno.submit(GenerateMusic(prompt="submit"), priority=5),
            suno.run(GenerateMusic(prompt="run"), priority=5),
        )
        sent = [body["prompt"] for body in network.posted[20:26]]
        assert Counter(sent) == Counter(["map", "method", "view", "submit", "run", "rain"])
        assert sent[4] == "rain"  # one of five is for lower priorities
        assert not all(one.done() for one in low)
        for one in low:
            one.cancel()


async def test_a_priority_that_cannot_be_used_is_refused() -> None:
    network = Script()
    async with client(network) as suno:
        for priority in (101, -101, 1.5, True, "high"):
            with pytest.raises(ConfigurationError, match="priority must be a whole number from -100 to 100"):
                await suno.submit(SONG, priority=priority)  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(ConfigurationError, match="on_queued must be a function"):
            suno.with_options(on_queued=7)  # type: ignore[arg-type]  # pyright: ignore
    assert network.sent == []


# ---- the place in the queue ------------------------------------------------------------------------------------------


async def test_on_queued_hears_of_each_new_place_until_the_song_is_sent() -> None:
    async with client(Script()) as suno:
        waiting, places = batch(suno, 50), list[tuple[float, int]]()
        await in_line(0)
        await suno.submit(SONG, on_queued=lambda place: places.append((round(now(), 1), place)))
        assert places == [(0, 31), (10.2, 11)]
        assert now() == pytest.approx(20.4)
        await suno.submit(SONG, on_queued=lambda place: places.append((now(), place)))
        assert len(places) == 2  # it need not wait
        await asyncio.gather(*waiting)


async def test_a_coroutine_function_is_called_once_at_a_time_and_never_after_the_song_is_sent() -> None:
    shown = list[str]()

    async def show(place: int) -> None:
        shown.append(f"begin {place}")
        await asyncio.sleep(12)
        shown.append(f"end {place}")

    async with client(Script()) as suno:
        waiting = batch(suno, 70)
        await in_line(0)
        await suno.submit(SONG, on_queued=show)
        assert now() == pytest.approx(30.6)
        # The places at 10.2 s and 20.4 s came while it was busy, and the last call is cut off.
        assert shown == ["begin 51", "end 51", "begin 31", "end 31", "begin 11"]
        await asyncio.gather(*waiting)
        await asyncio.sleep(60)
        assert len(shown) == 5


@pytest.mark.parametrize("error", [ValueError("no"), RateLimited(429, "no", "/")])
async def test_what_on_queued_raises_is_logged_and_stops_nobody(error: Exception, caplog: Any) -> None:
    async def fails(place: int) -> None:
        raise error

    def fails_at_once(place: int) -> None:
        raise error

    async with client(Script()) as suno:
        batch(suno, 20)
        await asyncio.gather(suno.submit(SONG, on_queued=fails), suno.submit(SONG, on_queued=fails_at_once))
    assert caplog.text.count("on_queued failed") == 2


async def test_a_song_that_is_given_up_hears_nothing_more() -> None:
    places = list[int]()
    async with client(Script()) as suno:
        batch(suno, 60)
        waiting = asyncio.create_task(suno.submit(SONG, on_queued=places.append))
        await in_line()
        waiting.cancel()
        await asyncio.sleep(60)
        assert places == [41]


async def test_a_bad_job_hears_nothing() -> None:
    places = list[int]()
    async with client(Script()) as suno:
        with pytest.raises(InvalidJob):
            await suno.submit(GenerateMusic(prompt=""), on_queued=places.append)
    assert places == []


# ---- several workers, and a service that counts ----------------------------------------------------------------------


async def test_of_several_workers_on_one_store_a_song_goes_before_the_batch_of_another() -> None:
    store = MemoryStore(clock=now)
    async with client(Script(), store=store) as one, client(Script(), store=store) as two:
        waiting = batch(one, 200, context=ANNA)
        await in_line(25)
        await two.submit(SONG, context=BERT)
        assert now() == pytest.approx(30.6, abs=0.2)
        for each in waiting:
            each.cancel()


@pytest.mark.parametrize("shared", [False, True])
async def test_the_service_refuses_nobody_and_the_window_is_used(shared: bool, tmp_path: Path) -> None:
    async with Emulator(credits=10_000) as emulator:
        clock = asyncio.get_running_loop().time  # asked in the store's thread, too
        store = SQLiteStore(tmp_path / "songs.db", clock=clock) if shared else None
        async with SunoClient(api_key=emulator.api_key, base_url=emulator.url, store=store, clock=now) as suno:
            began = now()
            waiting = [
                asyncio.create_task(suno.submit(SONG, context={"user": number % 7}, priority=number % 3))
                for number in range(200)
            ]
            await asyncio.gather(*waiting)
            assert len(emulator.runs) == 200
            assert now() - began <= 9 * 10.2 / 0.97
            assert len([seen for seen in emulator.log if seen.method == "POST"]) == 200  # no refusal
        if store is not None:
            await store.aclose()
