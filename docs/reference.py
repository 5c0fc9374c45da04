"""The pages of the reference: which public names stand on which, to be filled from their docstrings by mkdocstrings."""

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import suno_async
from suno_async import archive, emulator, errors, otel, stores, testing

__all__ = ["defined_at", "nav", "pages", "placed"]

_RESULTS = """
Music Track Lyrics LyricsVariant TimedLyrics AlignedWord Style Wav Video Stems Stem Midi MidiInstrument MidiNote Cover
Recovery RecoveredTrack Persona VoicePhrase Voice VoiceCheck UploadedFile File Result
"""
_CALLBACKS = """
Receiver Verdict Decision Callback parse_callback Observer OnExpiring OnQueued OnRequest RequestEvent RedactTokens
"""
_REQUESTS = "Request Job Call FromSource FROM_TRACK MusicJob SoundKey StemName"
_TASKS = "Task Stage Update Source Provisional JobRecord Pace Outcome Success Failure"
_PAGES: Mapping[str, tuple[str, Sequence[str]]] = {
    "client": ("The client", ["SunoClient", "Preview", "Status", "Progress", "UploadSource", "Saveable"]),
    "tasks": ("Tasks and updates", _TASKS.split()),
    "requests": ("Requests", _REQUESTS.split()),
    "results": ("Results", _RESULTS.split()),
    "errors": ("Errors", ["SunoError", *(name for name in errors.__all__ if name != "SunoError")]),
    "gateways": (
        "Gateways and models",
        ["Provider", "KIE", "KIE_LEGACY", "KIE_JOBS", "SUNOAPI", "APIKLEY", "Model", "Limits", "Rate", "Rule"],
    ),
    "callbacks": ("Callbacks and events", _CALLBACKS.split()),
    "network": ("Network", ["Transport", "Reply", "Form", "Download"]),
}
"""Name of the page, its title, and names of `suno_async`. The endpoints have pages of their own."""
_MODULES: Mapping[str, tuple[str, Any, str]] = {
    "stores": ("Stores", stores, "Store"),
    "archive": ("The archive", archive, "Archive"),
    "emulator": ("The emulator", emulator, "Emulator"),
    "telemetry": ("Telemetry", otel, "instrument"),
    "testing": ("Testing", testing, "make_music"),
}
"""Name of the page, its title, the module whose names it has, and the name that comes first."""
_MORE = {"callbacks": ["job_of"]}


def placed() -> set[str]:
    """Return the public names of `suno_async` that have a place."""
    return {"job_of", *stores.__all__, *(name for _, names in _PAGES.values() for name in names)}


def nav() -> list[Any]:
    """Return the navigation of the reference."""
    titles = {page: title for page, (title, *_) in (*_PAGES.items(), *_MODULES.items())}
    return [{title: f"reference/{page}.md"} for page, title in titles.items()]


def pages() -> Mapping[str, str]:
    """Return the pages."""
    made: dict[str, str] = {}
    for page, (title, names) in _PAGES.items():
        made[f"reference/{page}.md"] = _page(title, suno_async, [*names, *_MORE.get(page, [])])
    for page, (title, module, first) in _MODULES.items():
        names = [first, *(name for name in module.__all__ if name != first)]
        made[f"reference/{page}.md"] = _page(title, module, names)
    return made


def _page(title: str, module: Any, names: Sequence[str]) -> str:
    sections = "\n\n".join(_section(name, defined_at(name, getattr(module, name))) for name in names)
    return f"# {title}\n\nImport them from `{module.__name__}`.\n\n{sections}\n"


def _section(name: str, place: str) -> str:
    renamed = "" if place.endswith(f".{name}") else f"\n    options:\n      heading: {name}\n      toc_label: {name}"
    return f"::: {place}{renamed}"


def defined_at(name: str, value: Any) -> str:
    """Return where a public name is defined, which is its anchor, too.

    Args:
        name: The name.
        value: What it stands for.
    """
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    for path, module in sorted(sys.modules.items()):
        ours = path.startswith("suno_async.") and vars(module).get(name) is value
        if ours and re.search(rf"^{name}\b.*=", inspect.getsource(module), re.MULTILINE):
            return f"{path}.{name}"
    raise LookupError(f"no module of suno_async assigns {name}")
