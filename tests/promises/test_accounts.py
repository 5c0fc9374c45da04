"""Several accounts in one store share nothing, and an account outlives its keys."""

import asyncio
from typing import Any

import pytest

from suno_async import ConfigurationError, SunoClient
from suno_async.stores import MemoryStore

from ..callbacks import query_of
from ..conftest import now
from ..doubles import DONE, PENDING, RawServer, Script, called, envelope, http, page, track
from .world import SONG, URL, World, all_of
from .world import world as world


async def test_two_accounts_in_one_store_share_nothing(world: World) -> None:
    async with (
        world.process(PENDING, account="team-a") as (one, first),
        world.process(DONE, account="team-b") as (two, second),
    ):
        mine = await one.submit(SONG, key="order-42", context="mine")
        theirs = await two.submit(SONG, key="order-42", context="theirs")
        assert (len(first.posted), len(second.posted)) == (1, 1)
        await theirs
        assert [task.context for task in await all_of(one.resume())] == ["mine"]
        assert await all_of(one.results()) == []
        assert [task.context for task in await all_of(two.results())] == ["theirs"]
        assert not mine.done()


async def test_a_key_is_replaced_without_losing_anything(world: World) -> None:
    """What was submitted with the old key is found, not paid again, and its callback is believed."""
    async with world.process(PENDING, account="team-a", callback_url=URL) as (old, script):
        task = await old.submit(SONG, key="order-42")
        query = query_of(script)
    moved = Script(PENDING)
    settings: dict[str, Any] = {"transport": moved, "store": world.store(), "clock": now, "callback_url": URL}
    async with SunoClient(api_key=["new", "k"], account="team-a", **settings) as new:
        assert (await new.submit(SONG, key="order-42")).id == task.id
        [again] = await all_of(new.resume())
        verdict = await new.receiver().receive(called("complete", track(1), track(2)), {}, query)
        assert verdict.status == 200
        assert len((await again).tracks) == 2
        assert moved.sent == []


async def test_a_token_of_a_key_that_is_not_given_any_more_is_refused(world: World) -> None:
    async with world.process(PENDING, callback_url=URL) as (old, script):
        await old.submit(SONG)
        query = query_of(script)
    async with SunoClient(api_key="new", transport=Script(), callback_url=URL, clock=now) as new:
        assert (await new.receiver().receive(called("complete", track(1), track(2)), {}, query)).status == 401


async def test_a_callback_for_another_account_changes_nothing_here(world: World) -> None:
    """Also if both make their tokens with one secret and are served at one address."""
    settings: dict[str, Any] = {"callback_url": URL, "callback_secret": "s"}
    async with (
        world.process(PENDING, account="team-a", **settings) as (one, first),
        world.process(PENDING, account="team-b", **settings) as (two, _),
    ):
        task = await one.submit(SONG)
        await two.receiver().receive(called("complete", track(1), track(2)), {}, query_of(first))
        await asyncio.sleep(1)
        assert await all_of(two.results()) == []
        assert await all_of(one.results()) == []
        assert not task.done()


@pytest.mark.parametrize("given", [["first", "second"], None])
async def test_the_first_of_several_keys_is_sent(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_API_KEY", " first , second ")
    async with RawServer(http(envelope(100))) as server, SunoClient(api_key=given, base_url=server.url) as suno:
        await suno.get_credits()
    assert server.got[0].headers["authorization"] == "Bearer first"


async def test_an_account_is_named_by_argument_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(clock=now)
    monkeypatch.setenv("SUNO_ACCOUNT", "team-a")
    async with SunoClient(api_key="k", transport=Script(page("PENDING")), store=store, clock=now) as suno:
        await suno.submit(SONG)
        assert len(await all_of(store.account("team-a").unfinished())) == 1
        assert await all_of(store.unfinished()) == []


@pytest.mark.parametrize("name", ["a b", "ä", "x" * 65, "a/b", 5])
def test_a_name_that_cannot_be_an_account_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="account must have 1 to 64 letters"):
        SunoClient(api_key="k", account=name)


@pytest.mark.parametrize("keys", [[], ["k", ""], ["k", 3], ["k", "Bearer k"]])
def test_keys_that_cannot_be_used_are_refused(keys: list[Any]) -> None:
    with pytest.raises(ConfigurationError):
        SunoClient(api_key=keys)
