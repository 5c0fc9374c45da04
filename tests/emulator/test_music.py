"""What the generated files contain, as the libraries of others read them."""
# pyright: reportUnknownMemberType=false
# (the types of mutagen are partly unknown)

import io
import time
import wave
from typing import Any

import av
import mido  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import mutagen
import numpy as np
import pytest
from numpy.typing import NDArray

from suno_async.emulator.media import Content, make
from suno_async.emulator.media.scores import PARTS, RATE, notes, sung
from suno_async.emulator.media.songs import Composer, Piece, Song, Tune, cut, length, whole, words
from suno_async.emulator.media.sounds import render

WORDS = words("[Verse]\nrain on the roof\n\n[Chorus]\nrain, rain")
SONG = whole(Tune("0 rain", 8.0, WORDS))
Sound = NDArray[np.float64]


def sound_of(file: bytes) -> Sound:
    """The samples of a file, from -1 to 1."""
    with av.open(io.BytesIO(file), "r") as opened:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [part for frame in opened.decode(audio=0) for part in resampler.resample(frame)]
        parts: list[Any] = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(parts).astype(np.float64)


def loudness(sound: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(sound, np.float64)))))


def made(suffix: str, song: Song = SONG, picture: str = "rain", parts: tuple[str, ...] = PARTS) -> bytes:
    return make(Content(song, picture, parts), suffix)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".wav", ".mp4"])
@pytest.mark.parametrize("seconds", [3.0, 8.0, 61.5])
def test_players_hear_as_many_seconds_as_are_stated(suffix: str, seconds: float) -> None:
    file = made(suffix, whole(Tune("rain", seconds)))
    read: Any = mutagen.File(io.BytesIO(file), easy=True)
    assert read.info.length == pytest.approx(seconds, abs=0.1)
    heard = sound_of(file)
    assert len(heard) / RATE == pytest.approx(seconds, abs=0.1)
    assert loudness(heard) > 0.02
    assert np.abs(heard).max() < 1


def test_a_wav_is_read_by_the_standard_library() -> None:
    with wave.open(io.BytesIO(made(".wav"))) as opened:
        assert (opened.getnchannels(), opened.getsampwidth(), opened.getframerate()) == (1, 2, RATE)
        assert opened.getnframes() == 8 * RATE


@pytest.mark.parametrize("suffix", [".jpeg", ".png"])
def test_pictures_are_square_and_differ_by_their_text(suffix: str) -> None:
    seen: list[Any] = []
    for text in ("rain", "rain", "sun"):
        with av.open(io.BytesIO(made(suffix, picture=text)), "r") as opened:
            seen.append(next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    assert seen[0].shape == (512, 512, 3)
    assert (seen[0] == seen[1]).all()
    assert np.abs(seen[0] - seen[2]).mean() > 5


def test_a_video_shows_the_picture_while_the_song_lasts() -> None:
    with av.open(io.BytesIO(made(".mp4")), "r") as opened:
        frames = list(opened.decode(video=0))
    assert [frame.time for frame in frames] == list(range(8))
    with av.open(io.BytesIO(made(".png")), "r") as opened:
        picture = next(opened.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    for frame in frames:
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).mean() < 8


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".wav", ".mid", ".jpeg", ".png", ".mp4"])
def test_the_same_content_gives_the_same_file(suffix: str) -> None:
    assert made(suffix) == made(suffix)


def test_prompts_takes_and_seeds_sound_different() -> None:
    tunes = [Composer(seed).tune(text, 8.0, WORDS) for seed in ("", "1") for text in ("0 rain", "1 rain", "0 sun")]
    heard = [render(whole(tune), PARTS).astype(np.float64) for tune in tunes]
    for place, one in enumerate(heard):
        for other in heard[place + 1 :]:
            assert loudness(one - other) > 0.7 * loudness(one)


def test_the_parts_of_a_song_add_up_to_it() -> None:
    parts = [render(SONG, (part,)).astype(int) for part in PARTS]
    assert (np.sum(parts, axis=0) == render(SONG, PARTS)).all()
    assert all(loudness(part) > 50 for part in parts)
    loudest = max(np.abs(render(whole(Tune(str(n), 20.0, WORDS)), PARTS).astype(int)).max() for n in range(20))
    assert loudest < 2**15 - 1
    stems = sum(sound_of(made(".mp3", parts=half)) for half in (PARTS[:2], PARTS[2:]))
    track = sound_of(made(".mp3"))
    assert loudness(stems - track) < 0.1 * loudness(track)


def test_an_extended_song_begins_with_the_original_and_goes_on() -> None:
    more = Tune("more", 4.0)
    extended = cut(SONG, 0, 5.5) + whole(more)
    assert length(extended) == 9.5
    heard, original = render(extended, PARTS), render(SONG, PARTS)
    at = round(5.5 * RATE)
    assert (heard[:at] == original[:at]).all()
    assert (heard[at:] == render(whole(more), PARTS)).all()
    again = cut(extended, 0, 7) + whole(Tune("again", 2.0))
    assert (render(again, PARTS)[: 7 * RATE] == heard[: 7 * RATE]).all()
    first, second = sound_of(made(".mp3"))[: 5 * RATE], sound_of(made(".mp3", extended))[: 5 * RATE]
    assert loudness(first - second) < 0.1 * loudness(first)


def test_pieces_are_cut_out_of_any_song() -> None:
    one, two = Tune("1", 4.0), Tune("2", 6.0)
    song = whole(one) + whole(two)
    assert cut(song, 3, 5) == (Piece(one, 3, 4), Piece(two, 0, 1))
    assert cut(song, 5, 20) == (Piece(two, 1, 6),)
    assert cut(cut(song, 3, 9), 2, 4) == (Piece(two, 1, 3),)
    assert cut(song, 10, 12) == ()


def test_the_voice_sings_each_word_when_the_lyrics_say() -> None:
    timed = list(sung(SONG))
    assert [word for word, _, _ in timed] == ["[Verse]\nrain", "on", "the", "roof", "[Chorus]\nrain,", "rain"]
    voice = render(SONG, ("vocal",))
    for _, start, end in timed:
        assert loudness(voice[round(start * RATE) : round(end * RATE)]) > 500
    assert not voice[: int(timed[0][1] * RATE)].any()
    assert not voice[int(timed[-1][2] * RATE) + 2 :].any()
    assert 0 < timed[0][1] < timed[-1][2] < 8
    crowded = list(sung(whole(Tune("rain", 8.0, WORDS * 50))))
    assert len(crowded) == 300
    assert crowded[-1][2] < 8
    extended = list(sung(cut(SONG, 0, timed[2][1]) + whole(Tune("more", 4.0, ("on", "and", "on")))))
    assert [word for word, _, _ in extended] == ["[Verse]\nrain", "on", "on", "and", "on"]
    assert extended[2][1] > timed[2][1]


def test_midi_has_the_notes_of_each_part() -> None:
    file: Any = mido.MidiFile(file=io.BytesIO(made(".mid")))
    assert file.length == pytest.approx(8, abs=0.01)
    assert len(file.tracks) == len(PARTS)
    for part, track in zip(PARTS, file.tracks, strict=True):
        started = [message.note for message in track if message.type == "note_on"]
        assert started == [note.pitch for note in sorted(notes(SONG, part), key=lambda note: note.start * 960 // RATE)]
        assert sum(message.type == "note_off" for message in track) == len(started)
    drums = {message.channel for message in file.tracks[PARTS.index("drums")] if message.type == "note_on"}
    assert drums == {9}


def test_ten_seconds_of_sound_take_little_time() -> None:
    """About 40 ms on an idle machine of 2025; the bound is for busy ones."""
    took: list[float] = []
    for take in range(3):
        began = time.thread_time()
        made(".mp3", whole(Tune(f"rain {take}", 60.0, WORDS)))
        took.append((time.thread_time() - began) / 6)
    assert min(took) < 0.1
