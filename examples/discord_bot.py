"""A Discord bot: /song makes a song, says how far it is by editing its answer, and attaches the takes to it.

    pip install . discord.py
    DISCORD_TOKEN=… SUNO_API_KEY=… SUNO_STORE=sqlite:///bot.db python examples/discord_bot.py

It may be stopped, killed and replaced at any time: what is not told by then, the next start tells. Invite it with the
scopes "bot" and "applications.commands"; it must see the channels in which it is asked.
"""

import asyncio
import logging
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import discord
from discord import app_commands

from suno_async import (
    DownloadFailed,
    GenerateMusic,
    Music,
    Stage,
    SubmissionUncertain,
    SunoClient,
    SunoError,
    Task,
    TaskFailed,
)

log = logging.getLogger("song_bot")
NEWS = {Stage.TEXT: "The lyrics are written.", Stage.FIRST: "The first take is ready."}


class SongBot(discord.Client):
    """Makes any number of songs at once."""

    def __init__(self, suno: SunoClient) -> None:
        super().__init__(intents=discord.Intents.default(), allowed_mentions=discord.AllowedMentions.none())
        self.suno = suno
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(song)
        self._telling: set[asyncio.Task[None]] = set()

    async def setup_hook(self) -> None:
        """Before the first command: tell what an earlier process has left."""
        await self.tree.sync()
        async for task in self.suno.results():
            self.follow(task)
        async for task in self.suno.resume():
            self.follow(task)

    async def close(self) -> None:
        """Leave what is not told to the next start."""
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await super().close()

    def follow(self, task: Task[Music]) -> None:
        telling = asyncio.create_task(self.tell(task))
        self._telling.add(telling)  # the loop alone would not keep it
        telling.add_done_callback(self._telling.discard)

    async def tell(self, task: Task[Music]) -> None:
        """Edit the answer at each stage, until the takes are attached to it."""
        try:
            async for update in task:
                if update.stage in NEWS:
                    await self.edit(task, NEWS[update.stage])
            told = await self.attach(task, await task)
        except TaskFailed as exc:  # an end, too
            told = await self.edit(task, f"The song failed: {exc.message}")
        except SunoError as exc:  # TaskTimeout, SubmissionUncertain: it may still come, and the next start looks again
            await self.edit(task, f"Nobody knows yet what became of the song: {exc}")
            return
        if told:  # marked after it was told: an edit that is made again does no harm
            await self.suno.mark_delivered(task)

    async def attach(self, task: Task[Music], music: Music) -> bool:
        """Show links to all takes, and attach those that are not too large for the channel."""
        links = "\n".join(f"{track.title}: <{track.audio_url}>" for track in music.tracks)
        with TemporaryDirectory() as folder:
            try:
                takes = await self.suno.download(music, folder, only="audio", max_bytes=task.context["limit"])
            except DownloadFailed as exc:
                takes = exc.saved
            return await self.edit(task, links, takes)

    async def edit(self, task: Task[Music], text: str, takes: list[Path] | None = None) -> bool:
        """Edit the answer; False if that has to be tried again.

        It goes by the ids of channel and message, since the token of a command ends after 15 minutes.
        """
        channel = self.get_partial_messageable(task.context["channel"])
        message = channel.get_partial_message(task.context["message"])
        try:
            await message.edit(content=text[:2000], attachments=[discord.File(take) for take in takes or ()])
        except discord.NotFound:  # somebody has deleted it
            return True
        except discord.HTTPException as exc:
            log.warning("task %s is not told: %s", task.id, exc)
            return False
        return True


@app_commands.command()
@app_commands.describe(about="What the song shall be about")
async def song(interaction: discord.Interaction[SongBot], about: app_commands.Range[str, 1, 500]) -> None:
    """Make a song."""
    suno = interaction.client.suno
    answer = await interaction.response.send_message("A moment …")  # Discord waits for 3 seconds only
    context = {
        "channel": interaction.channel_id,
        "message": answer.message_id,
        "user": interaction.user.id,
        "limit": interaction.filesize_limit,
    }
    try:
        task = await suno.submit(GenerateMusic(prompt=about), context=context)
    except SubmissionUncertain as exc:  # it may be made and paid, so nobody is told to ask again
        await interaction.edit_original_response(content=f"It is not known whether this is made: {exc}"[:2000])
        return
    except SunoError as exc:
        await interaction.edit_original_response(content=f"This cannot be sung: {exc}"[:2000])
        return
    ready = int(time.time() + (task.eta or 180))
    await interaction.edit_original_response(content=f"The song is ready <t:{ready}:R>.")  # Discord counts down
    interaction.client.follow(task)


async def main() -> None:
    # Users take turns when many ask at once.
    async with SunoClient(fair_by=lambda context: context["user"]) as suno, SongBot(suno) as bot:
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
