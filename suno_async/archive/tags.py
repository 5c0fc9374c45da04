"""Tags of audio files, by mutagen."""

import base64
import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..log import log
from .lrc import Line, lrc

__all__ = ["Tags", "write"]

MUTAGEN: Any = import_module("mutagen")  # its types are partly unknown
FLAC: Any = import_module("mutagen.flac")
FRAMES: Any = import_module("mutagen.id3")
MP4: Any = import_module("mutagen.mp4")
WAVE: Any = import_module("mutagen.wave")
VERSION = 1
"""Raised when tags are written otherwise, so that files get them anew."""
MILLISECONDS, LYRICS = 2, 1
"""Words of ID3's SYLT: the unit of its times, and what they are of."""


class Tags(NamedTuple):
    """What is written to an audio file; what is empty is left out."""

    title: str = ""
    style: str = ""
    lyrics: str = ""
    lines: tuple[Line, ...] = ()
    cover: str = ""
    """Name of the cover picture in the folder, and its checksum; `write` is given its bytes."""
    cover_sha256: str = ""
    model: str = ""
    task_id: str = ""
    track_id: str = ""

    def digest(self) -> str:
        """Return a checksum of all of them."""
        return hashlib.sha256(msgspec.json.encode((VERSION, self))).hexdigest()[:16]

    @property
    def own(self) -> dict[str, str]:
        """Those that no format has a field for."""
        named = {"suno_model": self.model, "suno_task_id": self.task_id, "suno_track_id": self.track_id}
        return {name: value for name, value in named.items() if value}


def write(path: Path, tags: Tags, cover: bytes = b"") -> bool:
    """Write tags to a file, whose format is told by its first bytes. Return False if it cannot have any.

    Args:
        path: The file.
        tags: The tags. Others that it has are kept.
        cover: The cover picture: JPEG or PNG.
    """
    with path.open("rb") as file:
        head = file.read(12)
    try:
        if head.startswith(b"RIFF") and head[8:] == b"WAVE":
            wave = WAVE.WAVE(path)
            _to_id3(_tags_of(wave), tags, cover)
            wave.save()
        elif head[4:8] == b"ftyp":
            _to_mp4(path, tags, cover)
        elif head.startswith((b"fLaC", b"OggS")):
            _to_comments(path, tags, cover)
        elif head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
            try:
                id3 = FRAMES.ID3(path)
            except FRAMES.ID3NoHeaderError:
                id3 = FRAMES.ID3()
            _to_id3(id3, tags, cover)
            id3.save(path)
        else:
            return False
    except Exception as exc:  # of bytes that mutagen did not expect; the song plays all the same
        log.warning("%s has no tags: %s", path.name, exc)
        return False
    return True


def _to_id3(id3: Any, tags: Tags, cover: bytes) -> None:
    utf8 = FRAMES.Encoding.UTF8
    if tags.title:
        id3.setall("TIT2", [FRAMES.TIT2(encoding=utf8, text=[tags.title])])
    if tags.style:
        id3.setall("TCON", [FRAMES.TCON(encoding=utf8, text=[tags.style])])
    if tags.lyrics:
        id3.setall("USLT", [FRAMES.USLT(encoding=utf8, lang="und", desc="", text=tags.lyrics)])
    if tags.lines:
        timed = [(line.text, round(line.start * 1000)) for line in tags.lines]
        id3.setall(
            "SYLT", [FRAMES.SYLT(encoding=utf8, lang="und", format=MILLISECONDS, type=LYRICS, desc="", text=timed)]
        )
    if cover:
        front = FRAMES.PictureType.COVER_FRONT
        id3.setall("APIC", [FRAMES.APIC(encoding=utf8, mime=_mime(cover), type=front, desc="", data=cover)])
    for name, value in tags.own.items():
        id3.setall(f"TXXX:{name}", [FRAMES.TXXX(encoding=utf8, desc=name, text=[value])])


def _to_mp4(path: Path, tags: Tags, cover: bytes) -> None:
    file: Any = MP4.MP4(path)
    held = _tags_of(file)
    for name, value in {"\xa9nam": tags.title, "\xa9gen": tags.style, "\xa9lyr": tags.lyrics}.items():
        if value:
            held[name] = [value]
    own = tags.own | ({"SYNCEDLYRICS": lrc(tags.lines)} if tags.lines else {})
    for name, value in own.items():
        held[f"----:com.apple.iTunes:{name}"] = [MP4.MP4FreeForm(value.encode(), MP4.AtomDataType.UTF8)]
    if cover:
        kind = MP4.MP4Cover.FORMAT_PNG if _mime(cover) == "image/png" else MP4.MP4Cover.FORMAT_JPEG
        held["covr"] = [MP4.MP4Cover(cover, kind)]
    file.save()


def _to_comments(path: Path, tags: Tags, cover: bytes) -> None:
    file: Any = MUTAGEN.File(path)  # FLAC, or one of the codecs in Ogg
    if file is None:
        raise ValueError("unknown codec")
    held = _tags_of(file)
    timed = lrc(tags.lines) if tags.lines else ""
    texts = {"title": tags.title, "genre": tags.style, "lyrics": tags.lyrics, "syncedlyrics": timed}
    for name, value in (texts | tags.own).items():
        if value:
            held[name] = [value]
    if cover:
        picture = FLAC.Picture()
        picture.data, picture.type, picture.mime = cover, FRAMES.PictureType.COVER_FRONT, _mime(cover)
        if hasattr(file, "add_picture"):
            file.clear_pictures()
            file.add_picture(picture)
        else:
            held["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    file.save()


def _tags_of(file: Any) -> Any:
    """The tags of a file, which has none at first."""
    if file.tags is None:
        file.add_tags()
    return file.tags


def _mime(picture: bytes) -> str:
    return "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
