"""What strangers and broken servers send takes bounded memory, and causes a bounded number of polls."""

import gzip
import tracemalloc

import aiohttp
import anyio
import pytest

from suno_async import GenerateMusic, Pace, ResponseLost, SunoClient
from suno_async.wire import tokens

from ..callbacks import query_of
from ..clients import client
from ..doubles import DONE, PENDING, RawServer, Script, called, http, track


async def test_an_answer_that_grows_without_end_is_given_up() -> None:
    """64 MiB of nothing fit into 64 KB on the wire.

    Before 3.14, aiohttp unpacks all that it has received at once.
    """
    bomb = http(gzip.compress(b"\0" * (64 << 20)), 200, "Content-Encoding: gzip")
    async with RawServer(bomb) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        tracemalloc.start()
        try:
            with pytest.raises(ResponseLost, match="more than 16777216 bytes"):
                await suno.get_credits()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    in_parts = tuple(map(int, aiohttp.__version__.split(".")[:2])) >= (3, 14)
    assert peak < (48 << 20 if in_parts else 160 << 20)


async def test_one_leaked_address_causes_few_polls() -> None:
    """A genuine token of a submission that nobody here knows, with invented task ids, for eight seconds."""
    network = Script(PENDING)
    secret = "of another process"
    async with client(network, callback_url="https://bot.example/suno", callback_secret=secret) as suno:
        receiver = suno.receiver(on_update=lambda update, record: None)
        token = tokens.issue(secret.encode(), GenerateMusic.token_id, "A" * 16)
        for number in range(300):
            verdict = await receiver.receive(called("complete", task_id=f"invented{number}"), {}, {tokens.NAME: token})
            assert verdict.status == 200
            await anyio.sleep(0.027)
        assert len(network.polled_at) <= 3 * 8 + 10


async def test_a_token_of_a_finished_submission_changes_nothing() -> None:

    network = Script(DONE)
    heard: list[str] = []
    async with client(network, callback_url="https://bot.example/suno") as suno:
        receiver = suno.receiver(on_update=lambda update, record: heard.append(update.stage.name))
        task = await suno.generate_music(prompt="rain")
        query = query_of(network)
        await task
        polls = len(network.polled_at)
        for stage in ("text", "first", "complete", "error"):
            body = called(stage, track(1), code=500 if stage == "error" else 200)
            assert (await receiver.receive(body, {}, query)).status == 200
        await anyio.sleep(200)
        assert len(network.polled_at) == polls
        assert task.stage.name == "COMPLETE"
    assert heard == ["COMPLETE"]


async def test_patience_is_kept_by_polls_that_hang() -> None:
    """200 tasks at a server that accepts and never answers."""
    async with RawServer(None) as server:
        async with SunoClient(api_key="k", base_url=server.url, pace=Pace(first=1, patience=4)) as suno:
            began = anyio.current_time()
            ended: list[float] = []

            async def wait(number: int) -> None:
                with pytest.raises(TimeoutError):
                    await suno.attach(GenerateMusic, f"t{number}")
                ended.append(anyio.current_time() - began)

            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(wait, number)
        assert len(ended) == 200
        assert max(ended) <= 5
