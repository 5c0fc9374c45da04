"""What finished tasks and answered calls give: one struct for each, however a gateway spells it.

Fields carry our names; `rename="camel"` and the odd `name=` carry those of the details page, `called` those of
callbacks where they are not simply snake_case.
"""

from .base import File, Origin, Result, effective_stage
from .files import UploadedFile
from .music import Music, RecoveredTrack, Recovery, Track
from .tracks import Cover, Midi, MidiInstrument, MidiNote, Stem, Stems, Video, Wav
from .voices import Persona, Voice, VoiceCheck, VoicePhrase
from .words import AlignedWord, Lyrics, LyricsVariant, Style, TimedLyrics

__all__ = [
    "AlignedWord",
    "Cover",
    "File",
    "Lyrics",
    "LyricsVariant",
    "Midi",
    "MidiInstrument",
    "MidiNote",
    "Music",
    "Origin",
    "Persona",
    "RecoveredTrack",
    "Recovery",
    "Result",
    "Stem",
    "Stems",
    "Style",
    "TimedLyrics",
    "Track",
    "UploadedFile",
    "Video",
    "Voice",
    "VoiceCheck",
    "VoicePhrase",
    "Wav",
    "effective_stage",
]
