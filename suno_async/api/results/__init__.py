"""Results of finished tasks and answered calls: one struct for each, the same at every gateway.

Fields carry our names; `rename="camel"` and the odd `name=` carry those of the details page, `callback_names` those of
callbacks where they are not simply snake_case.

A result is written in the file of its family and named in that file's `__all__`; nothing here lists it again.
"""

# ruff: noqa: F403  each family's own `__all__` says what it offers
from . import base, files, music, tracks, voices, words
from .base import *
from .files import *
from .music import *
from .tracks import *
from .voices import *
from .words import *

__all__: list[str] = []
__all__ += base.__all__
__all__ += files.__all__
__all__ += music.__all__
__all__ += tracks.__all__
__all__ += voices.__all__
__all__ += words.__all__
