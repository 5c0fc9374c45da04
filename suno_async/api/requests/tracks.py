"""What can be made from finished music: WAV, videos, stems, notes, cover pictures, restored files."""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, field

from ...errors import Problem
from ..fields import AudioId, Media, Text
from ..results import Cover, Midi, Music, Recovery, Stems, Video, Wav
from ..updates import Stage
from .base import Job, TrackJob

__all__ = [
    "ConvertToWav",
    "CreateMusicVideo",
    "GenerateCover",
    "GenerateMidi",
    "RecoverAudio",
    "SeparateStems",
    "StemName",
]

R_co = TypeVar("R_co", covariant=True)


def _words(failed: str) -> dict[str | int, Stage]:
    """The vocabulary that WAV, video and stems share but for one word."""
    return {
        "PENDING": Stage.PENDING,
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        failed: Stage.FAILED,
    }


class ConvertToWav(TrackJob[Wav], frozen=True, kw_only=True):
    """Make a WAV of a track. A second time it is refused with AlreadyExists.

    Source: https://docs.kie.ai/old-model/suno-api/convert-to-wav
    """

    path = "/api/v1/wav/generate"
    operation = "convert-to-wav-format"
    token_id = 13
    details = "/api/v1/wav/record-info"
    result = Wav
    statuses = _words("GENERATE_WAV_FAILED")
    unique = True
    required = ("task_id", "audio_id")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id", "audio_id")


class CreateMusicVideo(TrackJob[Video], frozen=True, kw_only=True):
    """Make a video of a track. A second time it is refused with AlreadyExists.

    Source: https://docs.kie.ai/old-model/suno-api/create-music-video
    """

    path = "/api/v1/mp4/generate"
    operation = "create-music-video"
    token_id = 14
    details = "/api/v1/mp4/record-info"
    result = Video
    statuses = _words("GENERATE_MP4_FAILED")
    callback_result_paths = (("data",),)
    success = (200, 0)  # one schema says 0 means success (NOTES §14.17)
    unique = True
    required = ("task_id", "audio_id")

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None
    author: Annotated[str, Meta(min_length=1, max_length=50, description="Shown in the video.")] | None = None
    domain_name: Annotated[str, Meta(min_length=1, max_length=50, description="Shown as a watermark.")] | None = None

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id", "audio_id")


StemName = Literal[
    "Lead Vocal", "Drum Kit", "Kick", "Snare", "Risers", "Bass", "Backing Vocals", "Piano", "Electric Guitar",
    "Percussion", "String Section", "Synth", "Acoustic Guitar", "Sound Effects", "Synth Pad", "Synth Bass", "Guitar",
    "Brass Section", "Organ", "Electronic Drum Kit", "Lead Electric Guitar", "Synth Keys", "Rhythm Electric Guitar",
    "Electric Piano", "Upright Bass", "Keyboards", "Distorted Electric Guitar", "Synth Strings", "Synth Lead",
    "Woodwinds", "Rhythm Acoustic Guitar", "Flute", "Harp", "Tambourine", "Trumpet", "Arpeggiator", "Accordion",
    "Fiddle", "Pedal Steel Guitar", "Synth Voice", "Violin", "Digital Piano", "Synth Brass", "Mandolin", "Choir",
    "Banjo", "Bells", "Clarinet", "Tenor Saxophone", "Trombone", "Shaker", "French Horn", "Glockenspiel",
    "Electric Bass", "Cello", "Timpani", "Harmonica", "Marimba", "Vibraphone", "Lap Steel Guitar", "Saxophone",
    "Orchestra", "Horns", "Cymbals", "Hand Clap", "Oboe", "Celesta", "Congas", "Drone", "Alto Saxophone",
    "Double Bass", "Ukulele", "Harpsichord", "Baritone Saxophone", "Xylophone", "Tuba", "Bass Guitar", "Whistle",
    "Lead Guitar", "Rhodes", "808", "Bongos", "Bassoon", "Cowbell", "Viola", "Sitar", "Steel Drums", "Piccolo",
    "Theremin", "Bagpipes", "Hi-Hat", "Music Box", "Melodica", "Tabla", "Koto", "Djembe", "Taiko", "Didgeridoo",
]  # fmt: skip


class SeparateStems(TrackJob[Stems], frozen=True, kw_only=True):
    """Take a track apart into voice, instruments, or one instrument and the rest. Every call is charged anew.

    `type` left out is separate_vocal, or split_stem_advanced when `stem_name` is given.

    Source: https://docs.kie.ai/old-model/suno-api/separate-vocals
    """

    path = "/api/v1/vocal-removal/generate"
    operation = "separate-vocals"
    token_id = 15
    details = "/api/v1/vocal-removal/record-info"
    result = Stems
    statuses = _words("GENERATE_AUDIO_FAILED")
    callback_result_paths = (("data", "vocal_separation_info"), ("data", "vocal_removal_info"))

    task_id: Text | None = None
    """The task that made the track."""
    audio_id: AudioId | None = None
    audio_url: Media | None = None
    """An own song up to 20 MB instead, KIE only; a Path is uploaded first."""
    type: Literal["separate_vocal", "split_stem", "split_stem_advanced"] | None = None
    """Two stems; up to 12; or `stem_name` and the rest."""
    stem_name: StemName | None = None
    """One of 98 instruments; only split_stem_advanced heeds it."""

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        implied = "separate_vocal" if self.stem_name is None else "split_stem_advanced"
        sent = {"type": implied} | super().payload(unsupported_fields)  # always sent (NOTES §14.7)
        if sent["type"] != "split_stem_advanced":
            sent.pop("stem_name", None)  # some pages require it with all types, and none heeds it there (NOTES §14.6)
        return sent

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        if self.type == "split_stem_advanced" and self.stem_name is None:
            yield Problem("stem_name", "must be given with type split_stem_advanced", None)
        if self.audio_url is None:
            yield from missing(self, "task_id", "audio_id")
        elif self.task_id is not None or self.audio_id is not None:
            yield Problem("audio_url", "cannot be given with task_id or audio_id", self.audio_url)


class _StemsJob(Job[R_co], frozen=True):
    source: Stems | None = None
    """Fills task_id."""


class GenerateMidi(_StemsJob[Midi], frozen=True, kw_only=True):
    """Write down the notes of separated stems, all or one. After a separation of type split_stem it may be empty.

    Source: https://docs.kie.ai/old-model/suno-api/generate-midi
    """

    path = "/api/v1/midi/generate"
    operation = "generate-midi-from-audio"
    token_id = 16
    details = "/api/v1/midi/record-info"
    result = Midi
    statuses = {0: Stage.PENDING, 1: Stage.COMPLETE, 2: Stage.FAILED, 3: Stage.FAILED}
    details_result_path = ("data", "midiData")
    required = ("task_id",)

    task_id: Text | None = None
    """The separation's task, not the music's."""
    audio_id: Text | None = None
    """One of `stems.stems`, by its id; left out: all."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")


class _MusicsJob(Job[R_co], frozen=True):
    source: Music | None = None
    """Fills task_id."""


class GenerateCover(_MusicsJob[Cover], frozen=True, kw_only=True):
    """Paint cover pictures for a music task. They are made once; asked again, the first task is given.

    Source: https://docs.kie.ai/old-model/suno-api/cover-suno
    """

    path = "/api/v1/suno/cover/generate"
    operation = "cover-generate"
    token_id = 17
    details = "/api/v1/suno/cover/record-info"
    result = Cover
    statuses = {
        0: Stage.PENDING,
        2: Stage.PENDING,  # "generating"; the same number is a failure for MIDI
        1: Stage.COMPLETE,
        3: Stage.FAILED,
        "PENDING": Stage.PENDING,  # the words of KIE's text, beside the numbers of its schema
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        "GENERATE_COVER_FAILED": Stage.FAILED,
    }
    unique = True
    required = ("task_id",)

    task_id: Text | None = None
    """The music's task."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")


class RecoverAudio(_MusicsJob[Recovery], frozen=True, kw_only=True):
    """Restore the files of a music task after they expired. Each track says how it went.

    Source: https://docs.sunoapi.org/suno-api/recovery-audio
    """

    path = "/api/v1/suno/recovery"
    operation = "suno-recovery-audio"
    token_id = 18
    details = "/api/v1/suno/recovery/record-info"
    query = "task_id"
    result = Recovery
    state_in_code = True
    statuses = {201: Stage.PENDING, 200: Stage.COMPLETE, 500: Stage.FAILED}  # 404: unknown, which time settles
    details_result_path = ()
    callback_result_paths = ((),)
    required = ("task_id",)

    task_id: Text | None = field(default=None, name="task_id")  # sunoTaskId at sunoapi
    """The music's task."""

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        return missing(self, "task_id")


def missing(request: Any, *names: str) -> Iterator[Problem]:
    """Fields that a result may fill and so have a default, but that must be there."""
    for name in names:
        if getattr(request, name) is None:
            yield Problem(name, "must be given, or the result it is about", None)
