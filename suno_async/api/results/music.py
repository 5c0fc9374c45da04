"""Tracks, new and recovered."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

from msgspec import field
from msgspec.structs import force_setattr

from .base import File, Origin, PathStep, Result, moment

__all__ = ["Music", "RecoveredTrack", "Recovery", "Track"]

_TRACKS = ("sunoData", "data", "suno_data")
"""Where a result holds its tracks, as pages, callbacks and the jobs API spell it."""


class Track(Result, frozen=True, kw_only=True, rename="camel"):
    """One song. Addresses are None or empty until their file exists, and expire after 14 days
    (docs/service.md#retention).

    Source: https://docs.kie.ai/old-model/suno-api/get-music-details
    """

    essential = ("id", "audio_url")

    id: str = ""
    """Id, for `audio_id` of other requests."""
    title: str | None = None
    """Title."""
    audio_url: str | None = None
    """Address of the MP3."""
    stream_audio_url: str | None = None
    """Address of the stream: earlier than `audio_url`, but may be empty, so do not save from it."""
    image_url: str | None = None
    """Address of the cover picture."""
    prompt: str | None = None
    """The final lyrics, or the prompt."""
    tags: str | None = None
    """The style."""
    model_name: str | None = None
    """The internal name of the model, such as chirp-bluejay; never V4, V5, …"""
    model: str = field(default="", name="_model")  # ours; theirs is the line above
    """The model that was asked for (V4, V5, …); empty if that is unknown."""
    duration: float | None = None
    """Length in seconds; None until the track is ready."""
    source_audio_url: str | None = None
    """Address at the upstream service; short-lived."""
    source_stream_audio_url: str | None = None
    """Address at the upstream service; short-lived."""
    source_image_url: str | None = None
    """Address at the upstream service; short-lived."""
    created: int | str | None = field(default=None, name="createTime")
    """Time of creation as the service writes it; `created_at` is a datetime."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        force_setattr(self, "model", origin.model)

    @property
    def created_at(self) -> datetime | None:
        """Time of creation. Text without a time zone is read as UTC, since the pages name none."""
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

    def _repr_html_(self) -> str:
        from ..player import players  # loaded by notebooks

        return players([self])


class Music(Result, frozen=True, kw_only=True, rename="camel"):
    """The result of a music task.

    Source: https://docs.kie.ai/old-model/suno-api/get-music-details
    """

    callback_names = {"tracks": "data"}
    essential = ("tracks",)
    parts = (Track,)

    tracks: tuple[Track, ...] = field(default=(), name="sunoData")
    """The tracks: usually two, sometimes one."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        task_id, model = origin.task_id, origin.model
        for place, track in enumerate(self.tracks):  # as their own `came_from` does, at a third of the time
            force_setattr(track, "task_id", task_id)
            force_setattr(track, "model", model)
            force_setattr(track, "_origin", (origin, (*steps, _TRACKS, place)))

    @classmethod
    def from_urls(cls, urls: tuple[str, ...]) -> Self | None:
        return cls(tracks=tuple(Track(audio_url=url) for url in urls))

    @property
    def partial(self) -> bool:
        return any(track.audio_url for track in self.tracks)

    @property
    def complete(self) -> bool:
        for track in self.tracks:  # each poll asks: a generator takes several times as long
            if not track.audio_url:
                return False
        return bool(self.tracks)

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()

    def _repr_html_(self) -> str | None:
        from ..player import players

        return players(self.tracks) or None  # None: a notebook shows the repr


class RecoveredTrack(Result, frozen=True, kw_only=True, rename="camel"):
    """One song whose file was recovered, or could not be."""

    essential = ("id", "audio_url")

    id: str = ""
    """Id of the track."""
    title: str | None = None
    """Title."""
    audio_url: str | None = field(default=None, name="audio_url")  # snake_case on the details page, too
    """Address of the file, which may end in .m4a."""
    status: str | None = None
    """success or failed."""
    error: str | None = None
    """Reason of the failure: clip_error, account_missing, … (docs/service.md#recovery)."""

    @property
    def complete(self) -> bool:
        return bool(self.audio_url)

    def files(self) -> Iterator[File]:
        if self.audio_url:
            yield File(self.audio_url, self.title or "untitled", self.id, ".mp3")


class Recovery(Result, frozen=True, kw_only=True, rename="camel"):
    """The songs of an old task, as far as they could be recovered.

    At the jobs API its form is not documented; the one of the legacy API is tried. `raw` has all of it.
    """

    callback_names = {"tracks": "data"}
    essential = ("tracks",)
    parts = (RecoveredTrack,)

    tracks: tuple[RecoveredTrack, ...] = field(default=(), name="data")
    """The tracks, each with its own status."""

    def came_from(self, origin: Origin, *steps: PathStep) -> None:
        super().came_from(origin, *steps)
        for place, track in enumerate(self.tracks):
            track.came_from(origin, *steps, "data", place)

    @classmethod
    def from_urls(cls, urls: tuple[str, ...]) -> Self | None:
        return cls(tracks=tuple(RecoveredTrack(audio_url=url) for url in urls))

    @property
    def has_files(self) -> bool:
        return any(track.audio_url for track in self.tracks)

    @property
    def partial(self) -> bool:
        return self.complete or self.has_files

    @property
    def complete(self) -> bool:
        return bool(self.tracks) and all(
            track.audio_url or track.error or track.status == "failed" for track in self.tracks
        )

    def files(self) -> Iterator[File]:
        for track in self.tracks:
            yield from track.files()
