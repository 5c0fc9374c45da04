"""How long local songs are."""

import wave
from pathlib import Path
from typing import Any

import pytest

from suno_async import InvalidJob, ReplaceSection, UploadCover, UploadExtend
from suno_async.files.lengths import seconds_of

from ...clients import client
from ...doubles import Script

FRAME = bytes((0xFF, 0xFB, 0x90, 0x00))  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz


def wav(path: Path, seconds: int) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(100)
        sound.writeframes(bytes(100 * seconds))
    return path


def test_a_wav_tells_its_length(tmp_path: Path) -> None:
    assert seconds_of(wav(tmp_path / "a.wav", 12)) == 12


def frames(count: int, kbits: int = 128) -> bytes:
    """Frames of silence."""
    number = {32: 1, 128: 9, 320: 14}[kbits]
    return (bytes((0xFF, 0xFB, number << 4, 0)) + bytes(144 * kbits * 1000 // 44100 - 4)) * count


def test_an_mp3_tells_its_length_by_its_frames_or_by_their_stated_count(tmp_path: Path) -> None:
    song, second = tmp_path / "a.mp3", 1152 / 44100
    song.write_bytes(frames(2000))
    assert seconds_of(song) == pytest.approx(2000 * second)
    song.write_bytes(b"ID3\x04\0\0\0\0\0\x02.." + frames(2000) + b"TAG" + bytes(125))
    assert seconds_of(song) == pytest.approx(2000 * second)
    song.write_bytes(frames(2000)[:-100])
    assert seconds_of(song) == pytest.approx(2000 * second)
    count = (1000).to_bytes(4)
    song.write_bytes(FRAME + bytes(32) + b"Xing" + bytes((0, 0, 0, 1)) + count + bytes(500))
    assert seconds_of(song) == pytest.approx(1000 * 1152 / 44100)


def test_a_bit_rate_that_changes_makes_no_song_longer(tmp_path: Path) -> None:
    """Silence in front, at 32 kbit/s, says nothing of the rest."""
    song = tmp_path / "a.mp3"
    song.write_bytes(frames(100, 32) + frames(4000, 320))
    assert seconds_of(song) == pytest.approx(4100 * 1152 / 44100)


def test_what_is_not_all_frames_has_no_length(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(frames(10) + bytes(100_000))
    assert seconds_of(song) is None


@pytest.mark.parametrize(
    "body", [b"", b"RIFF", b"RIFF1234WAVE", b"ID3", FRAME[:3], b"\xff\xfb\xf0\0" * 9, b"text" * 99]
)
def test_what_does_not_tell_has_no_length(tmp_path: Path, body: bytes) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(body)
    assert seconds_of(song) is None
    assert seconds_of(tmp_path / "absent.wav") is None


@pytest.mark.anyio
async def test_a_song_that_is_longer_than_the_model_takes_is_refused_before_it_is_uploaded(tmp_path: Path) -> None:
    script = Script()
    song = wav(tmp_path / "a.wav", 90)
    async with client(script, provider="kie") as suno:
        with pytest.raises(InvalidJob, match="at most 1 min long with V4_5ALL, and has 90 s"):
            await suno.submit(UploadCover(upload_url=song, prompt="la", model="V4_5ALL"))
    assert script.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "fields", "wrong"),
    [
        (UploadExtend, {"continue_at": 92, "prompt": "la"}, "continue_at must be less than the file's 90 seconds"),
        (ReplaceSection, {"start": 20, "end": 70}, "end must be at most 45 seconds after start, half of the file's 90"),
        (ReplaceSection, {"start": 80, "end": 92}, "end must be at most the file's 90 seconds"),
    ],
)
async def test_what_a_local_file_shows_to_be_wrong_is_refused_before_it_is_uploaded(
    kind: Any, fields: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    script = Script()
    if kind is ReplaceSection:
        fields = fields | {"style": "pop", "title": "La", "lyrics": "la", "full_lyrics": "la"}
    async with client(script, provider="kie") as suno:
        with pytest.raises(InvalidJob, match=wrong):
            await suno.submit(kind(upload_url=wav(tmp_path / "a.wav", 90), model="V5", **fields))
    assert script.sent == []
