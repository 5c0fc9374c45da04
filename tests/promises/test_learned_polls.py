"""The client polls where the next stage is likely, as the songs before have shown."""

import asyncio
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from suno_async import KIE_LEGACY, GenerateMusic, Pace, Stage, Store, StoreError, SunoClient
from suno_async.stores import MemoryStore
from suno_async.wire.envelope import Reply

from ..conftest import now

TRACK = {"id": "a", "audioUrl": "https://files.example/a.mp3", "duration": 60.0}
MARKS = ((150.0, "SUCCESS"), (35.0, "FIRST_SUCCESS"), (10.0, "TEXT_SUCCESS"), (0.0, "PENDING"))


class Service:
    """Ends each song after 150 s, with text after 10 and a track after 35."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.polled: list[list[float]] = []

    async def send(self, method: str, url: str, body: bytes = b"", *, fresh: bool = False) -> Reply:
        if method != "GET":
            self.began.append(now())
            self.polled.append([])
            return Reply(200, b'{"code":200,"data":{"taskId":"%d"}}' % (len(self.began) - 1))
        number = int(parse_qs(urlsplit(url).query)["taskId"][0])
        age = now() - self.began[number]
        self.polled[number].append(age)
        status = next(word for since, word in MARKS if age >= since)
        tracks = {"sunoData": [TRACK, {**TRACK, "id": "b"}]} if age >= 35 else None
        data = {"taskId": str(number), "status": status, "response": tracks}
        return Reply(200, msgspec.json.encode({"code": 200, "msg": "success", "data": data}))

    def fetch(self, url: str, *, start: int = 0, validator: str = "") -> Any:
        raise AssertionError(url)

    async def upload(self, url: str, form: Any) -> Reply:
        raise AssertionError(url)

    async def aclose(self) -> None:
        pass


@pytest.fixture
def service() -> Service:
    return Service()


async def songs(suno: SunoClient, count: int) -> None:
    for _ in range(count):
        await suno.run(GenerateMusic(prompt="x"))
        await asyncio.sleep(3.3)


async def test_after_some_songs_the_end_is_noticed_at_once_and_with_fewer_polls(service: Service) -> None:
    async with SunoClient(api_key="k", provider=KIE_LEGACY, transport=service) as suno:
        await songs(suno, 30)
    first, last = service.polled[0], service.polled[-1]
    assert first[-1] > 155
    assert last[-1] < 153
    assert len(last) < len(first)
    assert len([age for age in last if age < 130]) <= 2


async def test_who_waits_for_a_stage_gets_it_soon_though_the_others_wait_for_the_end(service: Service) -> None:
    async with SunoClient(api_key="k", provider=KIE_LEGACY, transport=service) as suno:
        await songs(suno, 30)
        task = await suno.submit(GenerateMusic(prompt="x"))
        whole, began = asyncio.ensure_future(task.get()), now()
        await asyncio.sleep(20)
        assert service.polled[-1] == []
        await task.wait(Stage.FIRST)
        assert now() - began <= 35 + 11.6
        await whole


async def test_a_pace_that_is_given_is_followed_as_it_is(service: Service) -> None:
    async with SunoClient(api_key="k", provider=KIE_LEGACY, transport=service, pace=Pace()) as suno:
        await songs(suno, 12)
    assert service.polled[-1] == pytest.approx(service.polled[0], abs=0.1)


# ---- from one run to the next ----------------------------------------------------------------------------------------


def client(service: Service, store: Store) -> SunoClient:
    return SunoClient(api_key="k", provider=KIE_LEGACY, transport=service, store=store)


async def test_the_next_run_begins_with_what_the_last_one_has_learned(service: Service) -> None:
    store = MemoryStore()
    for count in (30, 1):
        async with client(service, store) as suno:
            await songs(suno, count)
    assert service.polled[-1][-1] < 153
    assert len(service.polled[-1]) < len(service.polled[0])


async def test_a_run_that_learns_nothing_leaves_what_is_there(service: Service) -> None:
    store = MemoryStore()
    async with client(service, store) as suno:
        await songs(suno, 6)
    kept = await store.noted("learned times")
    assert "GenerateMusic" in kept
    async with client(service, store) as suno:
        assert [task async for task in suno.resume()] == []
    assert await store.noted("learned times") == kept


@pytest.mark.parametrize(
    "kept",
    [
        "not JSON",
        '{"version":2}',
        '[["kie","Gone","V5",0,3,[150.0]]]',
        '[["kie","GenerateMusic","V5_5",0,3,[-1.0]]]',
        '[["kie","GenerateMusic","V5_5",0,9,[150.0]]]',
    ],
)
async def test_what_cannot_be_read_is_as_nothing(service: Service, kept: str) -> None:
    store = MemoryStore()
    await store.note("learned times", kept)
    async with client(service, store) as suno:
        await songs(suno, 2)
    assert service.polled[0][-1] > 155


class NotesFail(MemoryStore):
    """Has them read, perhaps, and takes none."""

    def __init__(self, error: Exception, *, reads: bool) -> None:
        super().__init__()
        self.error = error
        self.reads = reads
        self.taken = 0

    async def note(self, name: str, text: str) -> None:
        self.taken += 1
        raise self.error

    async def noted(self, name: str) -> str:
        if self.reads:
            return ""
        raise self.error


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("error", [StoreError("the disk is full"), AttributeError("the disk is full")])
async def test_a_store_that_takes_no_notes_disturbs_nothing(
    service: Service, caplog: pytest.LogCaptureFixture, error: Exception, reads: bool
) -> None:
    """Not even if it is the application's and raises what it likes. What could not be read is not written over."""
    store = NotesFail(error, reads=reads)
    with caplog.at_level(logging.INFO):
        async with client(service, store) as suno:
            await songs(suno, 2)
    assert [record.levelname for record in caplog.records if "disk is full" in record.message] == ["INFO"]
    assert store.taken == reads


async def test_times_of_jobs_that_are_not_imported_here_are_kept(service: Service) -> None:
    """Those of another program on the same store."""
    store = MemoryStore()
    await store.note("learned times", '[["kie","shop.jobs:SingMore","V5",0,3,[150.0]]]')
    async with client(service, store) as suno:
        await songs(suno, 2)
    kept = await store.noted("learned times")
    assert "shop.jobs:SingMore" in kept
    assert "GenerateMusic" in kept
