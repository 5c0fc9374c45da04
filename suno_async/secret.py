"""Text that tracebacks with local variables do not show."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["Secret", "hidden", "hidden_values"]


class Secret(str):
    """Text that a traceback with local variables does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


def hidden(given: Any) -> Any:
    """Return the same texts as secrets."""
    if isinstance(given, str):
        return Secret(given)
    return [hidden(one) for one in cast("Sequence[object]", given)] if isinstance(given, list | tuple) else given


def hidden_values(given: Any) -> Any:
    """Return the same mapping with its texts as secrets."""
    if not isinstance(given, Mapping):
        return given
    return {name: hidden(value) for name, value in cast("Mapping[object, object]", given).items()}
