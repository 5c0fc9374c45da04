"""Where requests are taken: checked against what was made before, paid, accepted, or met by what shall go wrong."""

import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from ..api.requests import Job, Request
from ..api.updates import Stage
from .answers import answer, broken, gateway_page, spoilt
from .billing import Till
from .callback_sender import Postman
from .clock import Clock, Gate
from .families import FAMILIES, Run
from .faults import Fault
from .requests import Asked, Refused

__all__ = ["Desk"]

BAD = (Fault.FAIL, Fault.REJECT)


class Desk:
    """The jobs that were made, and the making of them."""

    def __init__(self, clock: Clock, gate: Gate, till: Till, seed: int | None) -> None:
        self.runs: dict[str, Run] = {}
        self.files = ""
        """Where files are served from."""
        self.postman: Postman
        self._clock = clock
        self._gate = gate
        self._till = till
        self._chance = random.Random(seed)
        self._faults: dict[type[Request[Any]] | None, deque[Fault | None]] = {}
        self._made: dict[Hashable, Run] = {}

    def token(self) -> str:
        """A name that nothing else has."""
        return self._chance.randbytes(16).hex()

    def next(self, faults: tuple[Fault | None, ...], of: type[Request[Any]] | None) -> None:
        self._faults.setdefault(of, deque()).extend(faults)

    async def special(
        self, request: web.Request, kind: type[Request[Any]], answered: Callable[[web.Request], Awaitable[web.Response]]
    ) -> web.Response:
        """Answer what makes no music; it goes wrong only if it was named."""
        fault = self._fault(kind)
        if fault in BAD:
            raise Refused(500, "Server error")
        stopped = self._stopped(request, fault, kind)
        return self._sent(request, fault, await answered(request)) if stopped is None else stopped

    async def take(self, request: web.Request, asked: Asked) -> web.Response:
        """Accept a job, or answer a call at once."""
        source = self.runs.get(str(asked.params.get("task_id")))
        family = FAMILIES[asked.kind.result]
        run = Run(self.token(), asked, family, born=self._clock.now(), files=self.files, source=source)
        family.check(run, run.born)
        self._check_repeat(run)
        run.fault = self._fault(asked.kind, None)
        later = issubclass(run.kind, Job) or (asked.jobs_api and not family.at_once)
        stopped = self._stopped(request, run.fault, run.kind)
        if stopped is not None:
            return stopped
        return self._sent(request, run.fault, await self._accepted(run) if later else self._answered(run))

    def _check_repeat(self, run: Run) -> None:
        """Refuse what is made only once and was; what came to nothing may be tried again."""
        first = self._made.get(_sole(run)) if run.family.unique else None
        if first is not None and first.state(self._clock.now())[0] is not Stage.FAILED:
            raise run.family.repeated(first)

    async def _accepted(self, run: Run) -> web.Response:
        self._till.pay(run)
        self.runs[run.id] = self._made[_sole(run)] = run
        # The default address of our own client leads nowhere, on purpose.
        wanted = run.asked.callback and not _host(run.asked.callback).endswith(".invalid")
        if wanted and run.fault is not Fault.SILENT:
            await self.postman.follow(run)
        return answer(200, "success", {run.asked.provider.query(run.kind): run.id})

    def _answered(self, run: Run) -> web.Response:
        if run.fault in BAD:
            run.left = self._till.credits
            return answer(*run.family.refusal(run))
        self._till.pay(run)
        self._made[_sole(run)] = run
        return answer(200, "success", run.family.result(run))

    # ---- what goes wrong -----------------------------------------------------------------------------------------

    def _fault(self, *of: type[Request[Any]] | None) -> Fault | None:
        waiting = next((faults for one in of if (faults := self._faults.get(one))), None)
        return waiting.popleft() if waiting else None

    def _stopped(self, request: web.Request, fault: Fault | None, kind: type[Request[Any]]) -> web.Response | None:
        """What happens instead of an answer."""
        match fault:
            case Fault.DROP:
                return broken(request)
            case Fault.HTML:
                return gateway_page()
            case Fault.RATE_LIMIT:
                self._gate.refuse(kind.path)
            case Fault.MAINTENANCE:
                raise Refused(455, "The website is being maintained, please try again later")
            case _:
                pass
        return None

    def _sent(self, request: web.Request, fault: Fault | None, good: web.Response) -> web.Response:
        """What becomes of an answer on its way."""
        if fault is Fault.LOSE_ANSWER:
            return broken(request)
        return spoilt(good) if fault is Fault.GARBLE else good


def _sole(run: Run) -> Hashable:
    """What a thing that is made once is known by."""
    return (run.kind.result, *(run.params.get(name) for name in run.family.unique))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # accepted all the same, as the service does (NOTES §10); posting to it fails later
        return ""
