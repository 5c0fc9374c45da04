"""What an emulator is given, checked at once."""

import math
from pathlib import Path

__all__ = ["check_options"]


def check_options(*, api_key: str, port: int, credits: float, media_seconds: float | None, state: Path | None) -> None:
    """Raise ValueError for what cannot be meant."""
    if not (api_key and api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise ValueError("api_key must be printable ASCII without spaces, and not empty")
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be from 0 to 65535, got {port}")
    if not math.isfinite(credits):
        raise ValueError(f"credits must be a finite number, got {credits}")
    if media_seconds is not None and not media_seconds > 0:
        raise ValueError(f"media_seconds must be more than 0, got {media_seconds}")
    if state is not None and not state.name:
        raise ValueError(f"state must name a file, got {str(state)!r}")
