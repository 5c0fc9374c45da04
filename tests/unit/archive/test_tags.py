"""Tags, read back by mutagen."""

from importlib import import_module
from pathlib import Path
from typing import Any

import av
import pytest

from suno_async.archive.lrc import Line
from suno_async.archive.tags import Tags, write
from suno_async.emulator.media import Content, make
from suno_async.emulator.media.songs import Tune, whole

mutagen: Any = import_module("mutagen")  # its types are partly unknown

JPEG, PNG = b"\xff\xd8\xff\xe0" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(100)
LINES = (Line(0.5, "la"), Line(1.25, "lo"))
TAGS = Tags("Rain 🌧", "fado", "la\nlo", LINES, "x.jpeg", "12", "V6", "t1", "a")
SYNCED = "[00:00.50]la\n[00:01.25]lo\n"


def song(path: Path) -> Path:
    """A song of a second, in the format of its suffix."""
    if path.suffix in (".mp3", ".m4a", ".wav"):
        path.write_bytes(make(Content(whole(Tune("rain", 1.0)), "rain"), path.suffix))
        return path
    with av.open(str(path), "w") as opened:
        file: Any = opened
        stream = file.add_stream("flac" if path.suffix == ".flac" else "libopus", rate=48000)
        stream.layout = "stereo"
        frame: Any = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.sample_rate = 48000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for one in (frame, None):
            file.mux(stream.encode(one))
    return path


@pytest.mark.parametrize("suffix", [".mp3", ".wav"])
@pytest.mark.parametrize("cover", [JPEG, PNG])
def test_id3(suffix: str, cover: bytes, tmp_path: Path) -> None:
    path = song(tmp_path / f"a{suffix}")
    length = mutagen.File(path).info.length
    for _ in range(2):  # a second time replaces, and adds nothing
        assert write(path, TAGS, cover)
    read = mutagen.File(path)
    assert read.info.length == pytest.approx(length)
    assert [str(read.tags[name]) for name in ("TIT2", "TCON", "TXXX:suno_model", "TXXX:suno_task_id")] == [
        *("Rain 🌧", "fado", "V6", "t1"),
    ]
    assert str(read.tags["TXXX:suno_track_id"]) == "a"
    assert [frame.text for frame in read.tags.getall("USLT")] == ["la\nlo"]
    assert [frame.text for frame in read.tags.getall("SYLT")] == [[("la", 500), ("lo", 1250)]]
    assert [(frame.data, frame.mime) for frame in read.tags.getall("APIC")] == [
        (cover, "image/png" if cover is PNG else "image/jpeg")
    ]


def test_mp4(tmp_path: Path) -> None:
    path = song(tmp_path / "a.m4a")
    for _ in range(2):
        assert write(path, TAGS, PNG)
    read = mutagen.File(path).tags
    assert [read[name] for name in ("\xa9nam", "\xa9gen", "\xa9lyr")] == [["Rain 🌧"], ["fado"], ["la\nlo"]]
    assert [bytes(one) for one in read["covr"]] == [PNG]
    assert bytes(read["----:com.apple.iTunes:suno_task_id"][0]) == b"t1"
    assert bytes(read["----:com.apple.iTunes:SYNCEDLYRICS"][0]).decode() == SYNCED


@pytest.mark.parametrize("suffix", [".flac", ".ogg"])
def test_comments(suffix: str, tmp_path: Path) -> None:
    path = song(tmp_path / f"a{suffix}")
    for _ in range(2):
        assert write(path, TAGS, JPEG)
    read = mutagen.File(path)
    said = {name: read.tags[name] for name in ("title", "genre", "lyrics", "syncedlyrics", "suno_model")}
    assert said == {
        "title": ["Rain 🌧"],
        "genre": ["fado"],
        "lyrics": ["la\nlo"],
        "syncedlyrics": [SYNCED],
        "suno_model": ["V6"],
    }
    assert len(read.pictures if suffix == ".flac" else read.tags["metadata_block_picture"]) == 1


@pytest.mark.parametrize(
    "body", [b"", b"?" * 100, b"RIFF\0\0\0\0WAVE", b"\0\0\0\x08ftyp", b"fLaC", b"OggS" + bytes(99), b"\xff"]
)
def test_what_cannot_be_tagged_is_left_as_it_is(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(body)
    assert not write(path, TAGS, JPEG)
    assert path.read_bytes() == body


def test_a_digest_tells_tags_apart() -> None:
    others = [TAGS._replace(title="x"), TAGS._replace(lines=()), TAGS._replace(cover_sha256="13"), Tags()]
    assert len({TAGS.digest(), *(one.digest() for one in others)}) == 5
    assert TAGS.digest() == TAGS._replace().digest()
