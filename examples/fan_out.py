"""A song for every line of a file, forty at a time: `python examples/fan_out.py prompts.txt songs/`."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from suno_async import DownloadFailed, GenerateMusic, SunoClient


def jobs(prompts: Path) -> Iterator[GenerateMusic]:
    for line in prompts.read_text().splitlines():
        if line.strip():
            yield GenerateMusic(prompt=line.strip())


async def main(prompts: Path, folder: Path) -> int:
    """How many songs failed."""
    failures = 0
    async with SunoClient() as suno:
        print(f"{await suno.get_credits():g} credits")
        async for outcome in suno.map(jobs(prompts), concurrency=40):
            try:
                if outcome.error is not None:
                    raise outcome.error
                for path in await suno.download(outcome.result, folder):
                    print(path)
            except DownloadFailed as exc:  # the song is there; its id gets it again later
                print(f"not all saved of task {outcome.task and outcome.task.id}: {exc}", file=sys.stderr)
                failures += 1
            except Exception as exc:
                task = outcome.task.id if outcome.task else "none"
                print(f"{outcome.job}: {exc} (task: {task})", file=sys.stderr)
                failures += 1
    return failures


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]))) > 0)
