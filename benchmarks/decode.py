"""Bytes of a details page to a result."""

import time
from collections.abc import Callable

from suno_async import KIE, GenerateMusic
from suno_async.wire.details import update
from suno_async.wire.envelope import Reply

from .baselines import by_json, by_pydantic
from .bodies import PAGE
from .table import Row

ROUNDS, TIMES = 7, 3000


def ours(body: bytes) -> object:
    return update(Reply(200, body), GenerateMusic, KIE, "t", "V5").result


def suite() -> list[Row]:
    readers: dict[str, Callable[[bytes], object]] = {"ours": ours, "json": by_json, "pydantic": by_pydantic}
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, read in readers.items():
            began = time.process_time()
            for _ in range(TIMES):
                read(PAGE)
            taken[name].append((time.process_time() - began) / TIMES * 1e6)
    cost = {name: min(times) for name, times in taken.items()}
    return [
        Row("read a details page: ours, typed (msgspec)", cost["ours"], "µs"),
        Row("read a details page: json.loads, untyped", cost["json"], "µs", "ours / json", cost["ours"] / cost["json"]),
        Row(
            "read a details page: pydantic", cost["pydantic"], "µs", "ours / pydantic", cost["ours"] / cost["pydantic"]
        ),
    ]
