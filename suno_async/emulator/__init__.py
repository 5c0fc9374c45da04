"""A Suno provider on loopback: develop and test against it without a key, credits or waiting."""

from . import faults
from .callback_sender import Posted
from .counts import Stats
from .endpoints import OwnEndpoints
from .families import Family
from .fault_plan import Target
from .faults import *  # noqa: F403  so that each fault is listed once, in its module
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
    "OwnEndpoints",
    "Piece",
    "Posted",
    "Refused",
    "Run",
    "Seen",
    "Stats",
    "Target",
    "Tune",
]
__all__ += faults.__all__
