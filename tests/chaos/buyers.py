"""Clients of this process, for rounds in which nobody is killed: what they were told, held against the service."""

import time
from collections.abc import Iterable
from typing import Any

from suno_async import GenerateMusic, SubmissionUncertain, SunoClient, SunoError
from suno_async.stores.base import Store

from .program import API_KEY, PACE, PROVIDER, key_of
from .service import Service
from .tally import Tally

__all__ = ["Buyers", "client"]

NOBODY = "http://127.0.0.1:9/suno"
"""A callback address, so that each request carries its ref. Nobody listens there."""


def client(url: str, store: Store | None, **given: Any) -> SunoClient:
    """Return a client of the service at an address."""
    return SunoClient(
        api_key=API_KEY, base_url=url, provider=PROVIDER, callback_url=NOBODY, pace=PACE, store=store, **given
    )


class Buyers:
    """What became of each job, as the clients were told."""

    def __init__(self, service: Service, jobs: int) -> None:
        self.keys = [key_of(number) for number in range(jobs)]
        self.wrong: list[str] = []
        self._service = service
        self._began = time.monotonic()
        self._finished: set[str] = set()
        self._uncertain: set[str] = set()

    async def buy(self, suno: SunoClient, key: str, *refusals: type[SunoError]) -> bool:
        """Submit a job and see it through; return False if it is refused by one of these errors."""
        try:
            await (await suno.submit(GenerateMusic(prompt=key), key=key))
        except SubmissionUncertain as exc:
            self._uncertain.add(exc.ref)
        except refusals:
            return False
        except Exception as exc:
            self.wrong.append(f"{key} raised {exc!r}")
        else:
            self._finished.add(key)
        return True

    async def refused(self, suno: SunoClient, key: str, refusal: type[SunoError]) -> None:
        """Submit a job that must be refused before anything is sent."""
        before = self._service.seen.total()
        try:
            task = await suno.submit(GenerateMusic(prompt=key), key=key)
        except refusal:
            pass
        except Exception as exc:
            self.wrong.append(f"{key} raised {exc!r} instead of {refusal.__name__}")
        else:
            self.wrong.append(f"{key} was not refused, but is {task!r}")
        if self._service.seen.total() != before:
            self.wrong.append(f"something was sent for {key}, which was to be refused")

    async def judge(self, never: Iterable[str] = ()) -> Tally:
        """Hold it against the runs of the service; nothing was made of the keys in `never`."""
        await self._service.settle()
        runs = self._service.runs()
        lost = [key for key in self.keys if key not in self._finished or not runs.get(key)]
        twice = sum(len(made) - 1 for made in runs.values())
        false = {ref for ref in self._uncertain if not self._service.seen[ref]}
        self.wrong += [f"{key} was not finished" for key in lost]
        self.wrong += [f"{key} was paid {len(made)} times" for key, made in runs.items() if len(made) > 1]
        self.wrong += [f"{key} was paid, and was refused" for key in never if key in runs]
        self.wrong += [f"{ref} is uncertain, and nothing of it left" for ref in false]
        self.wrong += self._service.balance()
        counts = len(self.keys), len(self.keys) - len(lost), len(lost), twice, len(self._uncertain), len(false)
        return Tally(1, 0, *counts, time.monotonic() - self._began, tuple(self.wrong))
