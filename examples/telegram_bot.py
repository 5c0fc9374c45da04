"""A Telegram bot: /song makes a song, says how far it is by editing its answer, and sends the takes.

    pip install . aiogram
    TELEGRAM_TOKEN=… SUNO_API_KEY=… SUNO_STORE=sqlite:///bot.db python examples/telegram_bot.py

It polls both services. With PUBLIC_URL=https://bot.example both post to it instead, on port 8080. It may be stopped,
killed and replaced at any time: what is not told by then, the next start tells.
"""

import asyncio
import hashlib
import logging
import os
import signal
from tempfile import TemporaryDirectory

from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError
from aiogram.filters import Command, CommandObject
from aiogram.types import FSInputFile, LinkPreviewOptions, Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from suno_async import (
    DownloadFailed,
    GenerateMusic,
    Music,
    RedactTokens,
    Stage,
    SubmissionUncertain,
    SunoClient,
    SunoError,
    Task,
    TaskFailed,
)

log = logging.getLogger("song_bot")
LIMIT = 50 * 1024 * 1024  # bytes of a file that a bot may send
NEWS = {Stage.TEXT: "The lyrics are written.", Stage.FIRST: "The first take is ready."}


class SongBot:
    """Makes any number of songs at once."""

    def __init__(self, bot: Bot, suno: SunoClient) -> None:
        self.bot = bot
        self.suno = suno
        self.dispatcher = Dispatcher()
        self.dispatcher.message.register(self.song, Command("song"))
        self.dispatcher.startup.register(self.catch_up)
        self.dispatcher.shutdown.register(self.stop)
        self._telling: set[asyncio.Task[None]] = set()

    async def song(self, message: Message, command: CommandObject) -> None:
        """Take /song rain in Lisbon."""
        if not command.args:
            await message.answer("Write /song and what it shall be about.")
            return
        answer = await message.answer("A moment …")
        asked = f"telegram-{message.chat.id}-{message.message_id}"  # Telegram may deliver a message twice
        context = {"chat": answer.chat.id, "message": answer.message_id}
        try:
            task = await self.suno.submit(GenerateMusic(prompt=command.args), key=asked, context=context)
        except SubmissionUncertain as exc:  # it may be made and paid, so nobody is told to ask again
            await answer.edit_text(f"It is not known whether this is made: {exc}"[:4096])
            return
        except SunoError as exc:
            await answer.edit_text(f"This cannot be sung: {exc}"[:4096])
            return
        self.follow(task)

    async def catch_up(self) -> None:
        """Tell what an earlier process has left."""
        async for task in self.suno.results():
            self.follow(task)
        async for task in self.suno.resume():
            self.follow(task)

    async def stop(self) -> None:
        """Leave what is not told to the next start."""
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def follow(self, task: Task[Music]) -> None:
        telling = asyncio.create_task(self.tell(task))
        self._telling.add(telling)  # the loop alone would not keep it
        telling.add_done_callback(self._telling.discard)

    async def tell(self, task: Task[Music]) -> None:
        """Edit the answer at each stage, and send the takes in the end."""
        try:
            async for update in task:
                if update.stage in NEWS:
                    await self.edit(task, NEWS[update.stage])
            music = await task
        except TaskFailed as exc:  # an end, too
            await self.edit(task, f"The song failed: {exc.message}")
            await self.suno.mark_delivered(task)
        except SunoError as exc:  # TaskTimeout, SubmissionUncertain: it may still come, and the next start looks again
            await self.edit(task, f"Nobody knows yet what became of the song: {exc}")
        else:
            await self.edit(task, "\n".join(f"{track.title}: {track.audio_url}" for track in music.tracks))
            if await self.suno.mark_delivered(task):  # True once: a bot that is killed now leaves the links
                await self.send(task, music)

    async def edit(self, task: Task[Music], text: str) -> None:
        chat, message = task.context["chat"], task.context["message"]
        no_preview = LinkPreviewOptions(is_disabled=True)
        try:
            await self.bot.edit_message_text(
                text[:4096], chat_id=chat, message_id=message, link_preview_options=no_preview
            )
        except AiogramError as exc:  # deleted, or already so
            log.warning("task %s: %s", task.id, exc)

    async def send(self, task: Task[Music], music: Music) -> None:
        """Send the takes; those that are too large are links in the answer."""
        with TemporaryDirectory() as folder:
            try:
                takes = await self.suno.download(music, folder, only="audio", max_bytes=LIMIT)
            except DownloadFailed as exc:
                takes = exc.saved
            try:
                for take in takes:
                    await self.bot.send_audio(task.context["chat"], FSInputFile(take), title=take.stem)
            except AiogramError as exc:  # the links are there
                log.warning("task %s: %s", task.id, exc)

    def application(self, public_url: str) -> web.Application:
        """A server of both webhooks: Telegram's messages and the callbacks of songs."""

        async def announce() -> None:
            await self.bot.set_webhook(f"{public_url}/telegram", secret_token=secret)

        secret = hashlib.sha256(self.bot.token.encode()).hexdigest()  # so that nobody else can post messages
        app = web.Application()
        app.router.add_post("/suno", self.suno.receiver().aiohttp)
        SimpleRequestHandler(self.dispatcher, self.bot, secret_token=secret).register(app, "/telegram")
        self.dispatcher.startup.register(announce)
        setup_application(app, self.dispatcher)
        return app


async def serve(app: web.Application) -> None:
    """Until SIGTERM or Ctrl-C."""
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=int(os.environ.get("PORT", "8080"))).start()
        await stopped.wait()
    finally:
        await runner.cleanup()


async def main(bot: Bot) -> None:
    public_url = os.environ.get("PUBLIC_URL", "")
    async with bot, SunoClient(callback_url=f"{public_url}/suno" if public_url else None) as suno:
        songs = SongBot(bot, suno)
        if public_url:
            await serve(songs.application(public_url))
        else:
            await bot.delete_webhook()
            await songs.dispatcher.start_polling(bot)  # until SIGTERM or Ctrl-C


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("aiohttp.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses
    asyncio.run(main(Bot(os.environ["TELEGRAM_TOKEN"])))
