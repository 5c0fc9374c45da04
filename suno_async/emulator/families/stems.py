"""Stems of a track, and the MIDI notes of stems."""

from typing import Any

from ...api.results import Stems as Separated
from ...api.updates import Stage
from .. import media
from ..requests import Refused
from ..runs import Run
from .base import Family, gives, names_task
from .tracks import OfTrack

__all__ = ["Midi", "Stems"]

PARTS = {
    "separate_vocal": {"vocal": "Vocals", "instrumental": "Instrumental"},
    "split_stem": {"vocal": "Vocals", "backingVocals": "Backing Vocals", "drums": "Drums", "bass": "Bass"}
    | {"guitar": "Guitar", "keyboard": "Keyboard", "strings": "Strings", "synth": "Synth"},
}
"""The stems of each type of separation that every provider has: the start of their field name, and their label."""
SNAKE = {"backingVocals": "backing_vocals"}


class Stems(OfTrack):
    """Two stems, more of them, or a named one and the rest. The same track can be separated again."""

    marks = {Stage.COMPLETE: (20, 60)}
    unique = ()

    def check(self, run: Run, now: float) -> None:
        if "audio_url" not in run.params:  # the user's own song is not a track of the service
            super().check(run, now)

    def result(self, run: Run) -> Any:
        urls = {f"{field}Url": run.link(field, media.audio()) for field in PARTS.get(_type(run), ())}
        return {"id": run.params.get("audio_id"), "originUrl": None, "originData": parts(run), **urls}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        if stage is Stage.FAILED:
            return None
        urls = {f"{SNAKE.get(field, field)}_url": run.link(field, media.audio()) for field in PARTS.get(_type(run), ())}
        listed = {"origin_data": parts(run)} if _type(run) not in PARTS else {}
        return {"origin_url": "", **urls, **listed}

    def seed(self, run: Run, place: str) -> str:
        return f"{place} {super().seed(run, place)}"


def parts(run: Run) -> list[dict[str, Any]]:
    """The entries of `originData`: the stems, or for an advanced separation a pair of them."""
    if _type(run) in PARTS:
        return [_part(run, field, name) for field, name in PARTS[_type(run)].items()]
    name = str(run.params.get("stem_name") or "")
    return [{"extract": _part(run, "extract", name), "remove": _part(run, "remove", f"Without {name}")}]


def stem_ids(run: Run) -> set[str]:
    """The ids of its stems."""
    return {run.name(field) for field in PARTS.get(_type(run), ("extract", "remove"))}


def _part(run: Run, field: str, name: str) -> dict[str, Any]:
    url = run.link(field, media.audio())
    return {"id": run.name(field), "stem_type_group_name": name, "audio_url": url, "duration": media.SECONDS}


def _type(run: Run) -> str:
    return str(run.params.get("type") or "separate_vocal")


class Midi(Family):
    """Four notes."""

    marks = {Stage.COMPLETE: (10, 30)}
    state = "successFlag"

    def check(self, run: Run, now: float) -> None:
        source, audio_id = run.source, run.params.get("audio_id")
        if not names_task(run):
            return
        if source is None or not gives(source.kind, Separated) or source.state(now)[0] is not Stage.COMPLETE:
            raise Refused(422, "Record does not exist")
        if audio_id is not None and audio_id not in stem_ids(source):
            raise Refused(422, "Record does not exist")

    def result(self, run: Run) -> Any:
        notes = [
            {"pitch": 60 + step, "start": f"{place / 2:.4f}", "end": place / 2 + 0.5, "velocity": 0.8}
            for place, step in enumerate((0, 2, 4, 7))
        ]  # the service mixes numbers and text
        return {"state": "complete", "instruments": [{"name": "Acoustic Grand Piano", "notes": notes}]}

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "recordTaskId": -1,
            "audioId": run.params.get("audio_id"),
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }
