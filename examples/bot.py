"""A bot that is stopped by SIGTERM or Ctrl-C and forgets nobody: messages are lines of input, answers lines of output.

    SUNO_API_KEY=… SUNO_STORE=sqlite:///bot.db python examples/bot.py

It writes lyrics about each line. When it is stopped it reads no more, and answers for up to a minute what it has begun.
What is not ready by then, the next start answers. In aiogram and discord.py the library handles the signals: put its
`start_polling` or `start` into the place of `read`, and leave the rest.
"""

import asyncio
import signal
import sys
from typing import Any

from suno_async import ConfigurationError, GenerateLyrics, SunoClient, SunoError, Task, TaskFailed


class Bot:
    """Answers messages, each in an asyncio task of its own."""

    def __init__(self, suno: SunoClient) -> None:
        self._suno = suno
        self.answering: set[asyncio.Task[None]] = set()

    def start(self, work: Any) -> None:
        started = asyncio.create_task(work)
        self.answering.add(started)
        started.add_done_callback(self.answering.discard)

    async def message(self, about: str) -> None:
        try:
            task = await self._suno.submit(GenerateLyrics(prompt=about), context={"about": about})
        except SunoError as exc:
            print(f"{about}: {exc}", flush=True)
        else:
            await self.answer(task)

    async def answer(self, task: Task[Any]) -> None:
        about = task.context["about"]
        try:
            answer = await first_line(task)
            if await self._suno.mark_delivered(task):  # True once, whoever asks
                print(f"{about}: {answer}", flush=True)
        except ConfigurationError:  # the bot was stopped before it was ready
            print(f"{about}: is answered after the restart", flush=True)
        except SunoError as exc:  # TaskTimeout, SubmissionUncertain: it may still come
            print(f"{about}: {exc}", flush=True)

    async def catch_up(self) -> None:
        """Answer what an earlier process has left."""
        async for task in self._suno.results():
            self.start(self.answer(task))
        async for task in self._suno.resume():
            self.start(self.answer(task))


async def first_line(task: Task[Any]) -> str:
    try:
        return str((await task).variants[0].text.splitlines()[0])
    except TaskFailed as exc:  # an end, too
        return str(exc)


async def read(bot: Bot) -> None:
    """The chat: one message a line."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        bot.start(bot.message(line))


async def main() -> None:
    suno = SunoClient()
    bot = Bot(suno)
    await bot.catch_up()
    reading = asyncio.create_task(read(bot))
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, reading.cancel)
    await asyncio.wait([reading])
    await suno.aclose(drain=60)
    await asyncio.gather(*bot.answering)


if __name__ == "__main__":
    asyncio.run(main())
