"""A chat bot that writes songs: it says how far a song is, and sends the link to it.

`send(chat, text)` is what your chat library has for it.
"""

import asyncio
from collections.abc import Awaitable, Callable

from suno_async import GenerateMusic, InvalidJob, Music, Stage, SunoClient, SunoError, Task, TaskFailed

Send = Callable[[int, str], Awaitable[None]]
NEWS = {Stage.TEXT: "The lyrics are written.", Stage.FIRST: "The first take can be heard."}


class SongBot:
    """Answers "/song …" in any number of chats at once."""

    def __init__(self, suno: SunoClient, send: Send) -> None:
        self._suno = suno
        self._send = send
        self._songs: set[asyncio.Task[None]] = set()

    async def hear(self, chat: int, text: str) -> None:
        """Take a message of a chat."""
        if not text.startswith("/song "):
            await self._send(chat, "Write /song and what it shall be about.")
            return
        try:
            task = await self._suno.submit(GenerateMusic(prompt=text.removeprefix("/song ")), context={"chat": chat})
        except InvalidJob as exc:
            await self._send(chat, f"That cannot be sung: {exc}")
            return
        except SunoError as exc:
            await self._send(chat, f"Not now: {exc}")
            return
        song = asyncio.create_task(self.tell(chat, task))
        self._songs.add(song)  # who only has the loop's reference to a task may lose it
        song.add_done_callback(self._songs.discard)

    async def tell(self, chat: int, task: Task[Music]) -> None:
        """Say how far a song is until it is there."""
        try:
            async for update in task:
                if update.stage in NEWS:
                    await self._send(chat, NEWS[update.stage])
            music = await task
        except TaskFailed as exc:
            await self._send(chat, f"The song failed: {exc.message}")
        except SunoError as exc:
            await self._send(chat, f"The song is lost from sight: {exc}")
        else:
            await self._send(chat, "\n".join(f"{track.title}: {track.audio_url}" for track in music.tracks))

    async def finish(self) -> None:
        """Wait for the songs that are under way."""
        await asyncio.gather(*self._songs)
