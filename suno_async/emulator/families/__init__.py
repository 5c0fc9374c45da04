"""How each family of jobs and calls goes and what the service says of it: one entry for each result of the table."""

from collections.abc import Mapping
from typing import Any

from ...api import results
from .base import Family, Run
from .music import Recovery, Tracks
from .stems import Midi, Stems
from .tracks import Cover, Video, Wav
from .voices import Check, Persona, Phrase, Voice
from .words import Lyrics, Style, TimedLyrics

__all__ = ["FAMILIES", "Family", "Run"]

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
