"""One task to its folder: what is there is checked, what is missing is fetched and tagged."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from ..api.requests import Request
from ..api.results import AlignedWord, Lyrics, Music, Result, Track
from ..errors import SunoError
from ..files.downloads import Total, fetch_to
from ..files.fetching import Begin, Fetching, Known
from ..files.links import Addresses, Gateway, Links
from ..files.media import kind_of
from ..files.names import file_names
from ..files.uploads import Progress
from ..files.wanted import Wanted, wanted
from ..http.base import Transport
from .contents import ArchivedFile
from .folder import TaskFolder, sum_of
from .lrc import lines_of, lrc
from .tags import Tags, write
from .words import Timed, clean, lyrics_of, written

__all__ = ["Fetches", "Saving"]

LARGEST_COVER = 10 << 20
"""Bytes of a picture that is written into audio files; they are read into memory."""


class Fetches(NamedTuple):
    """What files are fetched with."""

    transport: Transport
    links: Links
    gateway: Gateway
    max_bytes: int
    max_retries: int
    clock: Callable[[], float]
    gate: asyncio.Semaphore
    """How many files are worked on at once."""
    progress: Progress | None = None

    def of(self, one: Wanted) -> Fetching:
        """Return what fetches a file."""
        addresses = Addresses(one, self.links, self.gateway)
        new = one.is_new(self.clock())
        return Fetching(one, addresses, self.transport, self.max_bytes, max_retries=self.max_retries, new=new)


class Named(NamedTuple):
    """A file with its name in the folder."""

    file: Wanted
    name: str
    place: int
    """Its number in its result."""

    @property
    def kind(self) -> str:
        """audio, image, video or midi; empty for others."""
        return kind_of(self.file.file.suffix)


class Saving:
    """Saves one result to the folder of its task."""

    # State, all of it: _total, how far it is.

    def __init__(self, folder: TaskFolder, fetches: Fetches) -> None:
        self._folder = folder
        self._fetches = fetches
        self._total = Total(0, None)

    async def save(self, result: Any, job: Request[Any] | None, timed: Timed) -> None:
        """Save all files of a result; what fails is noted in the folder. OSError if that cannot be written.

        Args:
            result: The result.
            job: What was asked for, if that is known.
            timed: Where the times of words come from.
        """
        each = wanted(result) if isinstance(result, Result) else []
        files = [Named(one, name, place) for place, (one, name) in enumerate(zip(each, file_names(each), strict=True))]
        self._total = Total(len(files), self._fetches.progress)
        async with self._folder.open():
            pictures = [one for one in files if one.kind == "image"]
            await self._save_each(pictures, {})  # first, for the tags
            tags = {one.name: self._tags_of(one.file) for one in files if one.kind == "audio"}
            if isinstance(result, Music):
                for audio, track in _tracks_of(result, files):
                    tags[audio.name] = await self._save_words(audio, track, pictures, job, timed)
            elif isinstance(result, Lyrics):
                for name, text in written(result, self._folder.contents.task_id):
                    await self._folder.write_text(name, text, "lyrics")
            await self._save_each([one for one in files if one.kind != "image"], tags)

    # ---- words ---------------------------------------------------------------------------------------------------

    async def _save_words(
        self, audio: Named, track: Track, pictures: Sequence[Named], job: Request[Any] | None, timed: Timed
    ) -> Tags:
        """Write the lyrics of a track; return the tags of its audio."""
        stem = os.path.splitext(audio.name)[0]
        lyrics = lyrics_of(track, job)
        words = await self._words_of(track, timed) if lyrics else ()
        lines = lines_of(words, lyrics)
        if lyrics:
            await self._folder.write_text(f"{stem}.txt", f"{lyrics}\n", "lyrics")
        if lines:
            await self._folder.write_text(f"{stem}.lrc", lrc(lines, clean(track.title or "")), "timed lyrics")
        of_track = (audio.file.file.id, audio.file.take)
        pictured = (self._folder.get(one.name) for one in pictures if (one.file.file.id, one.file.take) == of_track)
        cover = next((one for one in pictured if one is not None and one.size <= LARGEST_COVER), None)
        return self._tags_of(audio.file)._replace(
            style=clean(track.tags or getattr(job, "style", None) or ""),
            lyrics=lyrics,
            lines=tuple(lines),
            cover=cover.name if cover is not None else "",
            cover_sha256=cover.sha256 if cover is not None else "",
            model=track.model or self._folder.contents.model or track.model_name or "",
            track_id=track.id,
        )

    async def _words_of(self, track: Track, timed: Timed) -> tuple[AlignedWord, ...]:
        known = self._folder.contents.timed_lyrics
        if track.id not in known and timed.asked:
            try:
                await self._folder.note_words(track.id, await timed.of(track))
            except SunoError as exc:
                self._folder.fail(f"timed lyrics of track {track.id}", str(exc))
        return self._folder.contents.timed_lyrics.get(track.id, ())

    def _tags_of(self, one: Wanted) -> Tags:
        contents = self._folder.contents
        return Tags(title=clean(one.file.title), model=contents.model, task_id=one.task_id or contents.task_id)

    # ---- files ---------------------------------------------------------------------------------------------------

    async def _save_each(self, files: Sequence[Named], tags: dict[str, Tags]) -> None:
        raised: list[Exception] = []

        async def save(one: Named) -> None:
            async with self._fetches.gate:
                try:
                    await self._save(one, tags.get(one.name))
                except (SunoError, OSError) as exc:
                    self._folder.fail(one.name, str(exc), one.file.file.url)
                except Exception as exc:  # of the caller's progress function
                    raised.append(exc)
                    group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for one in files:
                group.start_soon(save, one)
        if raised:
            raise raised[0]

    async def _save(self, one: Named, tags: Tags | None) -> None:
        digest = tags.digest() if tags is not None else ""
        old = await self._folder.whole(one.name)
        if old is not None:
            self._total.begin(one.place, Begin(old.size, Known(old.size)))
            self._total.add(one.place, 0)
            if old.tags == digest:
                self._folder.keep(old)
                return
        cover = await self._folder.read(tags.cover, LARGEST_COVER) if tags is not None and tags.cover else b""
        made: list[ArchivedFile] = []

        def prepare(part: Path) -> None:
            before = sum_of(part)
            if tags is not None and not write(part, tags, cover) and sum_of(part) != before:
                raise OSError("its tags could not be written")  # as on a full disk: it is fetched again
            size, now, received = part.stat().st_size, sum_of(part), old.received_sha256 if old else before
            kind = kind_of(os.path.splitext(one.name)[1])
            made.append(
                ArchivedFile(name=one.name, kind=kind, size=size, sha256=now, received_sha256=received, tags=digest)
            )

        if old is None:
            to = self._folder.staging / one.name
            await fetch_to(to, self._fetches.of(one.file), self._total, one.place, prepare)
        else:
            await self._folder.copy(one.name, prepare)
        await self._folder.publish(made[0])


def _tracks_of(music: Music, files: Sequence[Named]) -> list[tuple[Named, Track]]:
    """The audio of each track that has some, with its track."""
    found: list[tuple[Named, Track]] = []
    for number, track in enumerate(music.tracks, 1):
        take = number if len(music.tracks) > 1 else 0
        found += [(one, track) for one in files if one.kind == "audio" and one.file.take == take]
    return found
