"""What a file is made of."""

from typing import NamedTuple

from .scores import PARTS
from .songs import Piece

__all__ = ["Content"]


class Content(NamedTuple):
    """What a file is made of, whatever its type."""

    song: tuple[Piece, ...]
    """What is heard."""
    picture: str
    """The text that its image is made from."""
    parts: tuple[str, ...] = PARTS
    """The parts of the song that are heard."""
