"""A Suno provider on loopback: develop and test against it without a key, credits or waiting."""

from .callback_sender import Posted
from .endpoints import OwnEndpoints
from .families import Family
from .faults import (
    CallbackException,
    DeadLinks,
    DelayCallbacks,
    Drop,
    DropAfterAccepting,
    DuplicateCallbacks,
    EarlyCallback,
    ErrorPage,
    Fail,
    Fault,
    Invisible,
    LateFiles,
    LoseCallbacks,
    Refuse,
    ReorderCallbacks,
    Stuck,
    Truncate,
)
from .media import Content
from .media.songs import Composer, Piece, Tune
from .middlewares import Seen
from .requests import Asked, Refused
from .runs import Run
from .service import Emulator

__all__ = [
    "Asked",
    "CallbackException",
    "Composer",
    "Content",
    "DeadLinks",
    "DelayCallbacks",
    "Drop",
    "DropAfterAccepting",
    "DuplicateCallbacks",
    "EarlyCallback",
    "Emulator",
    "ErrorPage",
    "Fail",
    "Family",
    "Fault",
    "Invisible",
    "LateFiles",
    "LoseCallbacks",
    "OwnEndpoints",
    "Piece",
    "Posted",
    "Refuse",
    "Refused",
    "ReorderCallbacks",
    "Run",
    "Seen",
    "Stuck",
    "Truncate",
    "Tune",
]
