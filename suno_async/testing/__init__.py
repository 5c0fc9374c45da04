"""For tests: results without a service, the pytest plugin, and the contract of stores.

The pytest plugin loads this module in every suite, so that its names are imported when they are used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .callbacks import CallbackServer as CallbackServer
    from .results import make_lyrics as make_lyrics
    from .results import make_music as make_music
    from .results import make_result as make_result
    from .results import make_track as make_track

__all__ = ["CallbackServer", "make_lyrics", "make_music", "make_result", "make_track"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{'callbacks' if name == 'CallbackServer' else 'results'}"), name)
