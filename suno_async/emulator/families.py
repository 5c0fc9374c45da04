"""How each family of jobs goes and what the service says of it: stages, details pages, callbacks."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..endpoints import Job
from ..models import Lyrics, Music, Stage
from . import media

__all__ = ["FAMILIES", "Family", "Run", "Tally"]


class Tally(NamedTuple):
    """What a job costs and how long its stages take, in seconds of the service's time."""

    credits: float
    marks: Mapping[Stage, tuple[float, float]]
    """When a stage is reached at the earliest and at the latest."""


class Run:
    """One accepted job."""

    def __init__(self, id: str, kind: type[Job[Any]], params: dict[str, Any], born: float, files: str) -> None:
        self.id = id
        self.kind = kind
        self.params = params
        self.born = born
        self.files = files
        self.created = int(time.time() * 1000)
        self.family = FAMILIES[kind.result]
        luck = int(hashlib.sha256(id.encode()).hexdigest()[:4], 16) / 0xFFFF
        self.marks = {stage: a + (b - a) * luck for stage, (a, b) in self.family.tally.marks.items()}
        self.looks = 0
        """Looks since it is complete."""
        self.undelivered = False
        """Its callback address never answered 200."""

    def stage(self, now: float) -> Stage:
        """How far it is."""
        return max((stage for stage, mark in self.marks.items() if now >= self.born + mark), default=Stage.PENDING)

    def track_id(self, place: int) -> str:
        digits = hashlib.sha256(f"{self.id} {place}".encode()).hexdigest()
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32]))


class Family(NamedTuple):
    """What differs between the families."""

    tally: Tally
    response: Callable[[Run, Stage, bool], Any]
    """`response` of the details page, at a stage, with its files or without."""
    callback: Callable[[Run, Stage, str], dict[str, Any]]
    """`data` of a callback for a stage, as the gateway of that name spells it."""


def _tracks(run: Run, stage: Stage, files: bool) -> list[dict[str, Any]]:
    """Both tracks, as live answers list them from TEXT on; the second gets its file last (NOTES §15)."""
    if stage < Stage.TEXT:
        return []
    words = str(run.params.get("prompt") or run.params.get("lyrics") or run.params.get("style") or "")
    title = str(run.params.get("title") or " ".join(words.split()[:5]) or "Untitled").title()
    return [
        {
            "id": run.track_id(place),
            "audioUrl": f"{run.files}/{run.track_id(place)}{media.AUDIO}" if ready and files else "",
            "streamAudioUrl": f"{run.files}/{run.track_id(place)}",
            "imageUrl": f"{run.files}/{run.track_id(place)}{media.IMAGE}",
            "prompt": words,
            "modelName": "chirp-emulated",
            "title": title,
            "tags": str(run.params.get("style") or run.params.get("tags") or ""),
            "createTime": run.created,
            **({"duration": media.SECONDS} if ready and files else {}),
        }
        for place, ready in enumerate((stage >= Stage.FIRST, stage >= Stage.COMPLETE))
    ]


def _music_response(run: Run, stage: Stage, files: bool) -> Any:
    tracks = _tracks(run, stage, files)
    return {"taskId": run.id, "sunoData": tracks} if tracks else None


_SNAKE = {
    "audioUrl": "audio_url",
    "streamAudioUrl": "stream_audio_url",
    "imageUrl": "image_url",
    "modelName": "model_name",
}


def _music_callback(run: Run, stage: Stage, gateway: str) -> dict[str, Any]:
    word = {Stage.TEXT: "text", Stage.FIRST: "first", Stage.COMPLETE: "complete"}.get(stage, "error")
    tracks = [{_SNAKE.get(name, name): value for name, value in track.items()} for track in _tracks(run, stage, True)]
    listed = None if word == "error" else [] if word == "text" else tracks
    return {"callbackType": word, "task_id": run.id, "data": listed}


def _variants(run: Run, reason: str) -> list[dict[str, Any]]:
    theme = str(run.params.get("prompt", ""))
    texts = (f"[Verse]\n{theme}\n[Chorus]\nOh, {theme}", f"[Verse]\nThey say: {theme}\n[Bridge]\nand so it goes")
    return [{"text": text, "title": theme.title()[:40], "status": "complete", reason: ""} for text in texts]


def _lyrics_response(run: Run, stage: Stage, files: bool) -> Any:
    return {"taskId": run.id, "data": _variants(run, "errorMessage")} if stage is Stage.COMPLETE and files else None


def _lyrics_callback(run: Run, stage: Stage, gateway: str) -> dict[str, Any]:
    task_id, reason = ("task_id", "error_message") if gateway == "kie" else ("taskId", "errorMessage")
    done = stage is Stage.COMPLETE
    return {"callbackType": "complete", task_id: run.id, "data": _variants(run, reason) if done else None}


# Times: "stream URL after 30 to 40 s and files after 2 to 3 minutes" (NOTES §4). Prices: NOTES §9.
FAMILIES: Mapping[Any, Family] = {
    Music: Family(
        Tally(12, {Stage.TEXT: (8, 14), Stage.FIRST: (30, 40), Stage.COMPLETE: (120, 180)}),
        _music_response,
        _music_callback,
    ),
    Lyrics: Family(Tally(0.4, {Stage.COMPLETE: (4, 9)}), _lyrics_response, _lyrics_callback),
}
