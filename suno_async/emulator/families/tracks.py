"""What is made from one track, or for a task: WAV, video, cover pictures."""

from typing import Any, ClassVar

from ...api.updates import Stage
from .. import media
from ..requests import Refused
from .base import Family, Run, need_track, place_of

__all__ = ["Cover", "OfTrack", "Video", "Wav"]


class OfTrack(Family):
    """Made from a track; the details pages of these are alike, and so are their callbacks' codes."""

    state = "successFlag"
    unique: ClassVar[tuple[str, ...]] = ("task_id", "audio_id")

    def check(self, run: Run, now: float) -> None:
        need_track(run)

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "musicId": run.params.get("audio_id"),
            "musicIndex": place_of(run),
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }

    def seed(self, run: Run, place: str) -> str:
        """The track's own, so that it is the same tune."""
        return run.source.family.seed(run.source, str(place_of(run))) if run.source else super().seed(run, place)


class Wav(OfTrack):
    """A track as WAV."""

    credits = 0.4
    marks = {Stage.COMPLETE: (8, 20)}

    def result(self, run: Run) -> Any:
        return {"audioWavUrl": run.link(0, ".wav")}

    def news(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"audioWavUrl": None}

    def job(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".wav")]} if files else None


class Video(OfTrack):
    """The picture of a track, with its tune."""

    credits = 2
    marks = {Stage.COMPLETE: (30, 90)}

    def check(self, run: Run, now: float) -> None:
        if not media.ENCODES:
            raise Refused(505, "the emulator makes videos with its extra only: pip install 'suno-async[emulator]'")
        super().check(run, now)

    def result(self, run: Run) -> Any:
        return {"videoUrl": run.link(0, ".mp4")}

    def news(self, run: Run, stage: Stage) -> Any:
        return {"video_url": None if stage is Stage.FAILED else run.link(0, ".mp4")}

    def job(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".mp4")]} if files else None


class Cover(Family):
    """Two pictures for a music task."""

    marks = {Stage.COMPLETE: (10, 30)}
    state = "successFlag"
    codes = (501, 400)
    unique = ("task_id",)

    def repeated(self, first: Run) -> Refused:
        return Refused(400, "cover record already exists", {"taskId": first.id})

    def result(self, run: Run) -> Any:
        return {"images": [run.link(place, ".png") for place in (1, 2)]}

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "parentTaskId": run.params["task_id"],
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }

    def news(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"images": None}
