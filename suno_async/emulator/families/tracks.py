"""What is made from a track or a music task: WAV, video, cover images."""

from typing import Any, ClassVar

from ...api.updates import Stage
from .. import media
from ..requests import Refused
from ..runs import Run
from .base import Family, need_track, track_number

__all__ = ["Cover", "OfTrack", "Video", "Wav"]


class OfTrack(Family):
    """Made from a track. These share the layout of their details pages and the codes of their callbacks."""

    state = "successFlag"
    unique: ClassVar[tuple[str, ...]] = ("task_id", "audio_id")

    def check(self, run: Run, now: float) -> None:
        need_track(run)

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {
            "musicId": run.params.get("audio_id"),
            "musicIndex": track_number(run),
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }

    def seed(self, run: Run, place: str) -> str:
        """The same as the track's, so that it is the same tune."""
        return run.source.family.seed(run.source, str(track_number(run))) if run.source else super().seed(run, place)


class Wav(OfTrack):
    """A track as WAV."""

    marks = {Stage.COMPLETE: (8, 20)}

    def result(self, run: Run) -> Any:
        return {"audioWavUrl": run.link(0, ".wav")}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"audioWavUrl": None}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".wav")]} if files else None


class Video(OfTrack):
    """A video of the track's image and tune."""

    marks = {Stage.COMPLETE: (30, 90)}

    def check(self, run: Run, now: float) -> None:
        if not media.ENCODES:
            raise Refused(505, "videos need the extra of the emulator: pip install 'suno-async[emulator]'")
        super().check(run, now)

    def result(self, run: Run) -> Any:
        return {"videoUrl": run.link(0, ".mp4")}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return {"video_url": None if stage is Stage.FAILED else run.link(0, ".mp4")}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".mp4")]} if files else None


class Cover(Family):
    """Two cover images for a music task."""

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
            "parentTaskId": run.params.get("task_id"),
            "callbackUrl": run.asked.callback,
            "completeTime": run.completed(stage),
            "createTime": run.created,
        }

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"images": None}
