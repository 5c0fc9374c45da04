"""Encoders: samples and pixels as MP3, M4A, JPEG and MP4, by PyAV, and as WAV."""
# pyright: reportUnknownMemberType=false
# (the types of PyAV are partly unknown)

import io
import wave
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from .pictures import Pixels
from .scores import RATE
from .sounds import Samples

__all__ = ["jpeg", "m4a", "mp3", "mp4", "wav"]

BIT_RATE = 64_000
# The fastest algorithms, which take half the time of the defaults, or less.
MP3 = ("libmp3lame", {"compression_level": "9"})
AAC = ("aac", {"aac_coder": "fast"})


def wav(sound: Samples) -> bytes:
    """The sound as WAV."""
    written = io.BytesIO()
    with wave.open(written, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.tobytes())
    return written.getvalue()


def mp3(sound: Samples) -> bytes:
    """The sound as MP3."""
    return _written("mp3", sound, *MP3)


def m4a(sound: Samples) -> bytes:
    """The sound as M4A."""
    return _written("ipod", sound, *AAC)


def mp4(sound: Samples, pixels: Pixels) -> bytes:
    """A video of the picture, as long as the sound, one frame a second."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as target:
        codec, options = ("libx264", {"preset": "ultrafast"}) if "libx264" in av.codecs_available else ("mpeg4", {})
        video: Any = target.add_stream(codec, rate=1, options=options)
        video.height, video.width, _ = pixels.shape
        video.pix_fmt = "yuv420p"
        audio = _sound_stream(target, *AAC)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        for second in range(max(1, len(sound) // RATE)):
            frame.pts, frame.time_base = second, Fraction(1)
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
        _encode(target, audio, sound)
    return written.getvalue()


def jpeg(pixels: Pixels) -> bytes:
    """The picture as JPEG."""
    written = io.BytesIO()
    with av.open(written, "w", format="image2pipe") as target:
        stream: Any = target.add_stream("mjpeg", rate=1)
        stream.height, stream.width, _ = pixels.shape
        stream.pix_fmt = "yuvj420p"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")))
        target.mux(stream.encode(None))
    return written.getvalue()


def _written(form: str, sound: Samples, codec: str, options: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with av.open(written, "w", format=form) as target:
        _encode(target, _sound_stream(target, codec, options), sound)
    return written.getvalue()


def _sound_stream(target: Any, codec: str, options: dict[str, str]) -> Any:
    stream = target.add_stream(codec, rate=RATE, layout="mono", options=options)
    stream.bit_rate = BIT_RATE
    return stream


def _encode(target: Any, stream: Any, sound: Samples) -> None:
    for frame in _frames(sound):
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def _frames(sound: Samples) -> Iterator[Any]:
    """The sound in pieces of a minute, so that no copy of all of it is made."""
    for start in range(0, len(sound), 60 * RATE):
        piece = sound[start : start + 60 * RATE]
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame
