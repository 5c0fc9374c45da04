"""Bytes of a details page to a result."""

import time
from collections.abc import Callable
from functools import partial

from suno_async import KIE, GenerateMusic
from suno_async.wire.details import update
from suno_async.wire.envelope import Reply

from .baselines import by_json, by_pydantic
from .bodies import PAGE
from .rounds import measured
from .table import Row, row

TIMES = 3000


def ours(body: bytes) -> object:
    return update(Reply(200, body), GenerateMusic, KIE, "t", "V5").result


def cost(read: Callable[[bytes], object]) -> float:
    """µs of CPU to read a page."""
    began = time.process_time()
    for _ in range(TIMES):
        read(PAGE)
    return (time.process_time() - began) / TIMES * 1e6


def suite(quick: bool) -> list[Row]:
    readers = {"ours": ours, "json": by_json, "pydantic": by_pydantic}
    taken = measured({name: partial(cost, read) for name, read in readers.items()}, 2 if quick else 7)
    page = taken["ours"]
    return [
        row("decode", "a details page read: ours, typed (msgspec)", "µs CPU", page),
        row("decode.json", "the same: json.loads, untyped", "µs CPU", page, against=("ours / json", taken["json"])),
        row("decode.pydantic", "the same: pydantic", "µs CPU", page, against=("ours / pydantic", taken["pydantic"])),
    ]
