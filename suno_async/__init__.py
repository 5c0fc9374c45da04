"""An asyncio-first client for the Suno music API that KIE.AI, sunoapi.org and Apikley serve."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .public import *  # noqa: F403
else:  # type checkers would take any name for one that `__getattr__` finds

    def __getattr__(name: str) -> Any:
        """Load public names when they are first used: requests and errors without the client, all with the others.

        So `suno_async.stores` alone loads little, and defining a job half as much as the client.
        """
        if name != "__all__":
            if name.startswith("__"):
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            if find_spec(f"{__name__}.{name}") is not None:
                return import_module(f"{__name__}.{name}")
        names = globals()
        for part in ("api.public", "public"):
            public = import_module(f"{__name__}.{part}")
            names.update((one, getattr(public, one)) for one in public.__all__)
            if name in names:
                return names[name]
        if name == "__all__":
            names["__all__"] = public.__all__
            return public.__all__
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module(f"{__name__}.public").__all__})
