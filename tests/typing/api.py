"""What the type checkers must infer; checked by `make check` and never run."""

from typing import Any, assert_type

from suno_async import (
    BoostStyle,
    GenerateLyrics,
    GenerateMusic,
    Lyrics,
    Music,
    Outcome,
    Stage,
    Style,
    SunoClient,
    Task,
    Update,
)


async def every_call_knows_its_result(suno: SunoClient) -> None:
    assert_type(await suno.submit(GenerateMusic(prompt="x")), Task[Music])
    assert_type(await suno.generate_music(prompt="x", model="V5", style_weight=0.5), Task[Music])
    assert_type(await suno.generate_lyrics(prompt="x"), Task[Lyrics])
    assert_type(await suno.extend_music(audio_id="x", continue_at=60), Task[Music])
    assert_type(await suno.boost_style(content="x"), Style)
    assert_type(await suno.get_credits(), float)
    assert_type(await suno.run(GenerateLyrics(prompt="x")), Lyrics)
    assert_type(await suno.run(BoostStyle(content="x")), Style)
    assert_type(suno.attach(GenerateMusic, "id"), Task[Music])
    task = await suno.generate_music(prompt="x")
    assert_type(await task, Music)
    assert_type(await task.wait(Stage.FIRST), Update[Music])
    async for update in task:
        assert_type(update, Update[Music])
    async for outcome in suno.map([GenerateMusic(prompt="x")]):
        assert_type(outcome, Outcome[Music])
        assert_type(outcome.result, Music | None)
        assert_type(outcome.task, Task[Music] | None)


async def mistakes_are_found(suno: SunoClient, text: Any) -> None:
    await suno.generate_music(promt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await suno.generate_music(prompt=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await suno.generate_music("x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await suno.extend_music()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
