"""Tasks in folders that are complete on their own: whole, tagged, checked, continued after a kill."""

import hashlib
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from suno_async import (
    ConfigurationError,
    DownloadFailed,
    GenerateLyrics,
    GenerateMusic,
    Music,
    SeparateStems,
    SunoClient,
    Task,
    TaskFailed,
    Track,
)
from suno_async.archive import ArchivedTask
from suno_async.emulator import Emulator, Fail

from ..cdn import Answer, Cdn, cdn, moved, ranges
from ..doubles import RawServer, http
from ..doubles import track as listed

pytestmark = pytest.mark.usefixtures("threads")

ID3: Any = import_module("mutagen.id3").ID3  # its types are partly unknown
FRAME = bytes((0xFF, 0xFB, 0x90, 0)) + bytes(413)
COVER = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8


def song(number: int = 0, frames: int = 100) -> bytes:
    """An MP3 that is like no other."""
    return FRAME * frames + number.to_bytes(417)


@pytest.fixture
async def host() -> AsyncIterator[Cdn]:
    async with cdn() as one:
        one.served = {"/a.mp3": [song(1)], "/a.jpeg": [COVER], "/b.mp3": [song(2)], "/b.jpeg": [COVER[::-1]]}
        one.served["/b.jpeg"] = [b"\x89PNG\r\n\x1a\n" + bytes(100)]
        yield one


@pytest.fixture
async def suno(host: Cdn) -> AsyncIterator[SunoClient]:
    async with SunoClient(api_key="k", base_url=host.url) as one:
        yield one


def task_of(host: Cdn, *names: str, task_id: str = "t1", title: str = "La") -> Task[Music]:
    tracks = [
        Track(
            id=name,
            title=title,
            task_id=task_id,
            prompt="[Verse]\nla la",
            tags="fado",
            audio_url=f"{host.url}/{name}.mp3",
            image_url=f"{host.url}/{name}.jpeg",
        )
        for name in names
    ]
    return Task.resolved(Music(task_id=task_id, tracks=tuple(tracks)), task_id=task_id)


def named(saved: ArchivedTask, kind: str) -> list[Path]:
    return [Path(saved.folder) / one.name for one in saved.files if one.kind == kind]


def contents(saved: ArchivedTask) -> Any:
    return json.loads((Path(saved.folder) / "task.json").read_bytes())


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".part" in path.name]


async def failed(suno: SunoClient, task: Task[Any], folder: Path | str, **options: Any) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as caught:
        await suno.archive(folder, **options).save(task)
    return caught.value


# ---- what a folder has -----------------------------------------------------------------------------------------------


async def test_a_song_is_kept_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """Audio with tags, covers, lyrics with and without times, and task.json; the second run fetches nothing."""
    async with Emulator(media_seconds=1) as emulator, emulator.client() as suno:
        job = GenerateMusic(lyrics="[Verse]\nrain on the roof\n\nand more", style="fado", title="Rain", model="V6")
        task = await suno.submit(job, key="secret-context")
        archive = suno.archive(tmp_path, timed_lyrics=True)
        saved = await archive.save(task)
        asked = len(emulator.log)
        again = await archive.save(task)
        assert len(emulator.log) == asked
    assert (saved.error, saved.written, again.written, again.files) == (None, 8, 0, saved.files)
    assert {path.name for path in Path(saved.folder).iterdir()} == {*(one.name for one in saved.files), "task.json"}
    assert [one.kind for one in saved.files].count("audio") == 2
    for path in named(saved, "audio"):
        tags = ID3(path)
        assert (str(tags["TIT2"]), str(tags["TCON"]), str(tags["TXXX:suno_model"])) == ("Rain", "fado", "V6")
        assert str(tags["TXXX:suno_task_id"]) == task.id
        assert "rain on the roof" in str(tags.getall("USLT")[0])
        (timed,) = tags.getall("SYLT")
        assert [text for text, _ in timed.text] == ["rain on the roof", "and more"]
        assert tags.getall("APIC")[0].data in [cover.read_bytes() for cover in named(saved, "image")]
        assert path.with_suffix(".txt").read_text() == "[Verse]\nrain on the roof\n\nand more\n"
        assert path.with_suffix(".lrc").read_text().splitlines()[0] == "[ti:Rain]"
    said = contents(saved)
    assert (said["task_id"], said["kind"], said["model"], said["api"]) == (task.id, "GenerateMusic", "V6", "kie-jobs")
    assert said["job"]["style"] == "fado"
    assert said["result"]["tracks"][0]["title"] == "Rain"
    assert said["raw"]["data"]["taskId"] == task.id
    for one in said["files"]:
        body = (Path(saved.folder) / one["name"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (one["size"], one["sha256"])


async def test_stems_and_lyrics_have_folders_of_their_own(tmp_path: Path) -> None:
    async with Emulator(media_seconds=1) as emulator, emulator.client() as suno:
        music = await suno.run(GenerateMusic(prompt="rain"))
        archive = suno.archive(tmp_path)
        stems = await archive.save(await suno.submit(SeparateStems(music.tracks[0])))
        lyrics = await archive.save(await suno.submit(GenerateLyrics(prompt="rain")))
    assert [one.name.split()[0] for one in stems.files] == ["instrumental", "vocal"]
    assert contents(stems)["job"]["task_id"] == music.task_id
    assert all(path.read_text().startswith("[Verse]") for path in named(lyrics, "lyrics"))
    assert Path(lyrics.folder).parent == Path(stems.folder).parent == tmp_path


@pytest.mark.parametrize(
    "title",
    [
        *("../../etc/passwd", "/etc/passwd", "a\0b", "x" * 300, "CON", "nul.txt", "🌧 Regen 🎵", "\u202egnp.exe"),
        *("..", ".", " ", "-rf ~", "C:\\Windows\\x", "line\nfeed", "\ud800", "é" * 200),
    ],
)
async def test_no_title_leads_out_of_the_archive(title: str, suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    archive = tmp_path / "deep" / "down" / "archive"
    saved = await suno.archive(archive).save(task_of(host, "a", title=title))
    assert Path(saved.folder).parent == archive
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == list(Path(saved.folder).iterdir())
    for path in Path(saved.folder).iterdir():
        assert path.name.isprintable()
        assert len(path.name.encode()) <= 120


# ---- what goes wrong -------------------------------------------------------------------------------------------------


async def test_what_is_damaged_emptied_or_gone_is_fetched_again(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    archive, task = suno.archive(tmp_path), task_of(host, "a", "b")
    saved = await archive.save(task)
    first = {path.name: path.read_bytes() for path in Path(saved.folder).iterdir()}
    (one, two), (cover, _) = named(saved, "audio"), named(saved, "image")
    one.write_bytes(one.read_bytes()[:-1] + b"!")
    two.write_bytes(b"")
    cover.unlink()
    host.requests.clear()
    again = await archive.save(task)
    assert (again.written, len(host.requests)) == (3, 3)
    assert {path.name: path.read_bytes() for path in Path(saved.folder).iterdir()} == first


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"format": 1}', b"\xff" * 10])
async def test_a_task_json_that_cannot_be_read_is_made_anew(
    body: bytes, suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    saved = await suno.archive(tmp_path).save(task_of(host, "a"))
    (Path(saved.folder) / "task.json").write_bytes(body)
    again = await suno.archive(tmp_path).save(task_of(host, "a"))
    assert (again.files, again.written) == (saved.files, 3)
    assert len(contents(again)["files"]) == 3


async def test_takes_that_are_the_same_file_are_noticed(
    suno: SunoClient, host: Cdn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host.served["/b.mp3"] = host.served["/a.mp3"]
    archive, task = suno.archive(tmp_path), task_of(host, "a", "b")
    new, again = await archive.save(task), await archive.save(task)
    first, second = [one for one in new.files if one.kind == "audio"]
    assert (new.duplicates, second.duplicate_of) == ((second,), first.name)
    assert again.files == new.files
    assert "is the same file as" in caplog.text
    assert [one["duplicate_of"] for one in contents(again)["files"] if one["duplicate_of"]] == [first.name]


async def test_what_fails_is_told_and_the_next_run_completes_it(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    """The cover that comes late is written into the audio without fetching that again."""
    host.served["/a.jpeg"], host.served["/b.mp3"] = [410], [b""]
    task = task_of(host, "a", "b")
    error = await failed(suno, task, tmp_path)
    assert [url.removeprefix(host.url) for url, _ in error.failed] == ["/a.jpeg", "/b.mp3"]
    assert all(path.is_file() for path in error.saved)
    (folder,) = tmp_path.iterdir()
    assert [one["reason"] for one in json.loads((folder / "task.json").read_bytes())["missing"]] == [
        *("HTTP 410", "0 of 0 bytes"),
    ]
    assert left_over(tmp_path) == []
    host.served |= {"/a.jpeg": [COVER], "/b.mp3": [song(2)], "/a.mp3": [500]}
    saved = await suno.archive(tmp_path).save(task)
    (audio, _) = named(saved, "audio")
    assert ID3(audio).getall("APIC")[0].data == COVER
    assert audio.read_bytes().endswith(song(1))
    assert contents(saved)["missing"] == []


async def test_a_dead_link_is_replaced_by_a_fresh_one(suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    host.served["/a.mp3"], host.served["/fresh.mp3"] = [404], [song(1)]
    host.page = [listed() | {"id": "a", "audioUrl": f"{host.url}/fresh.mp3", "imageUrl": f"{host.url}/a.jpeg"}]
    saved = await suno.archive(tmp_path).save(task_of(host, "a"))
    assert named(saved, "audio")[0].read_bytes().endswith(song(1))


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        ("file:///etc/passwd", "address"),
        ("ftp://files.example.com/a.mp3", "address"),
        ("data:audio/mpeg;base64,AAAA", "address"),
        (moved("http://169.254.169.254/latest/meta-data"), "private address, is not followed"),
        (moved("file:///etc/passwd"), "no http(s) address"),
        (ranges(song(1, 4000)), "max_bytes is 100000"),
        (b"<html>sign in</html>", "a page of HTML"),
    ],
    ids=["file", "ftp", "data", "redirect to metadata", "redirect to file", "too large", "page"],
)
async def test_nothing_but_media_of_a_media_host_comes_in(
    audio: str | Answer, reason: str, suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    if isinstance(audio, str):
        task = Task.resolved(Music(task_id="t1", tracks=(Track(id="a", title="La", audio_url=audio),)))
    else:
        host.served["/a.mp3"], task = [audio], task_of(host, "a")
    error = await failed(suno, task, tmp_path, max_bytes=100_000)
    assert reason in error.failed[0][1]
    assert not list(tmp_path.rglob("*.mp3"))
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    "answer",
    [
        http(song(1), length=len(song(1)) + 100),
        http(song(1), length=len(song(1)) - 100),
        http(song(1), 200, "Connection: close", length=100),
    ],
    ids=["less", "more", "more than the end"],
)
async def test_a_length_that_is_a_lie_makes_no_broken_file(answer: bytes, tmp_path: Path) -> None:
    """What is announced must come, and no more. No error repeats the bytes."""
    async with RawServer(answer, keeps_alive=False) as server, SunoClient(api_key="k", base_url=server.url) as suno:
        music = Music(task_id="t1", tracks=(Track(id="a", title="La", audio_url=f"{server.url}/a.mp3"),))
        error = await failed(suno, Task.resolved(music), tmp_path)
    assert len(str(error)) < 1000
    assert str(error).isprintable()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["task.json"]


# ---- killed in the middle --------------------------------------------------------------------------------------------

PROGRAM = """
import asyncio, sys
from suno_async import Music, SunoClient, Task, Track

async def main(url, folder):
    track = Track(id="a", title="La", audio_url=url + "/a.mp3", image_url=url + "/a.jpeg", task_id="t1")
    async with SunoClient(api_key="k", base_url=url) as suno:
        await suno.archive(folder).save(Task.resolved(Music(task_id="t1", tracks=(track,)), task_id="t1"))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_run_leaves_parts_and_the_next_one_continues(
    suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    body, sent = song(1, 1000), 200_000

    async def stands_still(request: Any) -> Any:
        from aiohttp import web

        answer = web.StreamResponse(headers={"Content-Length": str(len(body)), "ETag": '"one"'})
        await answer.prepare(request)
        await answer.write(body[:sent])
        with anyio.move_on_after(1e6):
            await anyio.to_thread.run_sync(killed)
        return answer

    def killed() -> None:
        """Kill it when what was sent is on disk."""
        until = time.monotonic() + 30
        while sum(path.stat().st_size for path in tmp_path.rglob("*.mp3.part")) < sent and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()

    host.served["/a.mp3"] = [stands_still, ranges(body)]
    process = await anyio.open_process([sys.executable, "-c", PROGRAM, host.url, str(tmp_path)])
    async with process:
        assert await process.wait() == -9
    (folder,) = tmp_path.iterdir()
    assert sorted("".join(path.suffixes[-2:]) for path in folder.iterdir() if path.suffix != ".jpeg") == [
        *(".json", ".mp3.part", ".part.json"),
    ]
    whole = [one["name"] for one in json.loads((folder / "task.json").read_bytes())["files"]]
    assert whole == [path.name for path in folder.glob("*.jpeg")]
    host.requests.clear()
    saved = await suno.archive(tmp_path).save(task_of(host, "a"))
    assert [(path, headers.get("range")) for path, _, headers in host.requests] == [("/a.mp3", f"bytes={sent}-")]
    assert named(saved, "audio")[0].read_bytes().endswith(body)
    assert left_over(tmp_path) == []


# ---- many, and elsewhere ---------------------------------------------------------------------------------------------


async def test_many_are_saved_a_few_at_once_and_one_that_fails_stops_no_other(
    suno: SunoClient, host: Cdn, tmp_path: Path
) -> None:
    taken = 0

    def tasks() -> Iterator[Task[Any]]:
        nonlocal taken
        for number in range(60):
            taken += 1
            yield task_of(host, "a" if number != 7 else "none", task_id=f"t{number}")

    host.served["/none.mp3"], host.served["/none.jpeg"] = [410], [410]
    outcomes: list[ArchivedTask] = []
    async with aclosing(suno.archive(tmp_path, concurrency=4).save_all(tasks())) as saved:
        async for one in saved:
            outcomes.append(one)
            assert taken - len(outcomes) <= 4
    assert len(outcomes) == len({one.folder for one in outcomes}) == 60
    assert [one.task_id for one in outcomes if one.error is not None] == ["t7"]


async def test_what_is_about_to_be_removed_is_saved(tmp_path: Path) -> None:
    """Of a store, by its own client; a task that failed has no files, and one that does is an outcome."""
    days = 0.0
    async with Emulator(media_seconds=1) as emulator:
        suno = emulator.client(store="memory:", clock=lambda: time.time() + days * 86_400)
        async with suno:
            emulator.script(None, [Fail()])
            with pytest.raises(TaskFailed):
                await suno.run(GenerateMusic(prompt="sun"))
            task = await suno.submit(GenerateMusic(prompt="rain"))
            await task
            archive = suno.archive(tmp_path)
            assert [one async for one in archive.save_all(suno.expiring())] == []
            days = 13.5
            (saved,) = [one async for one in archive.save_all(suno.expiring())]
    assert (saved.task_id, saved.error) == (task.id, None)
    assert len(named(saved, "audio")) == 2


@pytest.mark.parametrize("scheme", ["memory", "file"])
async def test_an_archive_can_be_at_an_address(scheme: str, suno: SunoClient, host: Cdn, tmp_path: Path) -> None:
    url = f"{scheme}://{tmp_path}/songs"
    fs: Any = import_module("fsspec.core").url_to_fs(url)[0]
    saved = await suno.archive(url).save(task_of(host, "a", "b"))
    names = sorted(path.rpartition("/")[2] for path in fs.ls(saved.folder, detail=False))
    assert names == sorted([*(one.name for one in saved.files), "task.json"])
    for one in saved.files:
        assert hashlib.sha256(fs.cat_file(f"{saved.folder}/{one.name}")).hexdigest() == one.sha256
    host.requests.clear()
    again = await suno.archive(url).save(task_of(host, "a", "b"))
    assert (again.written, host.requests) == (0, [])
    fs.pipe_file(f"{saved.folder}/{saved.files[0].name}", b"")
    assert (await suno.archive(url).save(task_of(host, "a", "b"))).written == 1


async def test_an_address_that_fails_is_one_of_our_errors(
    suno: SunoClient, host: Cdn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    error = await failed(suno, task_of(host, "a"), tmp_path / "file")
    assert str(tmp_path / "file") in str(error)

    def denied(*args: Any, **options: Any) -> Any:
        raise RuntimeError("no credentials")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.open", denied)
    error = await failed(suno, task_of(host, "a"), "memory://x")
    assert "RuntimeError: no credentials" in str(error)


@pytest.mark.parametrize(
    ("folder", "options", "reason"),
    [
        ("", {}, "folder must be a path"),
        ("a\0b", {}, "folder must be a path"),
        (7, {}, "folder must be a path"),
        ("nonsense://bucket/songs", {}, "cannot reach nonsense://"),
        ("songs", {"concurrency": 0}, "concurrency must be a number of files, at least 1, got 0"),
        ("songs", {"max_bytes": 0}, "max_bytes must be a number of bytes, at least 1, got 0"),
    ],
)
async def test_what_is_no_archive_is_refused(folder: Any, options: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        SunoClient(api_key="k").archive(folder, **options)


@pytest.mark.parametrize(("module", "folder"), [("mutagen", "songs"), ("fsspec.core", "memory://songs")])
async def test_the_extra_is_named_where_it_is_missing(
    module: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"suno-async\[archive\]"):
        SunoClient(api_key="k").archive(folder)


async def test_only_tasks_are_archived(suno: SunoClient, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="task must be a Task"):
        await suno.archive(tmp_path).save(Music())  # type: ignore[arg-type]  # pyright: ignore
