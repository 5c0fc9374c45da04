"""Three processes and one store: one submits, one receives callbacks, one waits and hands on.

    python examples/workers.py                             all three, on the built-in emulator and a SQLite file
    SUNO_STORE=redis://… python examples/workers.py        the same over Redis, or over postgresql://…

In production each is a service of its own, started with SUNO_API_KEY, SUNO_STORE and PUBLIC_URL, the address under
which the second is reached: `python examples/workers.py submit`, `… receive` and `… wait`. Any of them may be killed
and started again at any moment.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from suno_async import (
    GenerateMusic,
    Record,
    RedactTokens,
    SubmissionUncertain,
    SunoClient,
    SunoError,
    Task,
    TaskFailed,
    Update,
)
from suno_async.emulator import Emulator

logging.getLogger("aiohttp.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses

ORDERS = {"order-1": "rain in Lisbon", "order-2": "a slow train", "order-3": "coffee at four"}


def client() -> SunoClient:
    """The same in every process: key and store come from the environment."""
    return SunoClient(callback_url=f"{os.environ['PUBLIC_URL']}/suno")


async def submit() -> None:
    """Leaves as soon as the service has the jobs; run twice, it pays once."""
    async with client() as suno:
        for order, prompt in ORDERS.items():
            try:
                task = await suno.submit(GenerateMusic(prompt=prompt), key=order, context={"order": order})
                print(f"submit   {order} is task {task.id}", flush=True)
            except SubmissionUncertain as exc:
                print(f"submit   {order}: {exc}", flush=True)


async def receive() -> None:
    """Takes the callbacks of all; nobody waits here. On SIGTERM it first calls its observer for all it has received."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with client() as suno:
        app = web.Application()
        app.router.add_post("/suno", suno.receiver(on_update=say).aiohttp)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, port=urlsplit(os.environ["PUBLIC_URL"]).port or 8080).start()
        await ended.wait()
        await runner.cleanup()


def say(update: Update[Any], record: Record) -> None:
    print(f"receive  {record.context['order']} has reached {update.stage.name}", flush=True)


async def wait() -> None:
    """Hands on what is finished, once each, and waits for the rest."""
    async with client() as suno:
        waiting = [task async for task in suno.results()] + [task async for task in suno.resume()]
        await asyncio.gather(*(hand_on(suno, task) for task in waiting))


async def hand_on(suno: SunoClient, task: Task[Any]) -> None:
    try:
        outcome = f"{len((await task).tracks)} tracks"
    except TaskFailed as exc:  # an end, too
        outcome = str(exc)
    except SunoError as exc:  # TaskTimeout, SubmissionUncertain: it may still come
        print(f"wait     {task.context['order']} is left for the next time: {exc}", flush=True)
        return
    if await suno.mark_delivered(task):  # True in one process only, however many wait
        print(f"wait     {task.context['order']}: {outcome}", flush=True)


async def everything() -> None:
    """The three, in processes of their own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        async with Emulator(speed=60) as emulator:
            settings = {
                "SUNO_API_KEY": emulator.api_key,
                "SUNO_BASE_URL": emulator.url,
                "SUNO_STORE": os.environ.get("SUNO_STORE") or f"sqlite:///{Path(folder) / 'songs.db'}",
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
            }
            receiver = await start("receive", settings)
            await listening(port)
            for role in ("submit", "wait"):
                await (await start(role, settings)).wait()
            receiver.terminate()
            await receiver.wait()
            polls = sum("record-info" in seen.path for seen in emulator.log)
            print(f"{len(emulator.runs)} songs were paid for, and polled {polls} times")


async def listening(port: int) -> None:
    """Until the receiver is there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def start(role: str, settings: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, __file__, role, env=os.environ | settings)


ROLES = {"submit": submit, "receive": receive, "wait": wait}

if __name__ == "__main__":
    main = ROLES[sys.argv[1]] if len(sys.argv) > 1 else everything
    asyncio.run(main())
