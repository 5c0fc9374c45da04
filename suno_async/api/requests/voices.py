"""Personas, and voices of your own: a phrase to read, a voice made from its recording, and a check of the voice."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal, TypeVar

from msgspec import Meta

from ...errors import Problem
from ..fields import AudioId, Media, Text
from ..results import Persona, Track, Voice, VoiceCheck, VoicePhrase
from ..updates import Stage
from .base import FROM_TRACK, Call, FromSource, Job

__all__ = ["CheckVoice", "GeneratePersona", "GenerateVoice", "RegeneratePhrase", "ValidateVoice"]

R_co = TypeVar("R_co", covariant=True)


class GeneratePersona(FromSource[Track], Call[Persona], frozen=True, kw_only=True):
    """Make a persona from the style of a finished track, to be used in other songs. A second time: AlreadyExists.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.
        name: Name of the persona.
        description: What the persona is like: genre, mood, voice.
        vocal_start: Start of the analysed section in seconds. Default: 0.
        vocal_end: End of the analysed section in seconds, 10 to 30 after `vocal_start`. Default: 30.
        style: Label of the style.

    Source: https://docs.kie.ai/old-model/suno-api/generate-persona
    """

    path = "/api/v1/generate/generate-persona"
    operation = "generate-persona"
    token_id = 19
    result = Persona
    unique = True
    required = ("task_id", "audio_id", "name", "description")
    from_source = FROM_TRACK

    task_id: Text | None = None
    audio_id: AudioId | None = None
    name: Text
    description: Text
    vocal_start: Annotated[float, Meta(ge=0)] | None = None
    vocal_end: Annotated[float, Meta(ge=0)] | None = None
    style: Text | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        start, end = self.vocal_start or 0.0, 30.0 if self.vocal_end is None else self.vocal_end
        if not 10 <= round(end - start, 2) <= 30:
            yield Problem("vocal_end", "must be 10 to 30 seconds after vocal_start", (start, end))


class VoiceJob(Job[R_co], frozen=True, kw_only=True):
    """A step of making a voice of your own."""

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
    """A job whose result is `VoicePhrase`.

    Source of the details page: https://docs.kie.ai/old-model/suno-api/suno-voice-validate-info
    """

    details = "/api/v1/voice/validate-info"
    result = VoicePhrase
    statuses = {**VoiceJob.statuses, "wait_validating": Stage.COMPLETE}  # waits for the recording: the phrase is ready


class ValidateVoice(PhraseJob, frozen=True, kw_only=True):
    """Submit a recording of a voice and get the phrase that its owner must read or sing.

    Args:
        voice_url: The recording: a public address, or a Path that is uploaded first.
        vocal_start: Where the singing begins, in whole seconds, 0 or more.
        vocal_end: Where the singing ends, in whole seconds, after `vocal_start`.
        language: Language of the phrase.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-validate
    """

    path = "/api/v1/voice/validate"
    operation = "validation-phrase"
    token_id = 20
    required = ("voice_url", "vocal_start", "vocal_end")
    wire_names = {"vocal_start": "vocalStartS", "vocal_end": "vocalEndS"}

    voice_url: Media
    vocal_start: Annotated[int, Meta(ge=0)]
    vocal_end: Annotated[int, Meta(ge=1)]
    language: Literal["en", "zh", "es", "fr", "pt", "de", "ja", "ko", "hi", "ru"] | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.vocal_end <= self.vocal_start:
            yield Problem("vocal_end", "must be after vocal_start", self.vocal_end)


class RegeneratePhrase(FromSource[VoicePhrase], PhraseJob, frozen=True, kw_only=True):
    """Get another phrase for the same recording.

    Args:
        source: The first phrase. Fills `task_id`.
        task_id: Id of the task that gave the first phrase, when no `source` is given.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-regenerate
    """

    path = "/api/v1/voice/regenerate"
    operation = "regenerate-phrase"
    token_id = 21
    callback = "calBackUrl"  # their spelling
    required = ("task_id",)

    task_id: Text | None = None


class GenerateVoice(FromSource[VoicePhrase], VoiceJob[Voice], frozen=True, kw_only=True):
    """Make a voice of your own from a recording of the phrase.

    Args:
        source: The phrase. Fills `task_id`.
        task_id: Id of the task that gave the phrase, when no `source` is given.
        verify_url: The phrase, read or (better) sung: a public address, or a Path that is uploaded first.
        voice_name: Name of the voice.
        description: Description of the voice.
        style: Label of the style.
        singer_skill_level: How well the person sings. Default: beginner.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-generate
    """

    path = "/api/v1/voice/generate"
    operation = "create-voice"
    token_id = 22
    details = "/api/v1/voice/record-info"
    result = Voice
    required = ("task_id", "verify_url")

    task_id: Text | None = None
    verify_url: Media
    voice_name: Text | None = None
    description: Text | None = None
    style: Text | None = None
    singer_skill_level: Literal["beginner", "intermediate", "advanced", "professional"] | None = None


class CheckVoice(FromSource[Voice], Call[VoiceCheck], frozen=True, kw_only=True):
    """Check whether a voice can be used.

    Args:
        source: The voice. Fills `task_id`.
        task_id: Id of the task that made the voice, when no `source` is given.

    Source: https://docs.kie.ai/old-model/suno-api/suno-voice-check-voice
    """

    path = "/api/v1/voice/check-voice"
    operation = "check-voice"
    token_id = 23
    result = VoiceCheck
    required = ("task_id",)
    wire_names = {"task_id": "task_id"}  # snake_case here

    task_id: Text | None = None
