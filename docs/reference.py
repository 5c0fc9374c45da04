"""The pages of the reference: which public names stand on which, to be filled from their docstrings by mkdocstrings."""

from collections.abc import Mapping
from typing import Any

__all__ = ["REFERENCE", "nav", "pages"]

_RESULTS = """
Music Track Lyrics LyricsVariant TimedLyrics AlignedWord Style Wav Video Stems Stem Midi MidiInstrument MidiNote Cover
Recovery RecoveredTrack Persona VoicePhrase Voice VoiceCheck UploadedFile File Result
"""
_ERRORS = """
SunoError ConfigurationError InvalidJob Problem TransportError ConnectError ResponseLost ApiError InvalidRequest
Unauthorized InsufficientCredits QuotaExceeded RateLimited Maintenance NotFound AlreadyExists ServerError
SubmissionUncertain BudgetExceeded TaskFailed ContentRejected TaskNotDone TaskNotFound TaskTimeout DownloadFailed
UpdatesMissed CallbackError StoreError DecodeError
"""
_CALLBACKS = """
Receiver Verdict Decision Callback parse_callback Observer OnExpiring OnQueued OnRequest RequestEvent RedactTokens
"""
REFERENCE: Mapping[str, tuple[str, str, str]] = {
    "client": ("The client", "suno_async.public", "SunoClient Preview Status Progress UploadSource Saveable"),
    "tasks": (
        "Tasks and updates",
        "suno_async.public",
        "Task Stage Update Source Provisional JobRecord Pace Outcome Success Failure",
    ),
    "requests": (
        "Requests",
        "suno_async.public",
        "Request Job Call FromSource FROM_TRACK MusicJob SoundKey StemName",
    ),
    "results": ("Results", "suno_async.public", _RESULTS),
    "errors": ("Errors", "suno_async.public", _ERRORS),
    "gateways": (
        "Gateways and models",
        "suno_async.public",
        "Provider KIE KIE_LEGACY KIE_JOBS SUNOAPI APIKLEY Model Limits Rate Rule",
    ),
    "callbacks": (
        "Callbacks and events",
        "suno_async.public",
        _CALLBACKS,
    ),
    "stores": (
        "Stores",
        "suno_async.stores",
        "Store Record State Transition Damaged MemoryStore SQLiteStore RedisStore PostgresStore store_at",
    ),
    "archive": ("The archive", "suno_async.archive", "Archive ArchivedTask ArchivedFile"),
    "network": ("Network", "suno_async.public", "Transport Reply Form Download"),
    "emulator": (
        "The emulator",
        "suno_async.emulator",
        "Emulator Fault Asked Posted Run Seen Refused Composer Content Family OwnEndpoints Piece Tune",
    ),
    "testing": ("Testing", "suno_async.testing", "make_music make_track make_lyrics make_result CallbackServer"),
}
"""Name of the page, its title, the module and its names."""

_MORE = {
    "stores": "suno_async.public.job_of",
    "network": "suno_async.otel.instrument",
}


def nav() -> list[Any]:
    """Return the navigation of the reference."""
    return [{title: f"reference/{name}.md"} for name, (title, _, _) in REFERENCE.items()]


def pages() -> Mapping[str, str]:
    """Return the pages."""
    made: dict[str, str] = {}
    for page, (title, module, names) in REFERENCE.items():
        listed = [f"{module}.{name}" for name in names.split()]
        listed += [_MORE[page]] if page in _MORE else []
        made[f"reference/{page}.md"] = f"# {title}\n\n" + "\n\n".join(f"::: {name}" for name in listed) + "\n"
    return made
