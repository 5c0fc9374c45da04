"""Personas and the user's own voices."""

from typing import Any

from ...api.results import Voice as Made
from ...api.results import VoicePhrase
from ...api.updates import Stage
from ..durations import DURATIONS
from ..requests import Refused
from ..runs import Run
from .base import Family, gives, names_task, need_track

__all__ = ["Check", "Persona", "Phrase", "Voice"]


class Persona(Family):
    """The style of a finished track; made once for a track."""

    unique = ("audio_id",)

    def check(self, run: Run, now: float) -> None:
        need_track(run)
        if names_task(run) and (run.source is None or run.source.state(now)[0] is not Stage.COMPLETE):
            raise Refused(422, "The music task is not finished")

    def result(self, run: Run) -> Any:
        given = {name: run.params.get(name) for name in ("name", "description")}
        return {"personaId": run.name("persona").replace("-", ""), **given}


class Phrase(Family):
    """A phrase to sing, made from a recording or in place of an earlier phrase."""

    marks = DURATIONS[VoicePhrase]
    failed = "processing_validate_fail"
    codes = (500, 400)
    no_error = (0, "")

    def check(self, run: Run, now: float) -> None:
        if "task_id" in run.params and not _is(run.source, VoicePhrase):
            raise Refused(422, "The record is not found or does not need to be rebuilt")

    def result(self, run: Run) -> Any:
        return {"validateInfo": f"Seven small boats sail south in spring, and {int(run.id[:2], 16)} come home"}

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        return super().response(run, stage, files) or {"validateInfo": ""}

    def failure_code(self, run: Run) -> int:
        return 400  # `errorCode` beside it has another code


class Voice(Family):
    """A voice, made from a recording of the phrase."""

    marks = DURATIONS[Made]
    failed = "fail"
    codes = (500, 400)
    no_error = (0, "")

    def check(self, run: Run, now: float) -> None:
        source = run.source
        if not names_task(run):
            return
        if source is None or not _is(source, VoicePhrase) or source.state(now)[0] is not Stage.COMPLETE:
            raise Refused(422, "Validate record is not in valid status")

    def result(self, run: Run) -> Any:
        return {"voiceId": run.name("voice")}

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        return super().response(run, stage, files) or {"voiceId": ""}

    def failure_code(self, run: Run) -> int:
        return 400


class Check(Family):
    """Whether a voice is ready."""

    def check(self, run: Run, now: float) -> None:
        if names_task(run) and not _is(run.source, Made):
            raise Refused(422, "Record does not exist")

    def result(self, run: Run) -> Any:
        return {"isAvailable": run.source is None or run.source.state(run.born)[0] is Stage.COMPLETE}


def _is(source: Run | None, result: type[Any]) -> bool:
    return source is not None and gives(source.kind, result)
