"""Personas, and voices of your own."""

from msgspec import field

from .base import Result

__all__ = ["Persona", "Voice", "VoiceCheck", "VoicePhrase"]


class Persona(Result, frozen=True, kw_only=True, rename="camel"):
    """A persona, made from a track. It is made only once for each track, so keep its id.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("persona_id",)

    persona_id: str | None = None
    """Id, for `persona_id` of other requests."""
    name: str | None = None
    """Name."""
    description: str | None = None
    """Description."""

    @property
    def complete(self) -> bool:
        return bool(self.persona_id)


class VoicePhrase(Result, frozen=True, kw_only=True, rename="camel"):
    """The phrase that a person must read or sing, to prove that a voice is theirs.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("phrase",)

    phrase: str | None = field(default=None, name="validateInfo")
    """The text."""

    @property
    def complete(self) -> bool:
        return bool(self.phrase)


class Voice(Result, frozen=True, kw_only=True, rename="camel"):
    """A voice of your own.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    callback_names = {"voice_id": "voiceId"}
    essential = ("voice_id",)

    voice_id: str | None = None
    """Id, for `persona_id` of other requests, with `persona_model="voice_persona"`."""

    @property
    def complete(self) -> bool:
        return bool(self.voice_id)


class VoiceCheck(Result, frozen=True, kw_only=True, rename="camel"):
    """The answer to whether a voice can be used.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    essential = ("is_available",)

    is_available: bool | None = None
    """True: the voice can be used."""

    @property
    def complete(self) -> bool:
        return self.is_available is not None
