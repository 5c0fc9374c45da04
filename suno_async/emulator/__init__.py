"""A Suno provider on loopback: develop and test against it without a key, credits or waiting."""

from .callback_sender import Posted
from .endpoints import OwnEndpoints
from .families import Family
from .faults import Fault
from .media import Content
from .media.songs import Composer, Piece, Tune
from .middlewares import Seen
from .requests import Asked, Refused
from .runs import Run
from .service import Emulator

__all__ = [
    "Asked",
    "Composer",
    "Content",
    "Emulator",
    "Family",
    "Fault",
    "OwnEndpoints",
    "Piece",
    "Posted",
    "Refused",
    "Run",
    "Seen",
    "Tune",
]
