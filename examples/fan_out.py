"""A song for every row of a CSV file, within a budget. Stop or kill it and run it again: nothing is paid twice.

    pip install '.[archive]'
    SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db python examples/fan_out.py album.csv songs/ 240

The file has a column `id`, different in each row, and fields of GenerateMusic: a prompt alone, or style, title and
lyrics. 240 is what all runs together may cost, in credits. As rows end, album.results.csv says what came of them.
For files without code there is `suno-async batch`.
"""

import asyncio
import csv
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

from suno_async import GenerateMusic, Music, Outcome, SunoClient, SunoError


def read(file: Path) -> dict[str, GenerateMusic]:
    """The songs by their ids."""
    songs: dict[str, GenerateMusic] = {}
    with file.open(newline="", encoding="utf-8-sig") as opened:
        for row in csv.DictReader(opened):
            name = row.pop("id", None)
            if not name or name in songs:
                sys.exit(f"{file}: each row must have an id of its own, got {name!r}")
            if None in row:
                sys.exit(f"{file}: {name}: there are more cells than columns")
            fields: dict[str, Any] = {column: text for column, text in row.items() if text}
            try:
                songs[name] = GenerateMusic(**fields)
            except TypeError as exc:  # a column that is no field
                sys.exit(f"{file}: {name}: {exc}")
    return songs


async def main(file: Path, folder: str, budget: float) -> int:
    """How many songs are not there."""
    songs = read(file)
    names = {id(song): name for name, song in songs.items()}  # by identity: equal songs are several
    saving = asyncio.Semaphore(8)
    missing = 0
    async with SunoClient() as suno:
        if refused := [f"{name}: {problem}" for name, song in songs.items() for problem in suno.check(song)]:
            sys.exit("\n".join(["nothing was sent", *refused]))
        price = sum(suno.estimate(song) or 0.0 for song in songs.values())
        print(f"{len(songs)} songs for {price:g} credits; the account has {await suno.get_credits():g}")
        archive = suno.archive(folder)  # what is there already is only checked

        async def ended(outcome: Outcome[Music]) -> None:
            nonlocal missing
            error, where, task = outcome.error, "", outcome.task
            if task is not None and error is None:
                async with saving:
                    try:
                        where = (await archive.save(task)).folder
                    except SunoError as exc:  # the song is there; the next run saves the rest
                        error = exc
            missing += error is not None
            task_id = task.id if task is not None else ""
            results.writerow([names[id(outcome.job)], task_id, outcome.credits, where, error])

        with file.with_suffix(".results.csv").open("w", newline="", buffering=1) as opened:
            results = csv.writer(opened)
            results.writerow(["id", "task_id", "credits", "folder", "error"])
            outcomes = suno.map(
                songs.values(),
                key=lambda song: f"{file.stem} {names[id(song)]}",  # of a row that was paid, the store knows the task
                budget=budget,
                attempts=2,
            )
            async with asyncio.TaskGroup() as group, aclosing(outcomes):
                async for outcome in outcomes:
                    group.create_task(ended(outcome))
    return missing


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))) > 0)
