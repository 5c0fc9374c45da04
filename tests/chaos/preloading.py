"""A server that makes client and store before it forks its workers, and kills each of these again and again.

The client of every other server was used before; while its loop lives, a child is forked that must be refused.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from suno_async import ConfigurationError, GenerateMusic, SubmissionUncertain, SunoClient
from suno_async.stores.base import Store
from suno_async.submissions.coordination import Alone

from .program import key_of, main, opened, options

CHILDREN = 2
LIFE = 1.0
"""Seconds for which a child that is to be killed lives, at most."""


def forked(act: Callable[[], None]) -> int:
    """Do something in a child, which ends with 0 if it went well; return its process id."""
    with warnings.catch_warnings():  # Python 3.12 and newer warn of threads, which is what is tried here
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


async def use(suno: SunoClient, log: Path) -> None:
    """Buy something, and fork a child from this living loop: it is refused before anything is sent."""

    def write(line: str) -> None:
        with log.open("a") as file:
            file.write(line + "\n")

    def child() -> None:
        try:
            asyncio.run(submit("job-of-a-child"))
        except ConfigurationError:
            write("refused job-of-a-child -")

    async def submit(key: str) -> None:
        task = await suno.submit(GenerateMusic(prompt=key), key=key, context={"key": key})
        write(f"accepted {key} {task.ref}")

    try:
        await submit(key_of(0))
    except SubmissionUncertain as exc:
        write(f"lost {key_of(0)} {exc.ref}")
    os.waitpid(forked(child), 0)  # noqa: ASYNC222  the loop stands still meanwhile, and is not closed


class Server:
    """Forks workers, kills them, and forks others in their place, until each has ended by itself."""

    def __init__(self, given: argparse.Namespace, suno: SunoClient, store: Store) -> None:
        self._given = given
        self._suno = suno
        self._store = store
        self._chance = random.Random(f"{given.seed} {given.worker}")
        self._alive: dict[int, int] = {}
        """The number of each child by its process id."""
        self._dies: dict[int, float] = {}
        """When those are killed that are to be killed."""
        self._kills = [given.kills] * CHILDREN

    def run(self) -> int:
        signal.signal(signal.SIGUSR1, self._ask)
        for number in range(CHILDREN):
            self._fork(number)
        while self._alive:
            time.sleep(0.01)
            self._kill()
            ended, status = os.waitpid(-1, os.WNOHANG)
            if not ended:
                continue
            number, doomed = self._alive.pop(ended), self._dies.pop(ended, None) is not None
            code = os.waitstatus_to_exitcode(status)
            if code == -signal.SIGKILL and doomed:
                with Path(f"{self._given.log}-killed-{self._given.worker}").open("a") as file:
                    file.write(".")
                self._fork(number)
            elif code:
                return 1
        return 0

    def _fork(self, number: int) -> None:
        given = argparse.Namespace(**vars(self._given))
        given.worker = self._given.worker * CHILDREN + number
        child = forked(lambda: asyncio.run(main(given, self._suno, self._store)))
        self._alive[child] = number
        if self._kills[number]:
            self._kills[number] -= 1
            self._dies[child] = time.monotonic() + self._chance.uniform(0, LIFE)

    def _kill(self) -> None:
        for child, moment in self._dies.items():
            if time.monotonic() > moment:
                os.kill(child, signal.SIGKILL)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        """Have the children tell what they hang on."""
        for child in self._alive:
            os.kill(child, number)


if __name__ == "__main__":
    parser = options()
    parser.add_argument("--kills", type=int, required=True, help="of each child, at most")
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    Alone.lease = given.lease
    suno, store = opened(given)
    if given.worker % 2:
        asyncio.run(use(suno, Path(given.log)))
    sys.exit(Server(given, suno, store).run())
