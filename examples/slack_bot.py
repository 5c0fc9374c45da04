"""A Slack bot: /song makes a song, says how far it is by editing its message, and uploads the takes to its thread.

    pip install . slack_bolt
    SLACK_BOT_TOKEN=xoxb-… SLACK_SIGNING_SECRET=… PUBLIC_URL=https://bot.example \
        SUNO_API_KEY=… SUNO_STORE=sqlite:///bot.db python examples/slack_bot.py

Slack posts commands to https://bot.example/slack/events, and the service its stages to /suno; both come to port 8080 or
PORT. It may be stopped, killed and replaced at any time: what is not told by then, the next start tells. The app needs
the scopes "commands", "chat:write" and "files:write", and must be invited to the channels in which it is asked. Whoever
can write there can spend your credits.
"""

import asyncio
import html
import logging
import os
import signal
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientError, web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler

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
NEWS = {Stage.TEXT: "The lyrics are written.", Stage.FIRST: "The first take is ready."}
GONE = ("message_not_found", "channel_not_found", "is_archived")
"""Why Slack will never show an edit."""


class SongBot:
    """Makes any number of songs at once."""

    def __init__(self, app: AsyncApp, suno: SunoClient) -> None:
        self.slack = app.client
        self.slack.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=3))
        self.suno = suno
        app.command("/song")(self.song)
        self._telling: set[asyncio.Task[None]] = set()

    async def song(self, ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond) -> None:
        """Take /song rain in Lisbon."""
        about = command.get("text", "").strip()
        if not about:
            await ack("Write /song and what it shall be about.")
            return
        await ack()  # Slack waits for 3 seconds only
        try:
            answer = await self.slack.chat_postMessage(channel=command["channel_id"], text="A moment …")
        except SlackApiError as exc:
            log.warning("channel %s: %s", command["channel_id"], exc.response["error"])
            await respond(f"I cannot write here ({exc.response['error']}). Have you invited me to this channel?")
            return
        context = {"channel": answer["channel"], "message": answer["ts"], "user": command["user_id"]}
        asked = f"slack-{command['trigger_id']}"  # a command that is delivered twice is paid once
        try:
            task = await self.suno.submit(GenerateMusic(prompt=about), key=asked, context=context)
        except SubmissionUncertain as exc:  # it may be made and paid, so nobody is told to ask again
            await self.edit(context, "It is not known yet whether the song is made. Please wait.")
            async for task in self.suno.resume():
                if task.ref == exc.ref:  # its callback tells
                    self.follow(task)
            return
        except SunoError as exc:
            await self.edit(context, f"This cannot be sung: {exc}")
            return
        if task.context != context:
            await self.edit(context, "This song is being made already.")
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
        """Edit the message at each stage, and upload the takes in the end."""
        try:
            async for update in task:
                if update.stage in NEWS:
                    await self.edit(task.context, NEWS[update.stage])
            music = await task
        except TaskFailed as exc:  # an end, too
            if await self.edit(task.context, f"The song failed: {exc.message}"):
                await self.suno.mark_delivered(task)
        except SunoError as exc:  # TaskTimeout, SubmissionUncertain: it may still come, and the next start looks again
            await self.edit(task.context, f"Nobody knows yet what became of the song: {exc}")
        else:
            links = "\n".join(
                f"{track.title or 'Song'}: {track.audio_url}" for track in music.tracks if track.audio_url
            )
            # True once: a bot that is killed now leaves the links.
            if await self.edit(task.context, links) and await self.suno.mark_delivered(task):
                await self.upload(task, music)

    async def edit(self, context: dict[str, Any], text: str) -> bool:
        """Edit the message; False if that has to be tried again."""
        shown = html.escape(text[:3000], quote=False)  # what Slack takes for markup and mentions: & < >
        try:
            await self.slack.chat_update(channel=context["channel"], ts=context["message"], text=shown)
        except SlackApiError as exc:
            log.warning("message %s: %s", context["message"], exc.response["error"])
            return exc.response["error"] in GONE
        except (SlackClientError, ClientError, TimeoutError) as exc:
            log.warning("message %s: %s", context["message"], exc)
            return False
        return True

    async def upload(self, task: Task[Music], music: Music) -> None:
        """Upload the takes to the thread of the message."""
        with TemporaryDirectory() as folder:
            try:
                takes = await self.suno.download(music, folder, only="audio")
            except DownloadFailed as exc:
                takes = exc.saved
            files = [{"file": str(take), "filename": take.name, "title": take.stem} for take in takes]
            context = task.context
            try:
                if files:
                    await self.slack.files_upload_v2(
                        file_uploads=files, channel=context["channel"], thread_ts=context["message"]
                    )
            except (SlackClientError, ClientError, TimeoutError) as exc:  # the links are there
                log.warning("task %s: %s", task.id, exc)


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


async def main(app: AsyncApp) -> None:
    # Users take turns when many ask at once.
    callback_url = f"{os.environ['PUBLIC_URL']}/suno"
    async with SunoClient(callback_url=callback_url, fair_by=lambda context: context["user"]) as suno:
        bot = SongBot(app, suno)
        web_app = app.web_app("/slack/events")  # it checks the signatures of Slack
        web_app.router.add_post("/suno", suno.receiver().aiohttp)
        await bot.catch_up()
        try:
            await serve(web_app)
        finally:
            await bot.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("aiohttp.access").addFilter(RedactTokens())  # tokens of callbacks are in their addresses
    asyncio.run(main(AsyncApp()))  # it reads SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET
