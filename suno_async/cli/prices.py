"""`suno-async prices`: the price list."""

from collections.abc import Iterator
from typing import Annotated

import typer

from .task_options import JSON

__all__ = ["prices"]


def prices(as_json: Annotated[bool, JSON] = False) -> None:
    """Print what requests cost, as far as that is known.

    In credits, by KIE's price list. Sends nothing.
    """
    from ..api.pricing import PRICES_AS_OF
    from .output import amount, columns, document

    rows = list(_rows())
    if as_json:
        for name, price in rows:
            document({"request": name, "credits": price})
        return
    shown = [(name, "not known" if price is None else amount(price)) for name, price in rows]
    for line in columns([("Request", "Credits"), *shown]):
        typer.echo(line)
    typer.echo(f"KIE's list of {PRICES_AS_OF}. Failed music gives its credits back.")


def _rows() -> Iterator[tuple[str, float | None]]:
    from ..api.pricing import STEM_PRICES, list_price
    from ..api.requests import SeparateStems
    from .kinds import KINDS

    for name, kind in KINDS.items():
        if kind is SeparateStems:
            yield from ((f"{name} --type {type}", price) for type, price in STEM_PRICES.items())
        else:
            yield name, list_price(kind)
