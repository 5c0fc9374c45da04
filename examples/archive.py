"""Saves all songs that the service will remove within three days: `python examples/archive.py songs/`, say once a day.

Needs `pip install '.[archive]'` and a store that knows the songs: SUNO_STORE. `songs/` may also be an address
that fsspec reaches, as s3://bucket/songs.
"""

import asyncio
import sys
from contextlib import aclosing
from datetime import timedelta

from suno_async import SunoClient


async def main(folder: str) -> int:
    """How many tasks are not saved whole."""
    failures = 0
    async with SunoClient() as suno:
        soon = suno.expiring(within=timedelta(days=3))
        async with aclosing(suno.archive(folder).save_all(soon)) as outcomes:
            async for saved in outcomes:
                if saved.error is not None:
                    print(f"task {saved.task_id}: {saved.error}", file=sys.stderr)
                    failures += 1
                else:
                    print(f"{saved.folder}: {len(saved.files)} files, {saved.written} of them new")
                for one in saved.duplicates:
                    print(f"{saved.folder}: {one.name} is the same as {one.duplicate_of}", file=sys.stderr)
    return failures


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])) > 0)
