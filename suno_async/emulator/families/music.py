"""Music: new tracks, and recovered files of old ones."""

from typing import Any

from ...api.requests import ExtendMusic, ReplaceSection
from ...api.results import Music
from ...api.updates import Stage
from .. import media
from ..runs import Run
from .base import Family, gives

__all__ = ["Recovery", "Tracks", "title_of", "words_of"]

POSTED = {Stage.TEXT: "text", Stage.FIRST: "first", Stage.COMPLETE: "complete"}
SNAKE = {
    "audioUrl": "audio_url",
    "streamAudioUrl": "stream_audio_url",
    "imageUrl": "image_url",
    "modelName": "model_name",
}


def words_of(run: Run) -> str:
    """The lyrics, or else the prompt or style."""
    return str(run.params.get("lyrics") or run.params.get("prompt") or run.params.get("style") or "")


def title_of(run: Run) -> str:
    """The given title, or else the first five words."""
    return str(run.params.get("title") or " ".join(words_of(run).split()[:5]) or "Untitled").title()


class Tracks(Family):
    """Two tracks: "stream URL after 30 to 40 s and files after 2 to 3 minutes" (docs/service.md#task-life-cycle)."""

    marks = {Stage.TEXT: (8, 14), Stage.FIRST: (30, 40), Stage.COMPLETE: (120, 180)}
    codes = (501, 400)
    refunds = True

    def tracks(self, run: Run, stage: Stage, files: bool) -> list[dict[str, Any]]:
        """Both tracks, as live answers list them from TEXT on; the second one's file comes last
        (docs/service.md#observed-differences).
        """
        ready = (stage >= Stage.FIRST and files, stage >= Stage.COMPLETE and files)
        return [
            {
                "id": run.name(place),
                "audioUrl": run.link(place, media.audio()) if has_file else "",
                "streamAudioUrl": run.link(place),
                "imageUrl": run.link(place, media.image()),
                "prompt": words_of(run),
                "modelName": "chirp-emulated",
                "title": title_of(run),
                "tags": str(run.params.get("style") or ""),
                "createTime": run.created,
                **({"duration": media.SECONDS} if has_file else {}),
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


class Recovery(Family):
    """The files of an old task. The task need not exist: the service does not always check the id."""

    marks = {Stage.COMPLETE: (10, 30)}

    def result(self, run: Run) -> Any:
        song = self._song(run)
        return {
            "data": [
                {
                    "id": song.name(place),
                    "audio_url": run.link(place, media.recovered()),
                    "title": title_of(song),
                    "status": "success",
                    "error": None,
                }
                for place in range(2)
            ]
        }

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"data": None}

    def seed(self, run: Run, place: str) -> str:
        song = self._song(run)
        return super().seed(run, place) if song is run else song.family.seed(song, place)

    def _song(self, run: Run) -> Run:
        return run.source if run.source and gives(run.source.kind, Music) else run
