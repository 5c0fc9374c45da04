"""What is made from a track or a music task: WAV, video, cover images."""

from typing import Any, ClassVar

from ...api import results
from ...api.updates import Stage
from ..durations import DURATIONS
from ..media import Content
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

    def content(self, run: Run, place: str) -> Content:
        """The same as the track's, so that it is the same song."""
        source, number = run.source, track_number(run)
        return super().content(run, place) if source is None else source.family.content(source, str(number))


class Wav(OfTrack):
    """A track as WAV."""

    marks = DURATIONS[results.Wav]

    def result(self, run: Run) -> Any:
        return {"audioWavUrl": run.link(0, ".wav")}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return self.response(run, stage, True) or {"audioWavUrl": None}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".wav")]} if files else None


class Video(OfTrack):
    """A video of the track's image and tune."""

    marks = DURATIONS[results.Video]

    def result(self, run: Run) -> Any:
        return {"videoUrl": run.link(0, ".mp4")}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        return {"video_url": None if stage is Stage.FAILED else run.link(0, ".mp4")}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"resultUrls": [run.link(0, ".mp4")]} if files else None


class Cover(Family):
    """Two cover images for a music task."""

    marks = DURATIONS[results.Cover]
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
