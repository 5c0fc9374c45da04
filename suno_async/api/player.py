"""Tracks as a notebook shows them. Loaded when one is shown."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from .results import Track

__all__ = ["players"]


def players(tracks: "Iterable[Track]") -> str:
    """Return a player for each track as HTML: title, style, cover and audio, which is not loaded before it is played.

    All of it may come from strangers: text is escaped, and only web addresses are used.

    Args:
        tracks: The tracks.
    """
    return "".join(map(_player, tracks))


def _player(track: "Track") -> str:
    image, audio = track.image_url, track.audio_url or track.stream_audio_url
    cover = f'<img src="{escape(image)}" alt="" width="64" height="64">' if _of_the_web(image) else ""
    sound = f'<audio controls preload="none" src="{escape(audio)}"></audio>' if _of_the_web(audio) else "not ready"
    style = f" <small>{escape(track.tags)}</small>" if track.tags else ""
    return f"<div>{cover} <b>{escape(track.title or 'untitled')}</b>{style}<br>{sound}</div>"


def _of_the_web(address: str | None) -> TypeGuard[str]:
    """Whether a browser may be sent there: `javascript:` and `data:` are addresses, too."""
    return address is not None and address.lower().startswith(("http://", "https://"))
