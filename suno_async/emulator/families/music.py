"""Music: new tracks, and recovered files of old ones."""

import random
from typing import Any

from ...api.models import is_v6
from ...api.requests import ExtendMusic, GenerateSounds, ReplaceSection, UploadExtend
from ...api.results import Music
from ...api.results import Recovery as Recovered
from ...api.updates import Stage
from ..durations import DURATIONS
from ..media import Content
from ..media.songs import Song, cut, length, whole, words
from ..runs import Run
from .base import Family, gives, linked_file, track_number

__all__ = ["Recovery", "Tracks", "title_of", "words_of"]

POSTED = {Stage.TEXT: "text", Stage.FIRST: "first", Stage.COMPLETE: "complete"}
SNAKE = {
    "audioUrl": "audio_url",
    "streamAudioUrl": "stream_audio_url",
    "imageUrl": "image_url",
    "modelName": "model_name",
}
SONG = (120, 240)
"""How long songs are that no length is asked for, in seconds."""
CONTINUATION = (60, 120)
SOUND = (5, 20)
V6_DEFAULT = 20.0
"""How long V6 makes songs at the jobs API if nothing is said (docs/service.md#models-and-limits)."""


def words_of(run: Run) -> str:
    """The lyrics, or else the prompt or style."""
    return str(run.params.get("lyrics") or run.params.get("prompt") or run.params.get("style") or "")


def title_of(run: Run) -> str:
    """The given title, or else the first five words."""
    return str(run.params.get("title") or " ".join(words_of(run).split()[:5]).title() or "Untitled")


class Tracks(Family):
    """Two tracks."""

    marks = DURATIONS[Music]
    codes = (501, 400)
    refunds = True

    def song(self, run: Run, place: str) -> Song:
        """What is heard on a track."""
        text = f"{place} {run.params}"
        instrumental = run.params.get("instrumental") or issubclass(run.kind, GenerateSounds)
        sung = () if instrumental else words(words_of(run))
        made = whole(run.composer.tune(text, _seconds(run, text), sung))
        if issubclass(run.kind, ExtendMusic | UploadExtend):
            original = _original(run)
            return cut(original, 0, run.params.get("continue_at") or length(original)) + made
        if issubclass(run.kind, ReplaceSection):
            original, start, end = _original(run), *_section(run)
            return cut(original, 0, start) + made + cut(original, end, length(original))
        return made

    def content(self, run: Run, place: str) -> Content:
        return Content(self.song(run, place), f"{place} {run.params}")

    def tracks(self, run: Run, stage: Stage, files: bool) -> list[dict[str, Any]]:
        """Both tracks, as live answers list them from TEXT on; the second one's file comes last
        (docs/service.md#observed-differences).
        """
        ready = (stage >= Stage.FIRST and files, stage >= Stage.COMPLETE and files)
        return [
            {
                "id": run.name(place),
                "audioUrl": run.link(place, ".mp3") if has_file else "",
                "streamAudioUrl": run.link(place),
                "imageUrl": run.link(place, ".jpeg"),
                "prompt": words_of(run),
                "modelName": "chirp-emulated",
                "title": title_of(run),
                "tags": str(run.params.get("style") or ""),
                "createTime": run.created,
                **({"duration": length(self.song(run, str(place)))} if has_file else {}),
            }
            for place, has_file in enumerate(ready)
        ]

    def posted(self, run: Run, stage: Stage, files: bool) -> list[dict[str, Any]]:
        """The same in the spelling of callbacks and of the jobs API."""
        listed = self.tracks(run, stage, files)
        return [{SNAKE.get(name, name): value for name, value in track.items()} for track in listed]

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        if stage is Stage.FAILED or stage < Stage.TEXT:
            return None
        return {"taskId": run.id, "sunoData": self.tracks(run, stage, files)}

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "parentMusicId": run.params.get("audio_id", "") if issubclass(run.kind, ExtendMusic) else "",
            "param": run.param,
            "type": "chirp-emulated",
            "operationType": run.kind.path.rsplit("/", 1)[-1].replace("-", "_"),
            "createTime": run.created,
        }

    def posts(self, run: Run, stage: Stage) -> bool:
        # The page of ReplaceSection is the only one that announces a single callback
        # (docs/service.md#stages-of-a-music-task).
        return not issubclass(run.kind, ReplaceSection) or stage >= Stage.COMPLETE

    def posted_result(self, run: Run, stage: Stage) -> Any:
        if stage is not Stage.FAILED:
            listed = [] if stage is Stage.TEXT else self.posted(run, stage, True)
            return {"callbackType": POSTED[stage], "data": listed}
        # docs/service.md#failure-of-replace-section
        failure = {"error": run.reason} if issubclass(run.kind, ReplaceSection) else {"data": None}
        return {"callbackType": "error", **failure}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"data": self.posted(run, Stage.COMPLETE, files)}


def _seconds(run: Run, text: str) -> float:
    """How long the new music of a run is: as asked for, or else a usual length, the same for the same text."""
    if issubclass(run.kind, ReplaceSection):
        start, end = _section(run)
        return end - start
    if run.params.get("duration"):
        return float(run.params["duration"])
    if run.asked.jobs_api and is_v6(run.params.get("model")) and run.params.get("custom_mode"):
        return V6_DEFAULT
    usual = SOUND if issubclass(run.kind, GenerateSounds) else SONG
    if issubclass(run.kind, ExtendMusic | UploadExtend):
        usual = CONTINUATION
    return round(random.Random(text).uniform(*usual), 2)


def _section(run: Run) -> tuple[float, float]:
    """Start and end of the section that a run replaces; none if it names none, as samples of callbacks do."""
    start = float(run.params.get("start") or 0)
    return start, max(start, float(run.params.get("end") or 0))


def _original(run: Run) -> Song:
    """The song that a run continues or changes: a track of the emulator, or what stands for an uploaded file.

    The service does not check ids of tracks (docs/service.md#retries-and-idempotency).
    """
    number, linked = track_number(run), linked_file(run.params.get("upload_url"))
    if run.source is not None and (linked or number is not None):
        return run.source.family.content(run.source, linked[1] if linked else str(number)).song
    return run.composer.uploaded(run.params.get("upload_url") or run.params.get("audio_id"))


class Recovery(Family):
    """The files of an old task. The task need not exist: the service does not always check the id."""

    marks = DURATIONS[Recovered]

    def result(self, run: Run) -> Any:
        song = self._song(run)
        return {
            "data": [
                {
                    "id": song.name(place),
                    "audio_url": run.link(place, ".m4a"),
                    "title": title_of(song),
                    "status": "success",
                    "error": None,
                }
                for place in range(2)
            ]
        }

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"data": None}

    def content(self, run: Run, place: str) -> Content:
        song = self._song(run)
        return super().content(run, place) if song is run else song.family.content(song, place)

    def _song(self, run: Run) -> Run:
        return run.source if run.source and gives(run.source.kind, Music) else run
