"""A song and what can be made of it, saved in a folder: `python examples/from_a_song.py "fado in the rain" songs/`.

With a file as third argument, that is sung anew instead: `… "bossa nova" songs/ my_song.mp3`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from suno_async import (
    ConvertToWav,
    CreateMusicVideo,
    GenerateCover,
    GenerateMidi,
    GenerateMusic,
    Job,
    SeparateStems,
    SunoClient,
    SunoError,
    UploadCover,
)


def bar(sent: int, total: int | None) -> None:
    print(f"uploaded {sent:,} of {total or sent:,} bytes", end="\n" if sent == total else "\r")


async def main(prompt: str, folder: Path, song: Path | None = None) -> int:
    """How many things could not be made."""
    failures = 0
    async with SunoClient() as suno:
        job: Job[Any] = GenerateMusic(prompt=prompt)
        if song is not None:
            url = await suno.upload(song, progress=bar)
            job = UploadCover(upload_url=url, prompt=prompt, style=prompt, title=song.stem, instrumental=True)
        music = await suno.run(job)
        print(*await suno.download(music, folder), sep="\n")
        track = music.tracks[0]  # it knows its task, its id and its model
        jobs: list[Job[Any]] = [
            ConvertToWav(track),
            CreateMusicVideo(track),
            SeparateStems(track),
            GenerateCover(music),
        ]
        async for outcome in suno.map(jobs):
            try:
                if outcome.error is not None:
                    raise outcome.error
                assert outcome.result is not None
                print(*await suno.download(outcome.result, folder), sep="\n")
                if isinstance(outcome.job, SeparateStems):
                    notes = await suno.run(GenerateMidi(outcome.result))
                    print(*(f"{len(one.notes)} notes of {one.name}" for one in notes.instruments), sep="\n")
            except SunoError as exc:
                print(f"{type(outcome.job).__name__}: {exc}", file=sys.stderr)
                failures += 1
    return failures


if __name__ == "__main__":
    _, prompt, folder, *more = sys.argv
    sys.exit(asyncio.run(main(prompt, Path(folder), *map(Path, more))) > 0)
