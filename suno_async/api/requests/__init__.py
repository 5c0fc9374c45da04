"""The table: one class is one endpoint.

A family (`MusicJob`) states what its jobs share: details page, result, status words. A job or call adds its path and
fields. Everything else is made from these classes: client methods, bytes on the wire, checks before sending, the
emulator. Fields carry our names; `rename="camel"` and the odd `name=` carry the service's.
"""

from typing import Any

from ..results import Result
from . import account, music, tracks, voices, words
from .account import GetCredits, GetDownloadUrl, UploadBase64, UploadFromUrl, UploadStream
from .base import Call, Job, Request
from .music import (
    AddInstrumental,
    AddVocals,
    ExtendMusic,
    GenerateMusic,
    GenerateSounds,
    Mashup,
    MusicJob,
    ReplaceSection,
    UploadCover,
    UploadExtend,
)
from .tracks import ConvertToWav, CreateMusicVideo, GenerateCover, GenerateMidi, RecoverAudio, SeparateStems, StemName
from .voices import CheckVoice, GeneratePersona, GenerateVoice, RegeneratePhrase, ValidateVoice
from .words import BoostStyle, GenerateLyrics, GetTimestampedLyrics

__all__ = [
    "TABLE",
    "AddInstrumental",
    "AddVocals",
    "BoostStyle",
    "Call",
    "CheckVoice",
    "ConvertToWav",
    "CreateMusicVideo",
    "ExtendMusic",
    "GenerateCover",
    "GenerateLyrics",
    "GenerateMidi",
    "GenerateMusic",
    "GeneratePersona",
    "GenerateSounds",
    "GenerateVoice",
    "GetCredits",
    "GetDownloadUrl",
    "GetTimestampedLyrics",
    "Job",
    "Mashup",
    "MusicJob",
    "RecoverAudio",
    "RegeneratePhrase",
    "ReplaceSection",
    "Request",
    "SeparateStems",
    "StemName",
    "UploadBase64",
    "UploadCover",
    "UploadExtend",
    "UploadFromUrl",
    "UploadStream",
    "ValidateVoice",
    "maker_of",
]

TABLE: tuple[type[Request[Any]], ...] = tuple(
    kind
    for module in (music, words, tracks, voices, account)
    for kind in vars(module).values()
    if isinstance(kind, type) and "path" in vars(kind)
)
"""Every endpoint."""


def maker_of(result: Result) -> type[Job[Any]] | None:
    """A job whose details page shows this result."""
    for kind in TABLE:
        if issubclass(kind, Job) and type(result) in (kind.result, *kind.result.parts):
            return kind
    return None
