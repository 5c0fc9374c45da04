"""Personas, and own voices: a phrase to read, a voice made of the recording, and whether it can be used."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, field

from ...errors import Problem
from ..fields import AudioId, Media, Text
from ..results import Persona, Voice, VoiceCheck, VoicePhrase
from ..updates import Stage
from .base import Call, Job, TrackCall
from .tracks import missing

__all__ = ["CheckVoice", "GeneratePersona", "GenerateVoice", "RegeneratePhrase", "ValidateVoice"]

R_co = TypeVar("R_co", covariant=True)


class GeneratePersona(TrackCall[Persona], frozen=True, kw_only=True):
    """Learn the manner of a finished track, for other songs. Once a track: a second time it is AlreadyExists.

    Source: https://docs.kie.ai/old-model/suno-api/generate-persona
    """

    path = "/api/v1/generate/generate-persona"
    operation = "generate-persona"
    token_id = 19
    result = Persona
    unique = True
    required = ("task_id", "audio_id", "name", "description")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None
    name: Text
    """Of the persona."""
    description: Text
    """What it is like: genre, mood, voice."""
    vocal_start: Annotated[float, Meta(ge=0, description="Where to listen from, seconds; 0 if left out.")] | None = None
    vocal_end: Annotated[float, Meta(ge=0, description="To here, 10 to 30 s later; 30 if left out.")] | None = None
    style: Text | None = None
    """A label."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from missing(self, "task_id", "audio_id")
        start, end = self.vocal_start or 0.0, 30.0 if self.vocal_end is None else self.vocal_end
        if not 10 <= round(end - start, 2) <= 30:
            yield Problem("vocal_end", "must be 10 to 30 seconds after vocal_start", (start, end))


class VoiceJob(Job[R_co], frozen=True, kw_only=True):
    """A step on the way to an own voice."""

    details_result_path = ("data",)
    statuses = {
        "wait_processing": Stage.PENDING,
        "processing_validate": Stage.PENDING,
        "wait_validating": Stage.PENDING,
        "success": Stage.COMPLETE,
        "processing_validate_fail": Stage.FAILED,
        "fail": Stage.FAILED,
    }


class PhraseJob(VoiceJob[VoicePhrase], frozen=True, kw_only=True):
    """Gives a phrase. Details: https://docs.kie.ai/old-model/suno-api/suno-voice-validate-info"""

    details = "/api/v1/voice/validate-info"
    result = VoicePhrase
    statuses = {**VoiceJob.statuses, "wait_validating": Stage.COMPLETE}  # waits for the singer: the phrase is there


class ValidateVoice(PhraseJob, frozen=True, kw_only=True):
    """Hand in a recording of a voice and get the phrase that its owner must read or sing.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-validate
    """

    path = "/api/v1/voice/validate"
    operation = "validation-phrase"
    token_id = 20
    required = ("voice_url", "vocal_start", "vocal_end")

    voice_url: Media
    """The recording: a public address, or a Path that is uploaded first."""
    vocal_start: Annotated[int, Meta(ge=0, description="Where the singing begins, seconds.")] = field(
        name="vocalStartS"
    )
    vocal_end: Annotated[int, Meta(ge=1, description="Where it ends, seconds.")] = field(name="vocalEndS")
    language: Literal["en", "zh", "es", "fr", "pt", "de", "ja", "ko", "hi", "ru"] | None = None
    """Of the phrase."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        if self.vocal_end <= self.vocal_start:
            yield Problem("vocal_end", "must be after vocal_start", self.vocal_end)


class _AnotherPhrase(PhraseJob, frozen=True):
    source: VoicePhrase | None = None
    """Fills task_id."""


class RegeneratePhrase(_AnotherPhrase, frozen=True, kw_only=True):
    """Ask for another phrase.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-regenerate
    """

    path = "/api/v1/voice/regenerate"
    operation = "regenerate-phrase"
    token_id = 21
    callback = "calBackUrl"  # their spelling
    required = ("task_id",)

    task_id: Text | None = None
    """The task that gave the first phrase."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")


class _Voicing(VoiceJob[R_co], frozen=True):
    source: VoicePhrase | None = None
    """Fills task_id."""


class GenerateVoice(_Voicing[Voice], frozen=True, kw_only=True):
    """Make an own voice from a recording of the phrase.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-generate
    """

    path = "/api/v1/voice/generate"
    operation = "create-voice"
    token_id = 22
    details = "/api/v1/voice/record-info"
    result = Voice
    required = ("task_id", "verify_url")

    task_id: Text | None = None
    """The task that gave the phrase."""
    verify_url: Media
    """The phrase, best sung: a public address, or a Path that is uploaded first."""
    voice_name: Text | None = None
    """For people."""
    description: Text | None = None
    """For people."""
    style: Text | None = None
    """A label."""
    singer_skill_level: Literal["beginner", "intermediate", "advanced", "professional"] | None = None
    """beginner if left out."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")


class _VoiceCall(Call[R_co], frozen=True):
    source: Voice | None = None
    """Fills task_id."""


class CheckVoice(_VoiceCall[VoiceCheck], frozen=True, kw_only=True):
    """Whether a voice can be used.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-check-voice
    """

    path = "/api/v1/voice/check-voice"
    operation = "check-voice"
    token_id = 23
    result = VoiceCheck
    repeatable = True
    required = ("task_id",)

    task_id: Text | None = field(default=None, name="task_id")  # snake_case here
    """The task that made the voice."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")
