r"""Stores every song in S3 when it is finished, and marks it as delivered when all of it is there.

    pip install '.[archive]' s3fs
    SUNO_API_KEY=… SUNO_STORE=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \
        python examples/s3_archive.py s3://bucket/songs

Run it beside what submits the songs, with the same store, a minute after its last run has ended. AWS_ENDPOINT_URL leads
to MinIO, R2 and others. It may be killed at any time: each name in the bucket stands for a whole file, and the next run
does the rest.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from suno_async import SunoClient, Task, TaskFailed


async def main(place: str) -> int:
    """How many tasks are not stored whole."""
    failures = 0
    tasks: dict[str, Task[Any]] = {}
    async with SunoClient() as suno:

        async def undelivered() -> AsyncIterator[Task[Any]]:
            async for task in suno.results():
                tasks[task.id] = task
                yield task
            async for task in suno.resume():  # what is still being made is waited for
                if task.id:  # of the others `suno-async uncertain` tells
                    tasks[task.id] = task
                    yield task

        async with aclosing(suno.archive(place).save_all(undelivered())) as outcomes:
            async for saved in outcomes:
                task = tasks.pop(saved.task_id)
                if saved.error is None:
                    print(f"{saved.folder}: {len(saved.files)} files")
                else:
                    print(f"task {saved.task_id}: {saved.error}", file=sys.stderr)
                    failures += 1
                if saved.error is None or isinstance(saved.error, TaskFailed):  # of others the next run tries again
                    await suno.mark_delivered(task)
    return failures


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1])) > 0)
