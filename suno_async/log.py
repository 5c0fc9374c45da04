"""The logger of the package, what may stand in a log line, and a filter for the access logs of web servers.

What the lines say and which fields they carry is in docs/logging.md.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, cast

from .errors import DecodeError

__all__ = ["RedactTokens", "fields", "log", "redacted", "shown", "to_stderr"]

LONGEST_SHOWN = 200
"""Characters of a text from outside in a log line."""
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])A[Q-Za-f][A-Za-z0-9_-]{38}(?![A-Za-z0-9_-])")
"""A callback token anywhere in a text; its first byte, the version, decides how it begins."""


def shown(value: object, limit: int = LONGEST_SHOWN) -> str:
    """Return a text from outside as it may stand in a log line: on one line, cut, and without callback tokens.

    Args:
        value: The text, or what is turned into text.
        limit: Characters that are kept.
    """
    try:
        text = value.message if isinstance(value, DecodeError) else str(value)
    except Exception as exc:  # of somebody else's error; a log line must not end what it tells of
        text = f"<{type(value).__name__} without a text: {type(exc).__name__}>"
    text = str(redacted(text))  # before it is cut, which could leave nearly all of a token
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class _OneLine(logging.Filter):
    """What strangers sent can neither forge a line of the log nor fill it: every argument is escaped and cut."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(one if isinstance(one, int | float) else shown(one) for one in record.args)
        for name in _TEXTS:
            if isinstance(value := getattr(record, name, None), str):
                setattr(record, name, shown(value))
            elif isinstance(value, list):
                setattr(record, name, [shown(one) for one in cast("list[object]", value)])
        return True


_TEXTS = ("task_id", "task_ids", "ref", "kind", "path", "reason", "file")
"""Fields of log lines that may hold text from outside."""


def fields(action: str, task_id: str = "", ref: str = "", **more: object) -> dict[str, object]:
    """Return the `extra=` of a log line; the names are documented in docs/logging.md.

    Args:
        action: What happened, in one word.
        task_id: The task; empty if it is not known.
        ref: The submission; empty if it is not known.
        more: What else there is to say.
    """
    return {"action": action, "task_id": task_id, "ref": ref, **more}


log = logging.getLogger("suno_async")


class RedactTokens(logging.Filter):
    """Hides callback tokens in access logs: an address with its token can speak for its task.

    `logging.getLogger("uvicorn.access").addFilter(RedactTokens())`; the loggers are "uvicorn.access",
    "hypercorn.access", "gunicorn.access" and "aiohttp.access".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace each token in the record by `<token>`."""
        record.msg = redacted(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(redacted(one) for one in record.args)
        elif isinstance(record.args, dict):  # gunicorn and hypercorn; their class has defaults, so it is kept
            record.args.update({name: redacted(one) for name, one in record.args.items()})
        for name, value in vars(record).items():  # aiohttp repeats the request line there
            if name not in ("msg", "args") and isinstance(value, str | Mapping | list):
                setattr(record, name, redacted(value))
        return True


def redacted(value: Any) -> Any:
    """Return a JSON value without callback tokens.

    Args:
        value: The value.
    """
    if isinstance(value, str):
        return _TOKEN.sub("<token>", value)
    if isinstance(value, Mapping):
        held = cast("Mapping[str, object]", value)
        return {name: redacted(one) for name, one in held.items()}
    if isinstance(value, list):
        return [redacted(one) for one in cast("list[object]", value)]
    return value


log.addFilter(_OneLine())
log.addFilter(RedactTokens())


class _Stderr(logging.StreamHandler[Any]):
    """The handler of SUNO_LOG, of which there is one."""


def to_stderr(level: int) -> None:
    """Write log lines from this level on to stderr; a second call only changes the level.

    What an application has set for itself stays: its handlers get no line less.
    """
    handler = next((one for one in log.handlers if isinstance(one, _Stderr)), None)
    if handler is None:
        handler = _Stderr()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)
    handler.setLevel(level)
    if level < log.getEffectiveLevel():
        log.setLevel(level)
