"""Personas and own voices."""

from msgspec import field

from .base import Result

__all__ = ["Persona", "Voice", "VoiceCheck", "VoicePhrase"]


class Persona(Result, frozen=True, kw_only=True, rename="camel"):
    """The manner of a track, for other songs: give `persona_id` to them. Made once a track, so keep it.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    persona_id: str | None = None
    name: str | None = None
    description: str | None = None

    @property
    def complete(self) -> bool:
        return bool(self.persona_id)


class VoicePhrase(Result, frozen=True, kw_only=True, rename="camel"):
    """What a person must read or sing, to prove that a voice is theirs.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    phrase: str | None = field(default=None, name="validateInfo")

    @property
    def complete(self) -> bool:
        return bool(self.phrase)


class Voice(Result, frozen=True, kw_only=True, rename="camel"):
    """An own voice: give `voice_id` as `persona_id`, with `persona_model="voice_persona"`.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    callback_names = {"voice_id": "voiceId"}

    voice_id: str | None = None

    @property
    def complete(self) -> bool:
        return bool(self.voice_id)


class VoiceCheck(Result, frozen=True, kw_only=True, rename="camel"):
    """Whether a voice can be used.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    is_available: bool | None = None

    @property
    def complete(self) -> bool:
        return self.is_available is not None
