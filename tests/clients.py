"""A client on a scripted network, and jobs for it."""

from collections.abc import Callable
from typing import Any

from suno_async import GenerateMusic, Pace, SunoClient
from suno_async.wire.envelope import Reply

from .doubles import Script

PACE = Pace(first=2, growth=2, cap=15, patience=100)


def client(network: Script, **options: Any) -> SunoClient:
    return SunoClient(api_key="secret-key", transport=network, pace=options.pop("pace", PACE), **options)


def jobs(count: int) -> list[GenerateMusic]:
    return [GenerateMusic(prompt=f"song {n}") for n in range(count)]


def by_task(answer: Callable[[str], Reply]) -> Script:
    """A service whose details pages depend on the task."""
    network = Script()
    network.polls = [lambda: answer(network.sent[-1][2].rpartition("=")[2])]
    return network
