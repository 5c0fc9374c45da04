"""Jobs about finished music: WAV, videos, stems, MIDI, cover pictures, restored files."""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta

from ...errors import Problem
from ..fields import AudioId, Media, Text
from ..results import Cover, Midi, Music, Recovery, Stems, Track, Video, Wav
from ..updates import Stage
from .base import FROM_TRACK, FromSource, Job

__all__ = [
    "ConvertToWav",
    "CreateMusicVideo",
    "GenerateCover",
    "GenerateMidi",
    "RecoverAudio",
    "SeparateStems",
    "StemName",
]


def _words(failed: str) -> dict[str | int, Stage]:
    """The status words that WAV, video and stems share; the word for a failed job differs."""
    return {
        "PENDING": Stage.PENDING,
        "SUCCESS": Stage.COMPLETE,
        "CREATE_TASK_FAILED": Stage.FAILED,
        failed: Stage.FAILED,
    }


class ConvertToWav(FromSource[Track], Job[Wav], frozen=True, kw_only=True):
    """Make a WAV of a track. A second time it is refused with AlreadyExists.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.

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
    from_source = FROM_TRACK

    task_id: Text | None = None
    audio_id: AudioId | None = None


class CreateMusicVideo(FromSource[Track], Job[Video], frozen=True, kw_only=True):
    """Make a video of a track. A second time it is refused with AlreadyExists.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.
        author: Name shown in the video, at most 50 characters.
        domain_name: Watermark shown in the video, at most 50 characters.

    Source: https://docs.kie.ai/old-model/suno-api/create-music-video
    """

    path = "/api/v1/mp4/generate"
    operation = "create-music-video"
    token_id = 14
    details = "/api/v1/mp4/record-info"
    result = Video
    statuses = _words("GENERATE_MP4_FAILED")
    callback_result_paths = (("data",),)
    success = (200, 0)  # one schema says 0 means success (docs/service.md#success-code-of-videos)
    unique = True
    required = ("task_id", "audio_id")
    from_source = FROM_TRACK

    task_id: Text | None = None
    audio_id: AudioId | None = None
    author: Annotated[str, Meta(min_length=1, max_length=50)] | None = None
    domain_name: Annotated[str, Meta(min_length=1, max_length=50)] | None = None


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


class SeparateStems(FromSource[Track], Job[Stems], frozen=True, kw_only=True):
    """Separate a track into voice and instruments, or into one instrument and the rest. Every call costs credits again.

    Args:
        source: The track. Fills `task_id` and `audio_id`.
        task_id: Id of the task that made the track, when no `source` is given.
        audio_id: Id of the track, when no `source` is given.
        audio_url: A song of your own instead, up to 20 MB: a public address, or a Path that is uploaded first. KIE
            only.
        type: separate_vocal: voice and instrumental. split_stem: up to 12 stems. split_stem_advanced: `stem_name` and
            the rest. Default: split_stem_advanced when `stem_name` is given, else separate_vocal.
        stem_name: One of 98 instruments; used with split_stem_advanced alone.

    Source: https://docs.kie.ai/old-model/suno-api/separate-vocals
    """

    path = "/api/v1/vocal-removal/generate"
    operation = "separate-vocals"
    token_id = 15
    details = "/api/v1/vocal-removal/record-info"
    result = Stems
    statuses = _words("GENERATE_AUDIO_FAILED")
    from_source = FROM_TRACK
    instead_of_source = "audio_url"
    callback_result_paths = (("data", "vocal_separation_info"), ("data", "vocal_removal_info"))

    task_id: Text | None = None
    audio_id: AudioId | None = None
    audio_url: Media | None = None
    type: Literal["separate_vocal", "split_stem", "split_stem_advanced"] | None = None
    stem_name: StemName | None = None

    def payload(self, unsupported_fields: Collection[str] = ()) -> dict[str, Any]:
        implied = "separate_vocal" if self.stem_name is None else "split_stem_advanced"
        # always sent (docs/service.md#type-of-separation)
        payload = {"type": implied} | super().payload(unsupported_fields)
        if payload["type"] != "split_stem_advanced":
            # some pages require it with all types; none uses it there (docs/service.md#stem-name)
            payload.pop("stem_name", None)
        return payload

    def problems(self, unsupported_fields: Collection[str] = ()) -> Iterator[Problem]:
        yield from super().problems(unsupported_fields)
        if self.type == "split_stem_advanced" and self.stem_name is None:
            yield Problem("stem_name", "must be given with type split_stem_advanced", None)


class GenerateMidi(FromSource[Stems], Job[Midi], frozen=True, kw_only=True):
    """Transcribe separated stems to MIDI, all or one. After a separation of type split_stem it may be empty.

    Args:
        source: The separated stems. Fills `task_id`.
        task_id: Id of the separation's task (not of the music's), when no `source` is given.
        audio_id: Id of one stem, from `stems.stems`. Default: all stems.

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
    audio_id: Text | None = None


class GenerateCover(FromSource[Music], Job[Cover], frozen=True, kw_only=True):
    """Make cover pictures for a music task, once. A second request is answered with the first task.

    Args:
        source: The music. Fills `task_id`.
        task_id: Id of the music's task, when no `source` is given.

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


class RecoverAudio(FromSource[Music], Job[Recovery], frozen=True, kw_only=True):
    """Restore the files of a music task after they expired. Each track of the result has its own status.

    Args:
        source: The music. Fills `task_id`.
        task_id: Id of the music's task, when no `source` is given.

    Source: https://docs.sunoapi.org/suno-api/recovery-audio
    """

    path = "/api/v1/suno/recovery"
    operation = "suno-recovery-audio"
    token_id = 18
    details = "/api/v1/suno/recovery/record-info"
    query = "task_id"
    result = Recovery
    state_in_code = True
    statuses = {201: Stage.PENDING, 200: Stage.COMPLETE, 500: Stage.FAILED}  # 404: unknown (yet)
    details_result_path = ()
    callback_result_paths = ((),)
    required = ("task_id",)

    wire_names = {"task_id": "task_id"}  # sunoTaskId at sunoapi

    task_id: Text | None = None
