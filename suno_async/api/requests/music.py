"""Jobs that make tracks."""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta

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
from .base import FROM_TRACK, Job

__all__ = [
    "AddInstrumental",
    "AddVocals",
    "ExtendMusic",
    "GenerateMusic",
    "GenerateSounds",
    "Mashup",
    "MusicJob",
    "ReplaceSection",
    "SoundKey",
    "UploadCover",
    "UploadExtend",
]


def _models(what: str) -> str:
    """The names of the models that have a limit or an ability, to be printed."""
    return ", ".join(model for model in Model if getattr(model.limits, what))


class MusicJob(Job[Music], frozen=True, kw_only=True):
    """A job whose result is `Music`.

    Source of the details page: https://docs.kie.ai/old-model/suno-api/get-music-details
    """

    details = "/api/v1/generate/record-info"
    result = Music
    usual_seconds = 180.0  # "2 to 3 min" (docs/service.md#task-life-cycle)
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
    """Music whose voice and style can be controlled.

    Args:
        style_weight: How strictly to follow `style`, 0 to 1 in steps of 0.01.
        weirdness_constraint: How far the result may deviate, 0 to 1 in steps of 0.01.
        audio_weight: Influence of the given audio, 0 to 1 in steps of 0.01. Not without vocals with V6 models.
    """

    model: ModelName | None = None
    vocal_gender: VocalGender | None = None
    style_weight: Weight | None = None
    weirdness_constraint: Weight | None = None
    audio_weight: Weight | None = None

    def lyrics_are_prompt(self, unsupported_fields: Collection[str]) -> bool:
        """Whether lyrics are sent as `prompt`: to models before V6, and where the gateway has no field `lyrics`."""
        return before_v6(self.model) or "lyrics" in unsupported_fields

    def misplaced(self, length: float, of: str) -> Iterator[Problem]:
        """Yield the moments that a song of this length does not have.

        Args:
            length: Seconds of the song that is worked on.
            of: What that is, for the message.
        """
        yield from ()

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        limits = limits_of(self.model)
        if limits and not limits.duration and getattr(self, "duration", None) is not None:
            yield Problem("duration", f"needs one of {_models('duration')}", self.model)
        if limits and not limits.voice and getattr(self, "persona_model", None) is not None:
            yield Problem("persona_model", f"needs one of {_models('voice')}", self.model)
        if is_v6(self.model) and self.audio_weight is not None and getattr(self, "instrumental", False):
            yield Problem("audio_weight", f"needs vocals with {self.model}", self.audio_weight)


class CustomJob(SungJob, frozen=True, kw_only=True):
    """Music with or without custom mode.

    Args:
        prompt: The idea of the song; in custom mode the exact lyrics, unless `lyrics` is given.
        lyrics: The exact text to sing, at most 5000 characters (3000 with V4). Sent as `prompt` to models before V6.
        style: Genre and mood, at most 1000 characters (200 with V4).
        title: Title of the song, at most 80 characters (100 with V4_5, V4_5PLUS, V5 and V5_5 on some pages).
        custom_mode: Whether `style`, `title` and `lyrics` are used. Default: True when one of them is given.
    """

    prompt: Text | None = None
    lyrics: Text | None = None
    style: Text | None = None
    title: Text | None = None
    custom_mode: Flag | None = None
    instrumental: Instrumental = False
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None
    duration: Duration | None = None
    variety: Variety | None = None

    idea: ClassVar[str] = "idea_for_audio"
    """Name in `Limits` of the limit of `prompt` outside custom mode."""

    @property
    def custom(self) -> bool:
        """The value of `custom_mode`, given or implied."""
        if self.custom_mode is not None:
            return self.custom_mode
        return self.style is not None or self.title is not None or self.lyrics is not None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields)
        payload["custom_mode"] = self.custom
        if isinstance(self.duration, float) and self.duration.is_integer():
            payload["duration"] = int(self.duration)  # some pages say that it is a whole number
        if "lyrics" in payload and self.lyrics_are_prompt(unsupported_fields):
            payload["prompt"] = payload.pop("lyrics")
        return payload

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
    """Make a song, in two versions, from an idea or from your own lyrics and style.

    With a V6 model and nothing but a prompt, the prompt is sent as the style, too: the pages for V6 do not accept a
    prompt alone (docs/service.md#generate-without-custom-mode).

    Args:
        prompt: The idea of the song, at most 3000 characters; in custom mode the exact lyrics, unless `lyrics` is
            given.
        image_urls: Pictures to be inspired by, at most 5 of 10 MB each: addresses or Paths. Not in custom mode; V6
            pages only.
        video_urls: A video to be inspired by, at most 1 of 100 MB and 241 s. Not in custom mode; V6 pages only.
        audio_urls: Audio to be inspired by, 6 s to 30 min and at most 500 MB each. Not in custom mode; V6 pages only.

    Source: https://docs.kie.ai/old-model/suno-api/generate-music
    """

    path = "/api/v1/generate"
    operation = "generate"
    token_id = 1
    required = ("custom_mode", "instrumental", "model")
    idea = "idea"

    negative_tags: NegativeTags | None = None
    image_urls: Annotated[tuple[Media, ...], Meta(max_length=5)] | None = None
    video_urls: Annotated[tuple[Media, ...], Meta(max_length=1)] | None = None
    audio_urls: tuple[Media, ...] | None = None

    @property
    def attachments(self) -> int:
        """How many pictures, videos and audio files are given."""
        given = (self.image_urls, self.video_urls, self.audio_urls)
        if given == (None, None, None):  # as most requests, which are asked four times each
            return 0
        return sum(len(urls) for urls in given if isinstance(urls, tuple | list))

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields)
        alone = not (self.custom or self.style or self.lyrics or self.attachments)
        if alone and self.prompt and is_v6(self.model):
            payload["style"] = self.prompt[: Limits().style]
        return payload

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
        more = _CUSTOM_ONLY_V6 if is_v6(self.model) else ("style",) if before_v6(self.model) else ()
        for name in (*_CUSTOM_ONLY, *more):
            if (value := getattr(self, name)) is not None:
                yield Problem(name, f"needs custom mode with {self.model}: give style, title or lyrics", value)


_CUSTOM_ONLY = (
    "title",
    "duration",
    "style_weight",
    "weirdness_constraint",
    "audio_weight",
    "variety",
)
_CUSTOM_ONLY_V6 = ("negative_tags", "vocal_gender")


class UploadCover(CustomJob, frozen=True, kw_only=True):
    """Sing an uploaded song in a new style, its melody kept. At most 8 minutes, 1 minute with V4_5ALL.

    Args:
        prompt: The idea of the song, at most 500 characters with models before V6; in custom mode the exact lyrics,
            unless `lyrics` is given.
        upload_url: The song: a public address, or a Path that is uploaded first.
        image_urls: Pictures to be inspired by, at most 5 of 10 MB each. Not in custom mode; KIE's jobs API only.

    Source: https://docs.kie.ai/old-model/suno-api/upload-and-cover-audio
    """

    path = "/api/v1/generate/upload-cover"
    operation = "upload-and-cover-audio"
    token_id = 3
    required = ("upload_url", "model")

    upload_url: Media
    negative_tags: NegativeTags | None = None
    image_urls: Annotated[tuple[Media, ...], Meta(max_length=5)] | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.custom and self.image_urls:
            yield Problem("image_urls", "cannot be used in custom mode", self.image_urls)


class Mashup(CustomJob, frozen=True, kw_only=True):
    """Blend two songs into one.

    Args:
        prompt: The idea of the song, at most 500 characters with models before V6; in custom mode the exact lyrics,
            unless `lyrics` is given.
        upload_url_list: The two songs: public addresses, or Paths that are uploaded first.

    Source: https://docs.kie.ai/old-model/suno-api/generate-mashup
    """

    path = "/api/v1/generate/mashup"
    operation = "mashup"
    token_id = 7
    required = ("upload_url_list", "model")

    upload_url_list: Annotated[tuple[Media, ...], Meta(min_length=2, max_length=2)]


class ContinuingJob(SungJob, frozen=True, kw_only=True):
    """Music that continues other music.

    Args:
        continue_at: Where the continuation begins, in seconds from the start: more than 0, less than the length.
            Default: the end. Required with `style`, `title` or `lyrics`.
        prompt: How to continue, or the lyrics, at most 5000 characters (3000 with V4).
        lyrics: The exact text to sing, at most 5000 characters (3000 with V4). Sent as `prompt`.
        style: Genre and mood, at most 1000 characters (200 with V4).
        title: Title of the continuation, at most 100 characters (80 with V4 and V4_5ALL).
        default_param_flag: Whether `style`, `title` and `lyrics` replace those of the continued song. Default: True
            when one of them is given.
    """

    continue_at: Moment | None = None
    prompt: Text | None = None
    lyrics: Text | None = None
    style: Text | None = None
    title: Text | None = None
    default_param_flag: Flag | None = None
    negative_tags: NegativeTags | None = None
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None

    @property
    def own_parameters(self) -> bool:
        """The value of `default_param_flag`, given or implied."""
        if self.default_param_flag is not None:
            return self.default_param_flag
        return self.style is not None or self.title is not None or self.lyrics is not None

    def misplaced(self, length: float, of: str) -> Iterator[Problem]:
        if isinstance(self.continue_at, int | float) and self.continue_at >= length:
            yield Problem("continue_at", f"must be less than the {of}'s {length:g} seconds", self.continue_at)

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields)
        payload["default_param_flag"] = self.own_parameters
        if "lyrics" in payload:
            payload["prompt"] = payload.pop("lyrics")
        return payload

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


# `FromSource` combines with bases that have no fields (a struct keeps them in slots). The bases below have fields, so
# `source` is added in a class in between, which is not keyword-only.


class _TrackContinuation(ContinuingJob, frozen=True):
    source: Track | None = None


class ExtendMusic(_TrackContinuation, frozen=True, kw_only=True):
    """Continue a track from a moment in it. The model must be the one that made it.

    Args:
        source: The track to continue. Fills `audio_id`, and `model` if the track knows it.
        audio_id: Id of the track, when no `source` is given.
        model: The model that made the track.
        instrumental: True: without singing; excludes `prompt`, `lyrics` and `vocal_gender`. KIE only, since August
            2026.

    Source: https://docs.kie.ai/old-model/suno-api/extend-music
    """

    path = "/api/v1/generate/extend"
    from_source = {"audio_id": "id", "model": "model"}
    operation = "extend"
    token_id = 2
    required = ("default_param_flag", "audio_id", "model")

    audio_id: AudioId | None = None
    instrumental: Instrumental | None = None

    def contradictions(self, source: Track) -> Iterator[Problem]:
        if source.model and self.model is not None and self.model != source.model:
            yield Problem("model", f"must be the track's own, {source.model}", self.model)
        if source.duration:
            yield from self.misplaced(source.duration, "track")

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if (
            self.source is not None and self.model is None
        ):  # another model would continue it in another voice, or not at all
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

    Args:
        upload_url: The song: a public address, or a Path that is uploaded first.
        continue_at: Where the continuation begins, in seconds from the start: more than 0, less than the length. KIE
            always requires it; elsewhere it is required with `style`, `title` or `lyrics`.
        variety: How much results may differ, 0 to 4. KIE's jobs API only.

    Source: https://docs.kie.ai/old-model/suno-api/upload-and-extend-audio
    """

    path = "/api/v1/generate/upload-extend"
    operation = "upload-and-extend-audio"
    token_id = 4
    required = ("upload_url", "default_param_flag", "instrumental", "model")

    upload_url: Media
    instrumental: Instrumental = False
    variety: Variety | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.own_parameters and not self.instrumental and not (self.prompt or self.lyrics):
            yield Problem("lyrics", "must be given with style or title, unless instrumental", None)


class AddInstrumental(SungJob, frozen=True, kw_only=True):
    """Add instruments to an uploaded voice.

    Args:
        upload_url: The voice: a public address, or a Path that is uploaded first.
        title: Title of the new track.
        negative_tags: Styles to avoid; at most 200 characters at KIE.
        lyrics: The text that the voice sings, at most 5000 characters. V6 pages only.

    Source: https://docs.kie.ai/old-model/suno-api/add-instrumental
    """

    path = "/api/v1/generate/add-instrumental"
    operation = "add-instrumental"
    token_id = 5
    required = ("upload_url", "title", "negative_tags", "style")
    wire_names = {"style": "tags"}  # "tags" here, "style" in add-vocals

    upload_url: Media
    title: Text
    style: AddedStyle
    negative_tags: NegativeTags
    lyrics: Text | None = None
    variety: Variety | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        yield from too_long(self, "lyrics", "lyrics")


class AddVocals(SungJob, frozen=True, kw_only=True):
    """Add a singing voice to an uploaded instrumental.

    Args:
        upload_url: The instrumental: a public address, or a Path that is uploaded first.
        title: Title of the new track.
        negative_tags: Styles to avoid; at most 200 characters at KIE.
        prompt: What to sing. Models before V6 need it, or `lyrics`.
        lyrics: The exact text to sing, at most 5000 characters. Sent as `prompt` to models before V6.

    Source: https://docs.kie.ai/old-model/suno-api/add-vocals
    """

    path = "/api/v1/generate/add-vocals"
    operation = "add-vocals"
    token_id = 6
    required = ("upload_url", "title", "negative_tags", "style")

    upload_url: Media
    title: Text
    style: AddedStyle
    negative_tags: NegativeTags
    prompt: Text | None = None
    lyrics: Text | None = None
    variety: Variety | None = None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields)
        if "lyrics" in payload and self.lyrics_are_prompt(unsupported_fields):
            payload["prompt"] = payload.pop("lyrics")
        return payload

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.lyrics is not None and self.prompt is not None and self.lyrics_are_prompt(unsupported_fields):
            yield Problem("prompt", f"is the lyrics with {self.model}: give one of prompt and lyrics", self.prompt)
        yield from too_long(self, "lyrics", "lyrics")


class _TrackSection(SungJob, frozen=True):
    source: Track | None = None


class ReplaceSection(_TrackSection, frozen=True, kw_only=True):
    """Replace a section of a track, or of an uploaded song (`upload_url` and `model`).

    The section has 6 to 60 seconds on older pages and at least 10 seconds on newer ones, and at most half of the song.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.
        upload_url: A song of your own instead: a public address, or a Path that is uploaded first.
        model: The model to use. Required with `upload_url` (default: the client's), refused without it.
        prompt: The lyrics of the new section. Give this or `lyrics`.
        lyrics: The same, at most 5000 characters.
        style: Genre and mood of the new section.
        title: Title of the new track.
        start: Start of the section in seconds, with two decimals.
        end: End of the section in seconds, with two decimals.
        full_lyrics: The lyrics of the whole song after the change. Newer pages require it: always give it.

    Source: https://docs.kie.ai/old-model/suno-api/replace-section
    """

    path = "/api/v1/generate/replace-section"
    operation = "replace-section"
    token_id = 8
    required = ("prompt", "style", "title", "start", "end")
    wire_names = {"style": "tags", "start": "infillStartS", "end": "infillEndS"}
    from_source = FROM_TRACK
    instead_of_source = "upload_url"

    task_id: Text | None = None
    audio_id: AudioId | None = None
    upload_url: Media | None = None
    prompt: Text | None = None
    lyrics: Text | None = None
    style: Text
    title: Text
    start: Annotated[float, Meta(ge=0)]
    end: Annotated[float, Meta(gt=0)]
    full_lyrics: Text | None = None
    negative_tags: NegativeTags | None = None
    variety: Variety | None = None
    persona_id: PersonaId | None = None
    persona_model: PersonaModel | None = None

    def contradictions(self, source: Track) -> Iterator[Problem]:
        if source.duration:
            yield from self.misplaced(source.duration, "track")

    def misplaced(self, length: float, of: str) -> Iterator[Problem]:
        given: tuple[Any, Any] = (self.start, self.end)
        if not all(isinstance(one, int | float) for one in given):
            return
        if self.end > length:
            yield Problem("end", f"must be at most the {of}'s {length:g} seconds", self.end)
        elif round(self.end - self.start, 2) > round(length / 2, 2):
            most = f"must be at most {length / 2:g} seconds after start, half of the {of}'s {length:g}"
            yield Problem("end", most, self.end)

    def with_model(self, model: str) -> Self:
        return super().with_model(model) if self.upload_url else self  # the service knows the model of a finished track

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields) | {"start": round(self.start, 2), "end": round(self.end, 2)}
        if self.lyrics is not None:
            payload["prompt"] = payload.pop("lyrics")  # every page requires it; one name is enough
        return payload

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if (self.prompt is None) == (self.lyrics is None):
            yield Problem("lyrics", "or prompt must be given, one of them", self.prompt)
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

    Args:
        prompt: The sound to make, 1 to 500 characters.
        sound_loop: Whether the sound can be repeated without a gap.
        sound_tempo: Beats per minute, 1 to 300. Default: chosen by the service.
        sound_key: Musical key. Default: Any.
        grab_lyrics: Whether to fetch lyric subtitles when the sound is done.

    Source: https://docs.kie.ai/old-model/suno-api/generate-sounds
    """

    path = "/api/v1/generate/sounds"
    operation = "sounds"
    token_id = 9
    required = ("prompt", "model")

    prompt: Annotated[str, Meta(min_length=1, max_length=500)]
    model: ModelName | None = None
    sound_loop: bool | None = None
    sound_tempo: Annotated[int, Meta(ge=1, le=300)] | None = None
    sound_key: SoundKey | None = None
    grab_lyrics: bool | None = None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        payload = super().payload(unsupported_fields)
        if self.sound_key == "Any":
            del payload["sound_key"]  # the default, but missing from KIE's list (docs/service.md#key-of-sounds)
        return payload
