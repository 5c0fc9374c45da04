"""The logger of the package, what may stand in a log line, and a filter for the access logs of web servers."""

import logging
import re
from collections.abc import Mapping
from typing import Any, cast

__all__ = ["RedactTokens", "log", "shown"]

LONGEST_SHOWN = 200
"""Characters of a text from outside in a log line."""
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])A[Q-Za-f][A-Za-z0-9_-]{38}(?![A-Za-z0-9_-])")
"""A callback token anywhere in a text; its first byte, the version, decides how it begins."""


def shown(value: object, limit: int = LONGEST_SHOWN) -> str:
    """Return a text from outside as it may stand in a log line: on one line, and cut.

    Args:
        value: The text, or what is turned into text.
        limit: Characters that are kept.
    """
    text = str(value)
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class _OneLine(logging.Filter):
    """What strangers sent can neither forge a line of the log nor fill it: every argument is escaped and cut."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(one if isinstance(one, int | float) else shown(one) for one in record.args)
        return True


log = logging.getLogger("suno_async")
log.addFilter(_OneLine())


class RedactTokens(logging.Filter):
    """Hides callback tokens in access logs: an address with its token can speak for its task.

    `logging.getLogger("uvicorn.access").addFilter(RedactTokens())`; the loggers are "uvicorn.access",
    "hypercorn.access", "gunicorn.access" and "aiohttp.access".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace each token in the record by `<token>`."""
        record.msg = _redacted(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_redacted(one) for one in record.args)
        elif isinstance(record.args, dict):  # gunicorn and hypercorn; their class has defaults, so it is kept
            record.args.update({name: _redacted(one) for name, one in record.args.items()})
        for name, value in vars(record).items():  # aiohttp repeats the request line there
            if name not in ("msg", "args") and isinstance(value, str | Mapping):
                setattr(record, name, _redacted(value))
        return True


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return _TOKEN.sub("<token>", value)
    if isinstance(value, Mapping):
        held = cast("Mapping[str, object]", value)
        return {name: _redacted(one) for name, one in held.items()}
    return value
