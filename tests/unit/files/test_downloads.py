"""Saving files, with a network and a source of fresh links that are scripts."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from suno_async import ConnectError, DownloadFailed, File, Music, ResponseLost, Track
from suno_async.files.downloads import save
from suno_async.http.base import Download

from ...conftest import now
from ...doubles import Script

pytestmark = pytest.mark.usefixtures("threads")


class Network(Script):
    """Serves each address by its own list of answers, the last for good: bytes, a status, or an error."""

    def __init__(self, served: Mapping[str, Sequence[bytes | int | Exception]], length: str = "") -> None:
        super().__init__()
        self.served = {url: list(answers) for url, answers in served.items()}
        self.length = length
        self.fetched: list[str] = []
        self.asked_at: list[float] = []
        self.under_way = self.most_under_way = 0

    @asynccontextmanager
    async def fetch(self, url: str, *, start: int = 0, validator: str = "") -> AsyncGenerator[Download]:
        self.fetched.append(url)
        self.asked_at.append(now())
        answers = self.served[url]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if isinstance(answer, int):
                yield Download(answer, {}, chunks(b""))
            else:
                yield Download(200, {"Content-Length": self.length} if self.length else {}, chunks(answer))
        finally:
            self.under_way -= 1


async def chunks(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 3):
        yield body[start : start + 3]


class Fresh:
    """Knows these files, and counts who asks."""

    def __init__(self, *files: File) -> None:
        self.files = files
        self.asked = 0

    async def get(self) -> Sequence[File]:
        self.asked += 1
        return self.files


def take(name: str) -> Track:
    return Track(id=name, title="La", audio_url=f"https://f.example/{name}.mp3")


async def test_files_are_saved_in_the_order_of_the_result_a_few_at_once(tmp_path: Path) -> None:
    takes = [take(f"t{number}") for number in range(9)]
    network = Network({str(one.audio_url): [one.id.encode()] for one in takes})
    paths = await save(Music(tracks=tuple(takes)), tmp_path, network, Fresh(), at_once=2)
    assert [path.read_text() for path in paths] == [one.id for one in takes]
    assert network.most_under_way == 2


async def test_a_lost_connection_is_tried_again_at_the_same_address(tmp_path: Path) -> None:
    links = Fresh()
    network = Network({"https://f.example/a.mp3": [ConnectError("no"), ResponseLost("cut"), b"song"]})
    (path,) = await save(take("a"), tmp_path, network, links)
    assert path.read_bytes() == b"song"
    assert links.asked == 0


@pytest.mark.parametrize("dead", [404, 403, 500, b""])
async def test_a_dead_link_is_replaced_by_the_same_files_fresh_one(dead: bytes | int, tmp_path: Path) -> None:
    other = File("https://f.example/other.jpeg", "La", "a", ".jpeg")
    fresh = File("https://f.example/new.mp3", "La", "a", ".mp3")
    network = Network({"https://f.example/a.mp3": [dead], fresh.url: [b"song"]})
    (path,) = await save(take("a"), tmp_path, network, Fresh(other, fresh))
    assert path.read_bytes() == b"song"
    assert network.fetched == ["https://f.example/a.mp3", fresh.url]


async def test_without_another_address_the_old_one_is_tried_for_a_minute(tmp_path: Path) -> None:
    network = Network({"https://f.example/a.mp3": [404]})
    with pytest.raises(DownloadFailed) as caught:
        await save(take("a"), tmp_path, network, Fresh())
    assert caught.value.failed == [("https://f.example/a.mp3", "HTTP 404")]
    assert [round(at) for at in network.asked_at] == [0, 1, 3, 7, 15, 30, 45, 60]
    assert list(tmp_path.iterdir()) == []


async def test_fewer_bytes_than_announced_are_not_kept(tmp_path: Path) -> None:
    network = Network({"https://f.example/a.mp3": [b"so", b"song"]}, length="4")
    (path,) = await save(take("a"), tmp_path, network, Fresh())
    assert path.read_bytes() == b"song"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
