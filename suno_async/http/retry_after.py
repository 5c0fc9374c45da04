"""The header Retry-After."""

import time

__all__ = ["retry_after"]


def retry_after(said: str | None) -> float | None:
    """Return the seconds to wait, from either form of the header (RFC 9110 §10.2.3)."""
    if said is None:
        return None
    try:
        if said.isascii() and said.isdigit():
            return float(said)
        import email.utils  # rarely needed: most say seconds

        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
