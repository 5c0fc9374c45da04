"""How long local songs are."""

import wave
from pathlib import Path

import pytest

from suno_async import InvalidJob, UploadCover
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


def test_an_mp3_tells_its_length_by_its_bit_rate_or_by_its_count_of_frames(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.write_bytes(FRAME + bytes(16_000 * 60 - 4))
    assert seconds_of(song) == 60
    song.write_bytes(b"ID3\x04\0\0\0\0\0\x02..."[:10] + b".." + FRAME + bytes(16_000 * 60 - 4))
    assert seconds_of(song) == 60
    count = (1000).to_bytes(4)
    song.write_bytes(FRAME + bytes(32) + b"Xing" + bytes((0, 0, 0, 1)) + count + bytes(500))
    assert seconds_of(song) == pytest.approx(1000 * 1152 / 44100)


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
