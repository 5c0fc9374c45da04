"""Lyrics, styles and timed lyrics."""

from typing import Any

from ...api import results
from ...api.requests import GenerateLyrics
from ...api.updates import Stage
from ..durations import DURATIONS
from ..faults import Fail
from ..media.scores import sung
from ..runs import Run
from .base import Family, need_track, track_number
from .music import words_of

__all__ = ["Lyrics", "Style", "TimedLyrics"]


class Lyrics(Family):
    """Two lyrics for a prompt."""

    marks = DURATIONS[results.Lyrics]
    codes = (500, 400)

    def texts(self, run: Run) -> list[dict[str, Any]]:
        """The lyrics."""
        theme = words_of(run)
        written = (f"[Verse]\n{theme}\n[Chorus]\nOh, {theme}", f"[Verse]\nThey say: {theme}\n[Bridge]\nand so it goes")
        return [{"text": text, "title": theme.title()[:40]} for text in written]

    def result(self, run: Run) -> Any:
        return {"taskId": run.id, "data": self._with_status(run, "errorMessage")}

    def page(self, run: Run, stage: Stage) -> dict[str, Any]:
        return {"param": run.param, "type": "LYRICS", "createTime": run.created}

    def posted_result(self, run: Run, stage: Stage) -> Any:
        # The provider that writes `taskId` in this callback writes the other names in camelCase, too.
        camel = run.asked.provider.callback_task_id_paths.get(GenerateLyrics.path, ("task_id",))[-1] == "taskId"
        listed = self._with_status(run, "errorMessage" if camel else "error_message")
        return {"callbackType": "complete", "data": None if stage is Stage.FAILED else listed}

    def jobs_result(self, run: Run, files: bool) -> Any:
        return {"resultObject": {"lyricsData": self.texts(run)}} if files else None

    def _with_status(self, run: Run, reason: str) -> list[dict[str, Any]]:
        return [{**text, "status": "complete", reason: ""} for text in self.texts(run)]


class Style(Family):
    """A more detailed style text."""

    def result(self, run: Run) -> Any:
        failed = isinstance(run.fault, Fail)
        content = str(run.params.get("content") or words_of(run))
        return {
            "taskId": run.id,
            "param": content,
            "result": None if failed else f"{content}, warm analog production, wide stereo, unhurried groove",
            "creditsConsumed": 0 if failed else run.cost,
            "creditsRemaining": run.credits_left,
            "successFlag": "2" if failed else "成功",  # as seen live (docs/service.md#observed-differences)
            "errorCode": run.error if failed else None,
            "errorMsg": run.reason if failed else "",
            "createTime": run.created,
        }

    def refusal(self, run: Run) -> tuple[int, str, Any]:
        return 200, "success", self.result(run)


class TimedLyrics(Family):
    """The words of a track, when they are sung."""

    at_once = True

    def check(self, run: Run, now: float) -> None:
        need_track(run)

    def result(self, run: Run) -> Any:
        source, number = run.source, track_number(run)
        song = () if source is None else source.family.content(source, str(number)).song
        return {
            "alignedWords": [
                {"word": f"{word} ", "success": True, "startS": start, "endS": end, "palign": 0}
                for word, start, end in sung(song)
            ],
            "waveformData": [0, 0.25, 0.5, 0.25],
            "hootCer": 0.1,
            "isStreamed": False,
        }
