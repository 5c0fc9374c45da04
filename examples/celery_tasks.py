r"""A Celery worker: one client for each process, and an event loop for each task.

    pip install . 'celery[redis]'
    SUNO_API_KEY=… SUNO_STORE=sqlite:///songs.db CELERY_BROKER_URL=redis://… \
        celery -A examples.celery_tasks worker --pool=prefork

Then `write.delay("rain in Lisbon")` anywhere. A task that is run again, since its worker was killed, is not paid again.
"""

import asyncio

from celery import Celery, Task

from suno_async import GenerateLyrics, SunoClient

app = Celery("lyrics")
suno = SunoClient()  # made before the fork, opened after it by the first task of each process


@app.task(bind=True, acks_late=True, reject_on_worker_lost=True)
def write(self: Task, about: str) -> str | None:
    lyrics = asyncio.run(suno.run(GenerateLyrics(prompt=about), key=self.request.id))
    return lyrics.variants[0].text
