"""MIDI files, and the instruments that parts are played by."""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping

from .scores import DRUMS, RATE, Note, notes
from .songs import Song

__all__ = ["INSTRUMENTS", "midi"]

INSTRUMENTS: Mapping[str, tuple[str, int]] = {
    "vocal": ("Voice Oohs", 53),
    "backing_vocals": ("Choir Aahs", 52),
    DRUMS: ("Drums", 0),
    "bass": ("Electric Bass (finger)", 33),
    "guitar": ("Acoustic Guitar (nylon)", 24),
    "keyboard": ("Acoustic Grand Piano", 0),
    "strings": ("String Ensemble 1", 48),
    "synth": ("Lead 1 (square)", 80),
}
"""Name and program of each part by General MIDI."""
DRUM_CHANNEL = 9
TICKS = 960
"""Ticks in a second: 480 in a beat at 120 beats a minute, which is what players assume."""


def midi(song: Song, parts: Collection[str]) -> bytes:
    """Some parts of a song as MIDI, a track for each."""
    tracks = [_track(channel, part, notes(song, part)) for channel, part in _channels(parts)]
    head = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), TICKS // 2)
    return head + b"".join(tracks)


def _channels(parts: Collection[str]) -> Iterator[tuple[int, str]]:
    melodic = (channel for channel in range(16) if channel != DRUM_CHANNEL)
    for part in parts:
        yield DRUM_CHANNEL if part == DRUMS else next(melodic), part


def _track(channel: int, part: str, played: Iterable[Note]) -> bytes:
    name, program = INSTRUMENTS[part]
    events = b"\0\xff\x03" + _number(len(name)) + name.encode() + bytes((0, 0xC0 | channel, program))
    changes = [(end, at * TICKS // RATE, note.pitch) for note in played for end, at in ((1, note.start), (0, note.end))]
    now = 0
    for on, at, pitch in sorted(changes, key=lambda change: (change[1], change[0])):  # a note ends before the next
        events += _number(at - now) + bytes(((0x90 if on else 0x80) | channel, pitch, 80))
        now = at
    events += b"\0\xff\x2f\0"
    return struct.pack(">4sI", b"MTrk", len(events)) + events


def _number(value: int) -> bytes:
    """A number as MIDI writes it: seven bits in a byte, all bytes but the last with the eighth bit."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))
