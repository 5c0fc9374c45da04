"""Personas, and own voices."""

from typing import Any

from ...api.results import Voice as Made
from ...api.results import VoicePhrase
from ...api.updates import Stage
from ..requests import Refused
from .base import Family, Run, need_track

__all__ = ["Check", "Persona", "Phrase", "Voice"]


class Persona(Family):
    """The manner of a finished track, learnt once."""

    unique = ("audio_id",)

    def check(self, run: Run, now: float) -> None:
        need_track(run)
        if run.source is None or run.source.state(now)[0] is not Stage.COMPLETE:
            raise Refused(422, "The music task is not finished")

    def result(self, run: Run) -> Any:
        told = {name: run.params[name] for name in ("name", "description")}
        return {"personaId": run.name("persona").replace("-", ""), **told}


class Phrase(Family):
    """A phrase to sing, from a recording or instead of another phrase."""

    marks = {Stage.COMPLETE: (15, 30)}
    failed = "processing_validate_fail"
    codes = (500, 400)
    fine = (0, "")

    def check(self, run: Run, now: float) -> None:
        if "task_id" in run.params and not _is(run.source, VoicePhrase):
            raise Refused(422, "The record is not found or does not need to be rebuilt")

    def result(self, run: Run) -> Any:
        return {"validateInfo": f"Seven small boats sail south in spring, and {int(run.id[:2], 16)} come home"}

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        return super().response(run, stage, files) or {"validateInfo": ""}

    def told(self, run: Run) -> int:
        return 400  # whatever `errorCode` says beside it


class Voice(Family):
    """A voice, from a recording of the phrase."""

    marks = {Stage.COMPLETE: (30, 60)}
    failed = "fail"
    codes = (500, 400)
    fine = (0, "")

    def check(self, run: Run, now: float) -> None:
        source = run.source
        if source is None or not _is(source, VoicePhrase) or source.state(now)[0] is not Stage.COMPLETE:
            raise Refused(422, "Validate record is not in valid status")

    def result(self, run: Run) -> Any:
        return {"voiceId": run.name("voice")}

    def response(self, run: Run, stage: Stage, files: bool) -> Any:
        return super().response(run, stage, files) or {"voiceId": ""}

    def told(self, run: Run) -> int:
        return 400


class Check(Family):
    """Whether a voice is ready."""

    def check(self, run: Run, now: float) -> None:
        if not _is(run.source, Made):
            raise Refused(422, "Record does not exist")

    def result(self, run: Run) -> Any:
        assert run.source is not None
        return {"isAvailable": run.source.state(run.born)[0] is Stage.COMPLETE}


def _is(source: Run | None, result: type[Any]) -> bool:
    return source is not None and source.kind.result is result
