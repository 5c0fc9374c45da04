"""Endpoints by the names that the command line has for them: `SeparateStems` is separate-stems."""

import re
from collections.abc import Mapping
from typing import Any

import typer

from ..api.requests import TABLE, Request

__all__ = ["KINDS", "kind_named"]

KINDS: Mapping[str, type[Request[Any]]] = {re.sub(r"\B([A-Z])", r"-\1", kind.__name__).lower(): kind for kind in TABLE}


def kind_named(name: str) -> type[Request[Any]]:
    """The endpoint of a name, or the only one that has it as a word, as "stems".

    Raises:
        typer.BadParameter: If there is none, or more than one.
    """
    if name in KINDS:
        return KINDS[name]
    found = [known for known in KINDS if name in known.split("-")]
    if len(found) == 1:
        return KINDS[found[0]]
    raise typer.BadParameter(f"{name!r} must be one of {', '.join(found or KINDS)}")
