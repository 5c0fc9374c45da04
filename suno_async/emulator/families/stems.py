"""Stems of a track, and the MIDI notes of stems."""

import zlib
from typing import Any

from ...api.results import Midi as Notes
from ...api.results import Stems as Separated
from ...api.updates import Stage
from ..durations import DURATIONS
from ..media import Content
from ..media.midi import INSTRUMENTS
from ..media.scores import PARTS, RATE, notes
from ..media.songs import Song, length
from ..requests import Refused
from ..runs import Run
from .base import Family, gives, names_task
from .tracks import OfTrack

__all__ = ["Midi", "Stems"]

STEMS = {
    "separate_vocal": {"vocal": "Vocals", "instrumental": "Instrumental"},
    "split_stem": {"vocal": "Vocals", "backingVocals": "Backing Vocals", "drums": "Drums", "bass": "Bass"}
    | {"guitar": "Guitar", "keyboard": "Keyboard", "strings": "Strings", "synth": "Synth"},
}
"""The stems of each type of separation that every provider has: the start of their field name, and their label."""
SNAKE = {"backingVocals": "backing_vocals"}
SIMILAR = {
    "backing_vocals": ("backing", "choir"),
    "vocal": ("vocal", "voice"),
    "drums": ("drum", "kick", "snare", "hat", "cymbal", "tom", "percussion"),
    "bass": ("bass",),
    "guitar": ("guitar", "banjo", "ukulele", "mandolin"),
    "keyboard": ("piano", "keyboard", "organ", "harpsichord", "clav"),
    "strings": ("string", "violin", "viola", "cello", "harp"),
    "synth": ("synth", "lead", "pad", "arp"),
}
"""Words in the names of instruments, by the part that stands for them."""


class Stems(OfTrack):
    """Two stems, more of them, or a named one and the rest. The same track can be separated again."""

    marks = DURATIONS[Separated]
    unique = ()

    def check(self, run: Run, now: float) -> None:
        if "audio_url" not in run.params:  # the user's own song is not a track of the service
            super().check(run, now)

    def result(self, run: Run) -> Any:
        urls = {f"{field}Url": run.link(field, ".mp3") for field in STEMS.get(_type(run), ())}
        return {"id": run.params.get("audio_id"), "originUrl": None, "originData": parts(run), **urls}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        if stage is Stage.FAILED:
            return None
        urls = {f"{SNAKE.get(field, field)}_url": run.link(field, ".mp3") for field in STEMS.get(_type(run), ())}
        listed = {"origin_data": parts(run)} if _type(run) not in STEMS else {}
        return {"origin_url": "", **urls, **listed}

    def content(self, run: Run, place: str) -> Content:
        """The parts of the track that are on a stem. Those of all stems are all of its parts."""
        track = super().content(run, place)
        if "audio_url" in run.params:
            track = track._replace(song=run.composer.uploaded(run.params["audio_url"]))
        return track._replace(parts=parts_of(run, place))


def parts(run: Run) -> list[dict[str, Any]]:
    """The entries of `originData`: the stems, or for an advanced separation a pair of them."""
    if _type(run) in STEMS:
        return [_part(run, field, name) for field, name in STEMS[_type(run)].items()]
    name = str(run.params.get("stem_name") or "")
    return [{"extract": _part(run, "extract", name), "remove": _part(run, "remove", f"Without {name}")}]


def stem_named(run: Run, id: object) -> str | None:
    """The stem that has an id, by the start of its field name; None if there is none."""
    fields = STEMS.get(_type(run), ("extract", "remove"))
    return next((field for field in fields if run.name(field) == id), None)


def parts_of(run: Run, field: str) -> tuple[str, ...]:
    """The parts of the track that are on a stem."""
    voices = ("vocal", "backing_vocals")
    if _type(run) == "separate_vocal":
        return voices if field == "vocal" else tuple(part for part in PARTS if part not in voices)
    if _type(run) in STEMS:
        return (SNAKE.get(field, field),)
    extracted = _part_called(str(run.params.get("stem_name") or ""))
    return (extracted,) if field == "extract" else tuple(part for part in PARTS if part != extracted)


def _part_called(name: str) -> str:
    """The part that stands for one of the 98 instruments: one with a similar name, or else any of them."""
    lower = name.lower()
    similar = (part for part, known in SIMILAR.items() if any(word in lower for word in known))
    return next(similar, PARTS[zlib.crc32(lower.encode()) % len(PARTS)])


def _part(run: Run, field: str, name: str) -> dict[str, Any]:
    url = run.link(field, ".mp3")
    seconds = length(run.family.content(run, field).song)
    return {"id": run.name(field), "stem_type_group_name": name, "audio_url": url, "duration": seconds}


def _type(run: Run) -> str:
    return str(run.params.get("type") or "separate_vocal")


class Midi(Family):
    """The notes of a stem, or of all instruments."""

    marks = DURATIONS[Notes]
    state = "successFlag"

    def check(self, run: Run, now: float) -> None:
        source, audio_id = run.source, run.params.get("audio_id")
        if not names_task(run):
            return
        if source is None or not gives(source.kind, Separated) or source.state(now)[0] is not Stage.COMPLETE:
            raise Refused(422, "Record does not exist")
        if audio_id is not None and stem_named(source, audio_id) is None:
            raise Refused(422, "Record does not exist")

    def result(self, run: Run) -> Any:
        song, _, parts = self.content(run, "0")
        return {
            "state": "complete",
            "instruments": [{"name": INSTRUMENTS[part][0], "notes": _listed(song, part)} for part in parts],
        }

    def content(self, run: Run, place: str) -> Content:
        source, audio_id = run.source, run.params.get("audio_id")
        if source is None or not gives(source.kind, Separated):
            return super().content(run, place)
        found = stem_named(source, audio_id)
        stem = source.family.content(source, found or "")
        return stem if found else stem._replace(parts=PARTS)

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "recordTaskId": -1,
            "audioId": run.params.get("audio_id"),
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }


def _listed(song: Song, part: str) -> list[dict[str, Any]]:
    """The notes of a part as the service lists them: it mixes numbers and text."""
    return [
        {
            "pitch": note.pitch,
            "start": f"{note.start / RATE:.4f}",
            "end": round((note.start + note.length) / RATE, 4),
            "velocity": 0.8,
        }
        for note in notes(song, part)
    ]
