"""Recordings without what belongs to an account: ids, links, names and balances are replaced."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

__all__ = ["Redaction"]

ID = re.compile(r"\b(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{24,64})\b")
LINK = re.compile(r"https?://[^\s\"'<>\\]+")
NAMES_ID = re.compile(r"(?:^id|Id|_id|ids|Ids)$")
PRIVATE = re.compile(r"(?i)user|account|email|apikey|api_key|token|secret|sign|ip$|phone|nick")
BALANCE = re.compile(r"(?i)remain|balance")


class Redaction:
    """Replaces the same id and link by the same stand-in, so that a recording still hangs together."""

    # State, all of it: the stand-ins, by what they stand for.

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def value(self, value: Any, name: str = "") -> Any:
        """Return a JSON value without what is private.

        Args:
            value: The value.
            name: The name that it has in its object.
        """
        if isinstance(value, dict):
            held = cast("Mapping[str, Any]", value)
            return {one: self.value(inside, one) for one, inside in held.items()}
        if isinstance(value, list):
            several: list[Any] = cast(Any, value)
            return [self.value(one, name) for one in several]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return 0 if BALANCE.search(name) or PRIVATE.search(name) else value
        return self._text(value, name) if isinstance(value, str) else value

    def _text(self, text: str, name: str) -> str:
        if not text:
            return text
        if PRIVATE.search(name) and not NAMES_ID.search(name):
            return "redacted"
        if text[0] in "{[":
            try:
                return msgspec.json.encode(self.value(msgspec.json.decode(text))).decode()
            except (msgspec.DecodeError, RecursionError):
                pass
        if NAMES_ID.search(name):
            return self._id(text)
        return self.text(text)

    def text(self, text: str) -> str:
        """Return a text whose links and ids are replaced."""
        for known in sorted((one for one in self._known if len(one) >= 16), key=len, reverse=True):
            text = text.replace(known, self._known[known])
        text = LINK.sub(lambda found: self._link(found[0]), text)
        return ID.sub(lambda found: self._id(found[0]), text)

    def _id(self, text: str) -> str:
        """A stand-in of the same form: digits for letters and digits."""
        if text in self._known.values():
            return text
        if text not in self._known:
            number = iter(f"{len(self._known) + 1:0{sum(char.isalnum() for char in text)}d}")
            self._known[text] = "".join(next(number) if char.isalnum() else char for char in text)
        return self._known[text]

    def _link(self, url: str) -> str:
        if url in self._known.values():
            return url
        if url not in self._known:
            suffix = re.search(r"\.\w{1,5}$", urlsplit(url).path)
            self._known[url] = f"https://media.invalid/{len(self._known) + 1}{suffix[0] if suffix else ''}"
        return self._known[url]
