"""Jobs that make tracks."""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, field

from ...errors import Problem
from ..fields import (
    AddedStyle,
    AudioId,
    Duration,
    Flag,
    Instrumental,
    Media,
    ModelName,
    Moment,
    NegativeTags,
    PersonaId,
    PersonaModel,
    Text,
    Variety,
    VocalGender,
    Weight,
)
from ..limits import Limits
from ..models import Model, before_v6, is_v6, limits_of
from ..results import Music, Track
from ..updates import Stage
from ..validation import too_long
from .base import OF_TRACK, Job

__all__ = [
    "AddInstrumental",
    "AddVocals",
    "ExtendMusic",
    "GenerateMusic",
    "GenerateSounds",
    "Mashup",
    "MusicJob",
    "ReplaceSection",
    "UploadCover",
    "UploadExtend",
]


def _models(what: str) -> str:
    """The models that can do something, for people."""
    return ", ".join(model for model in Model if getattr(model.limits, what))


class MusicJob(Job[Music], frozen=True, kw_only=True):
    """Makes tracks. Details: https://docs.kie.ai/old-model/suno-api/get-music-details"""

    details = "/api/v1/generate/record-info"
    result = Music
    statuses = {
        "PENDING": Stage.PENDING,
        "TEXT_SUCCESS": Stage.TEXT,
        "FIRST_SUCCESS": Stage.FIRST,
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        "GENERATE_AUDIO_FAILED": Stage.FAILED,
        "SENSITIVE_WORD_ERROR": Stage.FAILED,
        "FAILED": Stage.FAILED,  # seen, not documented
    }


class SungJob(MusicJob, frozen=True, kw_only=True):
    """Music with a voice and a style to steer."""

    model: ModelName | None = None
    vocal_gender: VocalGender | None = None
    style_weight: Weight | None = None
    weirdness_constraint: Weight | None = None
    audio_weight: Weight | None = None

    def lyrics_are_prompt(self, unsupported_fields: Collection[str]) -> bool:
        """Whether the words go out as `prompt`: to models before V6, and where `lyrics` is no field."""
        return before_v6(self.model) or "lyrics" in unsupported_fields

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        limits = limits_of(self.model)
        if limits and not limits.duration and getattr(self, "duration", None) is not None:
            yield Problem("duration", f"needs one of {_models('duration')}", self.model)
        if limits and not limits.voice and getattr(self, "persona_model", None) == "voice_persona":
            yield Problem("persona_model", f"voice_persona needs one of {_models('voice')}", self.model)
        if is_v6(self.model) and self.audio_weight is not None and getattr(self, "instrumental", False):
            yield Problem("audio_weight", f"needs vocals with {self.model}", self.audio_weight)


class CustomJob(SungJob, frozen=True, kw_only=True):
    """Music with or without `custom_mode`: left out, it is on when `style`, `title` or `lyrics` is given."""

    prompt: Text | None = None
    """The idea of the song; in custom mode the exact lyrics, unless `lyrics` is given."""
    lyrics: Text | None = None
    """What is sung. Up to 5000 characters, 3000 with V4. Sent as `prompt` to models before V6."""
    style: Text | None = None
    """Genre and mood. Up to 1000 characters, 200 with V4."""
    title: Text | None = None
    """Up to 80 characters; 100 with V4_5, V4_5PLUS, V5 and V5_5 on some pages."""
    custom_mode: Flag | None = None
    instrumental: Instrumental = False
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None
    duration: Duration | None = None
    variety: Variety | None = None

    idea: ClassVar[str] = "idea_for_audio"
    """The limit of `prompt` outside custom mode, as `Limits` names it."""

    @property
    def custom(self) -> bool:
        """`custom_mode`, given or implied."""
        if self.custom_mode is not None:
            return self.custom_mode
        return any(value is not None for value in (self.style, self.title, self.lyrics))

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields)
        sent["custom_mode"] = self.custom
        if "lyrics" in sent and self.lyrics_are_prompt(unsupported_fields):
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.lyrics is not None and self.lyrics_are_prompt(unsupported_fields):
            if self.prompt is not None:
                yield Problem("prompt", f"is the lyrics with {self.model}: give one of prompt and lyrics", self.prompt)
            if not self.custom:
                yield Problem("lyrics", f"need custom_mode with {self.model}", self.lyrics)
        if self.custom:
            yield from too_long(self, "prompt", "lyrics")
            yield from too_long(self, "lyrics", "lyrics")
            yield from too_long(self, "style", "style")
            yield from too_long(self, "title", "title")
            yield from too_long(self, "negative_tags", "negative_tags")
        else:
            yield from too_long(self, "prompt", self.idea)


class GenerateMusic(CustomJob, frozen=True, kw_only=True):
    """Make a song, two takes of it, from an idea or from your own lyrics and style.

    With a V6 model and nothing but a prompt, the prompt is sent as the style too: the pages of that time do not
    accept a prompt alone (NOTES §14.2).

    Source: https://docs.kie.ai/old-model/suno-api/generate-music
    """

    path = "/api/v1/generate"
    operation = "generate"
    token_id = 1
    required = ("custom_mode", "instrumental", "model")
    idea = "idea"

    negative_tags: NegativeTags | None = None
    image_urls: Annotated[tuple[Media, ...], Meta(max_length=5, description="Up to 10 MB each. V6 time.")] | None = None
    video_urls: Annotated[tuple[Media, ...], Meta(max_length=1, description="To 100 MB, 241 s. V6 time.")] | None = None
    audio_urls: Annotated[tuple[Media, ...], Meta(description="6 s to 30 min, to 500 MB each. V6 time.")] | None = None

    @property
    def attachments(self) -> int:
        """How many addresses are sent along."""
        given = (self.image_urls, self.video_urls, self.audio_urls)
        return sum(len(urls) for urls in given if isinstance(urls, tuple | list))

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields)
        alone = not (self.custom or self.style or self.lyrics or self.attachments)
        if alone and self.prompt and is_v6(self.model):
            sent["style"] = self.prompt[: Limits().style]
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.custom:
            if self.style is None and not (self.lyrics or self.prompt or self.negative_tags):
                yield Problem("style", "or lyrics must be given in custom mode", self.style)
            if self.attachments:
                given = self.image_urls or self.video_urls or self.audio_urls
                yield Problem("image_urls, video_urls, audio_urls", "cannot be used in custom mode", given)
            return
        if self.prompt is None and not (self.style or self.lyrics or self.attachments):
            yield Problem("prompt", "must be given without custom mode", self.prompt)
        counted = self.attachments + bool(self.style) + bool(self.lyrics)
        if self.attachments and counted > 10:
            yield Problem("image_urls, video_urls, audio_urls", "with style and lyrics must be at most 10", counted)
        if is_v6(self.model):
            for name in _CUSTOM_ONLY:
                if (value := getattr(self, name)) is not None:
                    yield Problem(name, f"needs custom mode with {self.model}: give style, title or lyrics", value)


_CUSTOM_ONLY = (
    "title",
    "negative_tags",
    "vocal_gender",
    "duration",
    "style_weight",
    "weirdness_constraint",
    "audio_weight",
    "variety",
)


class UploadCover(CustomJob, frozen=True, kw_only=True):
    """Sing an uploaded song in a new style, its melody kept. At most 8 minutes, 1 minute with V4_5ALL.

    Source: https://docs.kie.ai/old-model/suno-api/upload-and-cover-audio
    """

    path = "/api/v1/generate/upload-cover"
    operation = "upload-and-cover-audio"
    token_id = 3
    required = ("upload_url", "model")

    upload_url: Media
    """The song: a public address, or a Path that is uploaded first."""
    negative_tags: NegativeTags | None = None
    image_urls: Annotated[tuple[Media, ...], Meta(max_length=5, description="To 10 MB each. KIE_JOBS.")] | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.custom and self.image_urls:
            yield Problem("image_urls", "cannot be used in custom mode", self.image_urls)


class Mashup(CustomJob, frozen=True, kw_only=True):
    """Blend two songs into one.

    Source: https://docs.kie.ai/old-model/suno-api/generate-mashup
    """

    path = "/api/v1/generate/mashup"
    operation = "mashup"
    token_id = 7
    required = ("upload_url_list", "model")

    upload_url_list: Annotated[tuple[Media, ...], Meta(min_length=2, max_length=2, description="Exactly two.")]


class ContinuingJob(SungJob, frozen=True, kw_only=True):
    """Music that goes on from a moment in other music.

    `default_param_flag` left out is on when `style`, `title` or `lyrics` is given: then they replace the source's own.
    """

    continue_at: Moment | None = None
    """Seconds, less than the length of the source."""
    prompt: Text | None = None
    """How to go on, or the lyrics."""
    lyrics: Text | None = None
    """What is sung. Up to 5000 characters, 3000 with V4. Sent as `prompt`."""
    style: Text | None = None
    """Up to 1000 characters, 200 with V4."""
    title: Text | None = None
    """Up to 100 characters, 80 with V4 and V4_5ALL."""
    default_param_flag: Flag | None = None
    negative_tags: NegativeTags | None = None
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None

    @property
    def own_parameters(self) -> bool:
        """`default_param_flag`, given or implied."""
        if self.default_param_flag is not None:
            return self.default_param_flag
        return any(value is not None for value in (self.style, self.title, self.lyrics))

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields)
        sent["default_param_flag"] = self.own_parameters
        if "lyrics" in sent:
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.lyrics is not None and self.prompt is not None:
            yield Problem("prompt", "is the lyrics here: give one of prompt and lyrics", self.prompt)
        if self.own_parameters:
            if self.continue_at is None:
                yield Problem("continue_at", "must be given with style, title or lyrics", None)
            yield from too_long(self, "prompt", "lyrics")
            yield from too_long(self, "lyrics", "lyrics")
            yield from too_long(self, "style", "style")
            yield from too_long(self, "title", "title_extended")


class _OfTrack(ContinuingJob, frozen=True):
    source: Track | None = None
    """Fills audio_id, and the model if that is known."""


class ExtendMusic(_OfTrack, frozen=True, kw_only=True):
    """Continue a track from a moment in it. The model must be the one that made it.

    Source: https://docs.kie.ai/old-model/suno-api/extend-music
    """

    path = "/api/v1/generate/extend"
    from_source = {"audio_id": "id", "model": "model"}
    operation = "extend"
    token_id = 2
    required = ("default_param_flag", "audio_id", "model")

    audio_id: AudioId | None = None
    instrumental: Instrumental | None = None
    """KIE only, since August 2026; excludes prompt, lyrics and vocal_gender."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.audio_id is None:
            yield Problem("audio_id", "must be given, or the track to continue", None)
        if self.source is not None and self.model is None:  # a guess would continue it in another voice, or not at all
            yield Problem("model", "must be given: this track does not tell which model made it", None)
        if self.instrumental:
            for name in ("prompt", "lyrics", "vocal_gender"):
                if (value := getattr(self, name)) is not None:
                    yield Problem(name, "cannot be given with instrumental", value)
        elif self.own_parameters and not (self.prompt or self.lyrics):
            yield Problem("lyrics", "must be given with style or title", None)
        if self.own_parameters:
            for name in ("style", "title"):
                if getattr(self, name) is None:
                    yield Problem(name, "must be given when the source's own parameters are replaced", None)


class UploadExtend(ContinuingJob, frozen=True, kw_only=True):
    """Continue an uploaded song from a moment in it. At most 8 minutes, 1 minute with V4_5ALL.

    KIE asks for `continue_at` always.

    Source: https://docs.kie.ai/old-model/suno-api/upload-and-extend-audio
    """

    path = "/api/v1/generate/upload-extend"
    operation = "upload-and-extend-audio"
    token_id = 4
    required = ("upload_url", "default_param_flag", "instrumental", "model")

    upload_url: Media
    """The song: a public address, or a Path that is uploaded first."""
    instrumental: Instrumental = False

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.own_parameters and not self.instrumental and not (self.prompt or self.lyrics):
            yield Problem("lyrics", "must be given with style or title, unless instrumental", None)


class AddInstrumental(SungJob, frozen=True, kw_only=True):
    """Play along to an uploaded voice.

    Source: https://docs.kie.ai/old-model/suno-api/add-instrumental
    """

    path = "/api/v1/generate/add-instrumental"
    operation = "add-instrumental"
    token_id = 5
    required = ("upload_url", "title", "negative_tags", "style")

    upload_url: Media
    """The voice: a public address, or a Path that is uploaded first."""
    title: Text
    """Of the new track."""
    style: AddedStyle = field(name="tags")  # "tags" here, "style" in add-vocals
    negative_tags: NegativeTags
    """At most 200 characters at KIE."""
    lyrics: Text | None = None
    """V6 time; up to 5000 characters."""
    variety: Variety | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        yield from too_long(self, "lyrics", "lyrics")


class AddVocals(SungJob, frozen=True, kw_only=True):
    """Sing to an uploaded instrumental.

    Source: https://docs.kie.ai/old-model/suno-api/add-vocals
    """

    path = "/api/v1/generate/add-vocals"
    operation = "add-vocals"
    token_id = 6
    required = ("upload_url", "title", "negative_tags", "style")

    upload_url: Media
    """The instrumental: a public address, or a Path that is uploaded first."""
    title: Text
    """Of the new track."""
    style: AddedStyle
    negative_tags: NegativeTags
    """At most 200 characters at KIE."""
    prompt: Text | None = None
    """What is sung; models before V6 need it."""
    lyrics: Text | None = None
    """The exact words, up to 5000 characters. Sent as `prompt` to models before V6."""
    variety: Variety | None = None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields)
        if "lyrics" in sent and self.lyrics_are_prompt(unsupported_fields):
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.lyrics is not None and self.prompt is not None and self.lyrics_are_prompt(unsupported_fields):
            yield Problem("prompt", f"is the lyrics with {self.model}: give one of prompt and lyrics", self.prompt)
        yield from too_long(self, "lyrics", "lyrics")


class _PartOfTrack(SungJob, frozen=True):
    from_source = OF_TRACK
    source: Track | None = None
    """Fills task_id and audio_id."""


class ReplaceSection(_PartOfTrack, frozen=True, kw_only=True):
    """Sing a part of a track anew: of a finished one (task_id and audio_id) or an uploaded one (upload_url and model).

    The part is 6 to 60 seconds on older pages and from 10 seconds on newer ones, at most half of the song.

    Source: https://docs.kie.ai/old-model/suno-api/replace-section
    """

    path = "/api/v1/generate/replace-section"
    operation = "replace-section"
    token_id = 8
    required = ("prompt", "style", "title", "start", "end")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None
    upload_url: Media | None = None
    """An own song, by its public address or a Path that is uploaded first; then `model` is needed."""
    prompt: Text | None = None
    """The lyrics of the new part."""
    lyrics: Text | None = None
    """The same, up to 5000 characters; give one of the two."""
    style: Text = field(name="tags")
    """Genre and mood of the new part."""
    title: Text
    """Of the new track."""
    start: Annotated[float, Meta(ge=0, description="Seconds, two decimals.")] = field(name="infillStartS")
    end: Annotated[float, Meta(gt=0, description="Seconds, two decimals; after the start.")] = field(name="infillEndS")
    full_lyrics: Text | None = None
    """The lyrics of the whole song after the change. Newer pages require it: always give it."""
    negative_tags: NegativeTags | None = None
    variety: Variety | None = None
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None

    def with_model(self, model: str) -> Self:
        return super().with_model(model) if self.upload_url else self  # a finished track knows its own

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields) | {"start": round(self.start, 2), "end": round(self.end, 2)}
        if self.lyrics is not None:
            sent["prompt"] = self.lyrics  # every page requires it
            if self.model is None or self.lyrics_are_prompt(unsupported_fields):
                del sent["lyrics"]
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if (self.prompt is None) == (self.lyrics is None):
            yield Problem("lyrics", "or prompt must be given, one of them", self.prompt)
        if self.upload_url is None and not (self.task_id and self.audio_id):
            yield Problem("task_id and audio_id", "or upload_url must be given", None)
        if self.upload_url is not None and (self.task_id or self.audio_id):
            yield Problem("upload_url", "cannot be given with task_id or audio_id", self.upload_url)
        if self.upload_url is None and self.model is not None:
            yield Problem("model", "cannot be given with task_id and audio_id", self.model)
        if round(self.end - self.start, 2) < 6:
            yield Problem("end", "must be at least 6 seconds after start", self.end)
        yield from too_long(self, "lyrics", "lyrics")


SoundKey = Literal[
    "Any", "Cm", "C#m", "Dm", "D#m", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "A#m", "Bm",
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
]  # fmt: skip


class GenerateSounds(MusicJob, frozen=True, kw_only=True):
    """Make a sound effect or a loop.

    Source: https://docs.kie.ai/old-model/suno-api/generate-sounds
    """

    path = "/api/v1/generate/sounds"
    operation = "sounds"
    token_id = 9
    required = ("prompt", "model")

    prompt: Annotated[str, Meta(min_length=1, max_length=500, description="What to hear.")]
    model: ModelName | None = None
    sound_loop: Annotated[bool, Meta(description="Repeats without a seam.")] | None = None
    sound_tempo: Annotated[int, Meta(ge=1, le=300, description="Beats a minute; automatic if left out.")] | None = None
    sound_key: SoundKey | None = None
    """The musical key; Any if left out."""
    grab_lyrics: Annotated[bool, Meta(description="Fetch lyric subtitles when done.")] | None = None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        sent = super().payload(unsupported_fields)
        if self.sound_key == "Any":
            del sent["sound_key"]  # the default, but missing from KIE's list (NOTES §14.9)
        return sent
