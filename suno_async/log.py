"""Where the package says what nobody waits for any more. Never the key."""

import logging

__all__ = ["log"]

log = logging.getLogger("suno_async")
