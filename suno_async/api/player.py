"""Tracks as a notebook shows them."""

from html import escape
from typing import TypeGuard

__all__ = ["player"]


def player(title: str | None, style: str | None, audio: str | None, image: str | None) -> str:
    """Return a player as HTML. All of it may come from strangers: text is escaped, and only web addresses are used.

    Args:
        title: Title of the track.
        style: Its style, in words.
        audio: Address of its audio; nothing is loaded before somebody presses play.
        image: Address of its cover.
    """
    cover = f'<img src="{escape(image)}" alt="" width="64" height="64">' if _of_the_web(image) else ""
    sound = f'<audio controls preload="none" src="{escape(audio)}"></audio>' if _of_the_web(audio) else "not ready"
    words = f" <small>{escape(style)}</small>" if style else ""
    return f"<div>{cover} <b>{escape(title or 'untitled')}</b>{words}<br>{sound}</div>"


def _of_the_web(address: str | None) -> TypeGuard[str]:
    """Whether a browser may be sent there: `javascript:` and `data:` are addresses, too."""
    return address is not None and address.lower().startswith(("http://", "https://"))
