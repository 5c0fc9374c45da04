"""A taskiq worker: one client for each process, opened and closed with it.

SUNO_API_KEY=… python examples/taskiq_worker.py runs a task in this process. For workers of their own take another
broker, such as the one of taskiq-redis, and run `taskiq worker examples.taskiq_worker:broker`.
"""

import asyncio

from taskiq import Context, InMemoryBroker, TaskiqDepends, TaskiqEvents, TaskiqState

from suno_async import GenerateLyrics, SunoClient

broker = InMemoryBroker()


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def startup(state: TaskiqState) -> None:
    state.suno = SunoClient()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def shutdown(state: TaskiqState) -> None:
    await state.suno.aclose()


@broker.task
async def write(about: str, context: Context = TaskiqDepends()) -> str | None:  # noqa: B008  taskiq's way
    suno: SunoClient = context.state.suno
    lyrics = await suno.run(GenerateLyrics(prompt=about), key=context.message.task_id)
    return lyrics.variants[0].text


async def main() -> None:
    await broker.startup()
    try:
        task = await write.kiq("rain in Lisbon")
        result = await task.wait_result(timeout=600)
        print(result.return_value)
    finally:
        await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
