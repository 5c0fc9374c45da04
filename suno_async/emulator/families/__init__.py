"""The families: how each kind of result is made, for built-in endpoints and for others."""

from collections.abc import Mapping
from typing import Any

from ...api import results
from ...api.requests import Request
from .base import Family
from .music import Recovery, Tracks
from .sampled import Sampled
from .stems import Midi, Stems
from .tracks import Cover, Video, Wav
from .voices import Check, Persona, Phrase, Voice
from .words import Lyrics, Style, TimedLyrics

__all__ = ["FAMILIES", "Family", "family_of"]

FAMILIES: Mapping[Any, Family] = {
    results.Music: Tracks(),
    results.Recovery: Recovery(),
    results.Lyrics: Lyrics(),
    results.Style: Style(),
    results.TimedLyrics: TimedLyrics(),
    results.Wav: Wav(),
    results.Video: Video(),
    results.Stems: Stems(),
    results.Midi: Midi(),
    results.Cover: Cover(),
    results.Persona: Persona(),
    results.VoicePhrase: Phrase(),
    results.Voice: Voice(),
    results.VoiceCheck: Check(),
}
"""The family of each built-in result."""


def family_of(kind: type[Request[Any]], sample: Any = None) -> Family:
    """How requests of a class proceed: as the built-in family of their result, or answered with a sample of it.

    Args:
        kind: The request class.
        sample: The result to answer with (default: None, which means that of the built-in family whose result the
            class has or extends, or else one that is built from the type).

    Raises:
        ValueError: If no usable sample can be built from the type.
    """
    known = [FAMILIES[result] for result in getattr(kind.result, "__mro__", ()) if result in FAMILIES]
    return known[0] if known and sample is None else Sampled(kind, sample)
