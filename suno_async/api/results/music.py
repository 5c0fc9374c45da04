"""Tracks, new and restored."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import field
from msgspec.structs import force_setattr

from .base import File, Origin, Result, moment

__all__ = ["Music", "RecoveredTrack", "Recovery", "Track"]


class Track(Result, frozen=True, kw_only=True, rename="camel"):
    """One song. Addresses are None or empty until their file exists, and expire after 14 days (NOTES §8)."""

    id: str = ""
    title: str | None = None
    audio_url: str | None = None
    stream_audio_url: str | None = None
    """Playable earlier than `audio_url`, but may serve nothing: do not save from it."""
    image_url: str | None = None
    prompt: str | None = None
    """The final lyrics, or the prompt."""
    tags: str | None = None
    model_name: str | None = None
    """The upstream name, such as chirp-bluejay; never V4, V5, …"""
    model: str = field(default="", name="_model")  # ours; theirs is the line above
    """The model that was asked for, if that is known: V4, V5, …"""
    duration: float | None = None
    """Seconds; None until the track is ready."""
    source_audio_url: str | None = None
    source_stream_audio_url: str | None = None
    source_image_url: str | None = None
    created: int | str | None = field(default=None, name="createTime")
    """As the service says it; `created_at` is the readable form."""

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        force_setattr(self, "model", origin.model)

    @property
    def created_at(self) -> datetime | None:
        """When it was made. Text without a zone is taken as UTC: the pages do not say what it is."""
        return moment(self.created)

    @property
    def complete(self) -> bool:
        return bool(self.audio_url)

    def files(self) -> Iterator[File]:
        title = self.title or "untitled"
        if self.audio_url:
            yield File(self.audio_url, title, self.id, ".mp3")
        if self.image_url:
            yield File(self.image_url, title, self.id, ".jpeg")


class Music(Result, frozen=True, kw_only=True, rename="camel"):
    """The tracks of a music task: usually two, sometimes one."""

    callback_names = {"tracks": "data"}
    parts = (Track,)

    tracks: tuple[Track, ...] = field(default=(), name="sunoData")

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        for place, track in enumerate(self.tracks):
            track.came_from(origin.inside(("sunoData", "data"), place))

    @property
    def partial(self) -> bool:
        return any(track.audio_url for track in self.tracks)

    @property
    def complete(self) -> bool:
        return bool(self.tracks) and all(track.audio_url for track in self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()


class RecoveredTrack(Result, frozen=True, kw_only=True, rename="camel"):
    """One song whose file was restored, or not."""

    id: str = ""
    title: str | None = None
    audio_url: str | None = field(default=None, name="audio_url")  # snake_case on the details page, too
    """May end in .m4a."""
    status: str | None = None
    """success or failed."""
    error: str | None = None
    """clip_error, account_missing, … (NOTES §12)."""

    @property
    def complete(self) -> bool:
        return bool(self.audio_url)

    def files(self) -> Iterator[File]:
        if self.audio_url:
            yield File(self.audio_url, self.title or "untitled", self.id, ".mp3")


class Recovery(Result, frozen=True, kw_only=True, rename="camel"):
    """The songs of an old task, restored as far as could be; each says how it went.

    Its shape on the jobs route was not seen; the older one is read there. `raw` has it as it came.
    """

    callback_names = {"tracks": "data"}
    parts = (RecoveredTrack,)

    tracks: tuple[RecoveredTrack, ...] = field(default=(), name="data")

    def came_from(self, origin: Origin) -> None:
        super().came_from(origin)
        for place, track in enumerate(self.tracks):
            track.came_from(origin.inside("data", place))

    @property
    def complete(self) -> bool:
        return bool(self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()
