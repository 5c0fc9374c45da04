"""The table: one class is one endpoint.

A family (`MusicJob`) states what its jobs share: details page, result, status words. A job or call adds its path and
fields. Everything else is made from these classes: client methods, bytes on the wire, checks before sending, the
emulator. Fields carry our names; `rename="camel"` and the odd `name=` carry the service's.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from .errors import Problem
from .fields import (
    NEWER,
    OLDER,
    AddedStyle,
    Duration,
    Flag,
    Instrumental,
    LimitByModel,
    ModelName,
    Moment,
    NegativeTags,
    PersonaId,
    PersonaModel,
    Text,
    Url,
    Variety,
    VocalGender,
    Weight,
    before_v6,
    too_long,
)
from .models import Lyrics, Music, Result, Stage, Style

__all__ = [
    "TABLE",
    "AddInstrumental",
    "AddVocals",
    "BoostStyle",
    "Call",
    "ExtendMusic",
    "GenerateLyrics",
    "GenerateMusic",
    "GenerateSounds",
    "GetCredits",
    "Job",
    "LyricsJob",
    "Mashup",
    "MusicJob",
    "ReplaceSection",
    "Request",
    "UploadCover",
    "UploadExtend",
    "maker_of",
]

R = TypeVar("R")


def _limits(characters: int, *models: str) -> LimitByModel:
    return dict.fromkeys(models, characters)


# Characters by model, the widest of all pages (NOTES §3): what one era accepts is not refused here.
LYRICS = _limits(5000, *NEWER, *OLDER) | _limits(3000, "V4")
STYLE = _limits(1000, *NEWER, *OLDER) | _limits(200, "V4")
TITLE = _limits(80, *NEWER, "V4_5ALL", "V4") | _limits(100, "V5_5", "V5", "V4_5PLUS", "V4_5")
TITLE_EXTEND = TITLE | _limits(100, *NEWER)
NEGATIVE_TAGS = _limits(1000, *NEWER)
LYRICS_V6 = _limits(5000, *NEWER)
IDEA = _limits(3000, *NEWER, *OLDER)
IDEA_FOR_AUDIO = _limits(500, *OLDER)
TIMED = (*NEWER, "V5_5")  # models with a wished duration
VOICED = (*NEWER, "V5_5", "V5")  # models that sing with an own voice


class Request(Struct, Generic[R], frozen=True, kw_only=True, rename="camel"):
    """Anything that can be asked of the service."""

    path: ClassVar[str]
    method: ClassVar[str] = "POST"
    result: ClassVar[Any]
    """What the answer becomes."""
    required: ClassVar[tuple[str, ...]] = ()
    """Fields the service insists on, by our names. Some follow from others and so have defaults here."""

    def with_model(self, model: str) -> Self:
        """The same request, its model filled in if it takes one and names none."""
        if getattr(self, "model", model) is None:
            return msgspec.structs.replace(self, model=model)
        return self

    def sent(self) -> dict[str, Any]:
        """What goes out, by our names: what was given, and what follows from it."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in values if value is not None}

    def problems(self) -> Iterator[Problem]:
        """What every gateway of every era would refuse, beyond what the types of the fields say."""
        return iter(())


class Job(Request[R], frozen=True, kw_only=True):
    """A request answered later, by a task."""

    details: ClassVar[str]
    """Path of the details page."""
    query: ClassVar[str] = "taskId"
    """What the details page calls the id."""
    statuses: ClassVar[Mapping[str | int, Stage]]
    """The details page's words for the stages; others mean "still going" (NOTES §4)."""
    state_in_code: ClassVar[bool] = False
    """Whether that word is the `code` of the answer instead of `data.status` or `data.successFlag`."""
    held_in: ClassVar[tuple[str, ...]] = ("data", "response")
    """Where the details page holds the result: names from the outside in."""
    news_in: ClassVar[tuple[tuple[str, ...], ...]] = (("data",),)
    """Where callbacks hold it; where gateways differ, every place."""
    success: ClassVar[tuple[int, ...]] = (200,)
    """Codes of callbacks that bring a result."""
    quick: ClassVar[bool] = False
    """Seconds rather than minutes; decides the default pace."""


class Call(Request[R], frozen=True, kw_only=True):
    """A request answered at once."""


# ---- music -----------------------------------------------------------------------------------------------------------


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

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if getattr(self, "duration", None) is not None and self.model in LYRICS and self.model not in TIMED:
            yield Problem("duration", f"needs one of {', '.join(TIMED)}", self.model)
        voice = getattr(self, "persona_model", None) == "voice_persona"
        if voice and self.model in LYRICS and self.model not in VOICED:
            yield Problem("persona_model", f"voice_persona needs one of {', '.join(VOICED)}", self.model)
        if self.model in NEWER and self.audio_weight is not None and getattr(self, "instrumental", False):
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

    idea: ClassVar[LimitByModel] = IDEA_FOR_AUDIO
    """Characters of `prompt` outside custom mode."""

    @property
    def custom(self) -> bool:
        """`custom_mode`, given or implied."""
        if self.custom_mode is not None:
            return self.custom_mode
        return any(value is not None for value in (self.style, self.title, self.lyrics))

    def sent(self) -> dict[str, Any]:
        sent = super().sent()
        sent["custom_mode"] = self.custom
        if "lyrics" in sent and before_v6(self.model):
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.lyrics is not None and before_v6(self.model):
            if self.prompt is not None:
                yield Problem("prompt", f"is the lyrics with {self.model}: give one of prompt and lyrics", self.prompt)
            if not self.custom:
                yield Problem("lyrics", f"need custom_mode with {self.model}", self.lyrics)
        if self.custom:
            yield from too_long(self, "prompt", LYRICS, self.model)
            yield from too_long(self, "lyrics", LYRICS, self.model)
            yield from too_long(self, "style", STYLE, self.model)
            yield from too_long(self, "title", TITLE, self.model)
            yield from too_long(self, "negative_tags", NEGATIVE_TAGS, self.model)
        else:
            yield from too_long(self, "prompt", self.idea, self.model)


class GenerateMusic(CustomJob, frozen=True, kw_only=True):
    """Make a song, two takes of it, from an idea or from your own lyrics and style.

    With a V6 model and nothing but a prompt, the prompt is sent as the style too: the pages of that time do not
    accept a prompt alone (NOTES §14.2).

    Source: https://docs.kie.ai/old-model/suno-api/generate-music
    """

    path = "/api/v1/generate"
    required = ("custom_mode", "instrumental", "model")
    idea = IDEA

    negative_tags: NegativeTags | None = None
    image_urls: Annotated[tuple[Url, ...], Meta(max_length=5, description="Up to 10 MB each. V6 time.")] | None = None
    video_urls: Annotated[tuple[Url, ...], Meta(max_length=1, description="To 100 MB, 241 s. V6 time.")] | None = None
    audio_urls: Annotated[tuple[Url, ...], Meta(description="6 s to 30 min, to 500 MB each. V6 time.")] | None = None

    @property
    def attachments(self) -> int:
        """How many addresses are sent along."""
        given = (self.image_urls, self.video_urls, self.audio_urls)
        return sum(len(urls) for urls in given if isinstance(urls, tuple | list))

    def sent(self) -> dict[str, Any]:
        sent = super().sent()
        alone = not (self.custom or self.style or self.lyrics or self.attachments)
        if alone and self.prompt and self.model in NEWER:
            sent["style"] = self.prompt[: STYLE["V6"]]
        return sent

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
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
        if self.model in NEWER:
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
    required = ("upload_url", "model")

    upload_url: Url
    """Public address of the song."""
    negative_tags: NegativeTags | None = None


class Mashup(CustomJob, frozen=True, kw_only=True):
    """Blend two songs into one.

    Source: https://docs.kie.ai/old-model/suno-api/generate-mashup
    """

    path = "/api/v1/generate/mashup"
    required = ("upload_url_list", "model")

    upload_url_list: Annotated[tuple[Url, ...], Meta(min_length=2, max_length=2, description="Exactly two.")]


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

    def sent(self) -> dict[str, Any]:
        sent = super().sent()
        sent["default_param_flag"] = self.own_parameters
        if "lyrics" in sent:
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.lyrics is not None and self.prompt is not None:
            yield Problem("prompt", "is the lyrics here: give one of prompt and lyrics", self.prompt)
        if self.own_parameters:
            if self.continue_at is None:
                yield Problem("continue_at", "must be given with style, title or lyrics", None)
            yield from too_long(self, "prompt", LYRICS, self.model)
            yield from too_long(self, "lyrics", LYRICS, self.model)
            yield from too_long(self, "style", STYLE, self.model)
            yield from too_long(self, "title", TITLE_EXTEND, self.model)


class ExtendMusic(ContinuingJob, frozen=True, kw_only=True):
    """Continue a track from a moment in it. The model must be the one that made it.

    Source: https://docs.kie.ai/old-model/suno-api/extend-music
    """

    path = "/api/v1/generate/extend"
    required = ("default_param_flag", "audio_id", "model")

    audio_id: Text
    """The track to continue."""
    instrumental: Instrumental | None = None
    """KIE only, since August 2026; excludes prompt, lyrics and vocal_gender."""

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
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

    KIE's older page asks for `continue_at` always.

    Source: https://docs.kie.ai/old-model/suno-api/upload-and-extend-audio
    """

    path = "/api/v1/generate/upload-extend"
    required = ("upload_url", "default_param_flag", "instrumental", "model")

    upload_url: Url
    """Public address of the song."""
    instrumental: Instrumental = False


class AddInstrumental(SungJob, frozen=True, kw_only=True):
    """Play along to an uploaded voice.

    Source: https://docs.kie.ai/old-model/suno-api/add-instrumental
    """

    path = "/api/v1/generate/add-instrumental"
    required = ("upload_url", "title", "negative_tags", "style")

    upload_url: Url
    """Public address of the voice."""
    title: Text
    """Of the new track."""
    style: AddedStyle = field(name="tags")  # "tags" here, "style" in add-vocals
    negative_tags: NegativeTags
    """At most 200 characters at KIE."""
    lyrics: Text | None = None
    """V6 time; up to 5000 characters."""
    variety: Variety | None = None

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        yield from too_long(self, "lyrics", LYRICS_V6, self.model)


class AddVocals(SungJob, frozen=True, kw_only=True):
    """Sing to an uploaded instrumental.

    Source: https://docs.kie.ai/old-model/suno-api/add-vocals
    """

    path = "/api/v1/generate/add-vocals"
    required = ("upload_url", "title", "negative_tags", "style")

    upload_url: Url
    """Public address of the instrumental."""
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

    def sent(self) -> dict[str, Any]:
        sent = super().sent()
        if "lyrics" in sent and before_v6(self.model):
            sent["prompt"] = sent.pop("lyrics")
        return sent

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        if self.lyrics is not None and self.prompt is not None and before_v6(self.model):
            yield Problem("prompt", f"is the lyrics with {self.model}: give one of prompt and lyrics", self.prompt)
        yield from too_long(self, "lyrics", LYRICS_V6, self.model)


class ReplaceSection(SungJob, frozen=True, kw_only=True):
    """Sing a part of a track anew: of a finished one (task_id and audio_id) or an uploaded one (upload_url and model).

    The part is 6 to 60 seconds on older pages and from 10 seconds on newer ones, at most half of the song.

    Source: https://docs.kie.ai/old-model/suno-api/replace-section
    """

    path = "/api/v1/generate/replace-section"
    required = ("prompt", "style", "title", "start", "end")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: Text | None = None
    """The track."""
    upload_url: Url | None = None
    """Public address of an own song; then `model` is needed."""
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

    def sent(self) -> dict[str, Any]:
        sent = super().sent() | {"start": round(self.start, 2), "end": round(self.end, 2)}
        if self.lyrics is not None:
            sent["prompt"] = self.lyrics  # every page requires it
            if self.model is None or before_v6(self.model):
                del sent["lyrics"]
        return sent

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
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
        yield from too_long(self, "lyrics", LYRICS, self.model)


SoundKey = Literal[
    "Any", "Cm", "C#m", "Dm", "D#m", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "A#m", "Bm",
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
]  # fmt: skip


class GenerateSounds(MusicJob, frozen=True, kw_only=True):
    """Make a sound effect or a loop.

    Source: https://docs.kie.ai/old-model/suno-api/generate-sounds
    """

    path = "/api/v1/generate/sounds"
    required = ("prompt",)

    prompt: Annotated[str, Meta(min_length=1, max_length=500, description="What to hear.")]
    model: ModelName | None = None
    sound_loop: Annotated[bool, Meta(description="Repeats without a seam.")] | None = None
    sound_tempo: Annotated[int, Meta(ge=1, le=300, description="Beats a minute; automatic if left out.")] | None = None
    sound_key: SoundKey | None = None
    """The musical key; Any if left out."""
    grab_lyrics: Annotated[bool, Meta(description="Fetch lyric subtitles when done.")] | None = None

    def sent(self) -> dict[str, Any]:
        sent = super().sent()
        if self.sound_key == "Any":
            del sent["sound_key"]  # the default, but missing from KIE's list (NOTES §14.9)
        return sent


# ---- words -----------------------------------------------------------------------------------------------------------


class LyricsJob(Job[Lyrics], frozen=True, kw_only=True):
    """Writes lyrics. Details: https://docs.kie.ai/old-model/suno-api/get-lyrics-details"""

    details = "/api/v1/lyrics/record-info"
    result = Lyrics
    quick = True
    statuses = {
        "PENDING": Stage.PENDING,
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        "GENERATE_LYRICS_FAILED": Stage.FAILED,
        "SENSITIVE_WORD_ERROR": Stage.FAILED,
    }


class GenerateLyrics(LyricsJob, frozen=True, kw_only=True):
    """Write lyrics, in several variants, about a theme.

    Source: https://docs.kie.ai/old-model/suno-api/generate-lyrics
    """

    path = "/api/v1/lyrics"
    required = ("prompt",)

    prompt: Annotated[str, Meta(min_length=1, max_length=200, description="The theme.")]


class BoostStyle(Call[Style], frozen=True, kw_only=True):
    """Make a richer style text from a few words.

    Source: https://docs.kie.ai/old-model/suno-api/boost-music-style
    """

    path = "/api/v1/style/generate"
    result = Style
    required = ("content",)

    content: Text
    """A few words of style."""


# ---- account ---------------------------------------------------------------------------------------------------------


class GetCredits(Call[float], frozen=True, kw_only=True):
    """The credits left.

    Source: https://docs.kie.ai/common-api/get-account-credits
    """

    path = "/api/v1/chat/credit"
    method = "GET"
    result = float


TABLE: tuple[type[Request[Any]], ...] = tuple(
    kind for kind in list(globals().values()) if isinstance(kind, type) and "path" in vars(kind)
)
"""Every endpoint, in the order above."""


def maker_of(result: Result) -> type[Job[Any]] | None:
    """A job whose details page shows this result."""
    for kind in TABLE:
        if issubclass(kind, Job) and type(result) in (kind.result, *kind.result.parts):
            return kind
    return None
