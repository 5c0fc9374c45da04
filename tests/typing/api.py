"""What the type checkers must infer; checked by `make check` and never run."""

from pathlib import Path
from typing import Any, assert_type

from suno_async import (
    BoostStyle,
    ConvertToWav,
    Cover,
    Failure,
    GenerateLyrics,
    GenerateMusic,
    Job,
    Lyrics,
    Midi,
    Music,
    Outcome,
    Pace,
    Persona,
    Preview,
    SeparateStems,
    Stage,
    Stems,
    Style,
    Success,
    SunoClient,
    Task,
    Track,
    Update,
    UploadedFile,
    Voice,
    VoicePhrase,
    Wav,
)
from suno_async.api.requests import FromSource
from suno_async.methods import submits


async def every_call_knows_its_result(suno: SunoClient, phrase: VoicePhrase) -> None:
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
    track = (await task).tracks[0]
    assert_type(await suno.separate_stems(track, stem_name="Piano"), Task[Stems])
    assert_type(await suno.separate_stems(task_id="x", audio_id="y"), Task[Stems])
    assert_type(await suno.run(ConvertToWav(track)), Wav)
    assert_type(await suno.extend_music(track, continue_at=60, model="V5"), Task[Music])
    assert_type(await suno.generate_persona(track, name="x", description="y"), Persona)
    assert_type(await suno.generate_cover(await task), Task[Cover])
    assert_type(await suno.generate_midi(await suno.run(SeparateStems(track))), Task[Midi])
    assert_type(await suno.generate_voice(phrase, verify_url=Path("x")), Task[Voice])
    assert_type(await suno.upload_cover(upload_url=Path("x")), Task[Music])
    assert_type(await suno.upload(b"x", progress=print), str)
    assert_type(await suno.upload_from_url(file_url="x"), UploadedFile)
    assert_type(await task.wait(Stage.FIRST), Update[Music])
    async for update in task:
        assert_type(update, Update[Music])
    async for outcome in suno.map([GenerateMusic(prompt="x")]):
        assert_type(outcome, Outcome[Music])
        assert_type(outcome.result, Music | None)
        assert_type(outcome.task, Task[Music] | None)


async def a_view_has_the_same_methods(suno: SunoClient) -> None:
    view = suno.with_options(key="k", context={"chat": 7}, pace=Pace(first=1), timeout=5, max_retries=1)
    assert_type(view, SunoClient)
    assert_type(await view.generate_music(prompt="x"), Task[Music])
    assert_type(await view.boost_style(content="x"), Style)
    assert_type(await view.run(GenerateLyrics(prompt="x")), Lyrics)
    assert_type(suno.preview(GenerateMusic(prompt="x")), Preview)
    assert_type(suno.check(BoostStyle(content="x")), list[str])
    await view.generate_music(promt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    suno.with_options(keys="k")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class ConvertToFlac(FromSource[Track], Job[Wav], frozen=True, kw_only=True):
    path = "/api/v1/flac/generate"
    details = "/api/v1/flac/record-info"
    result = Wav
    statuses = {"SUCCESS": Stage.COMPLETE}

    task_id: str | None = None


class MyClient(SunoClient):
    convert_to_flac = submits(ConvertToFlac)


async def a_class_of_ones_own_knows_its_result(suno: MyClient, track: Track) -> None:
    assert_type(await suno.convert_to_flac(track), Task[Wav])
    assert_type(await suno.run(ConvertToFlac(task_id="x")), Wav)
    assert_type(suno.with_options(context=1), MyClient)
    assert_type(await suno.with_options(context=1).convert_to_flac(track), Task[Wav])
    await suno.convert_to_flac(track, "x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def sources_are_told_apart(suno: SunoClient, music: Music) -> None:
    await suno.separate_stems(music)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await suno.generate_cover(music.tracks[0])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await suno.convert_to_wav(music.tracks[0], "x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await suno.separate_stems(stem_name="Kazoo")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def mistakes_are_found(suno: SunoClient, text: Any) -> None:
    await suno.generate_music(promt="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await suno.generate_music(prompt=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await suno.generate_music("x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await suno.add_vocals(upload_url="https://x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def an_outcome_has_either_a_result_or_an_error(suno: SunoClient) -> None:
    async for outcome in suno.map([GenerateMusic(prompt="x")]):
        if outcome.error is None:
            assert_type(outcome, Success[Music])
            assert_type(outcome.result, Music)
            assert_type(outcome.task, Task[Music])
            assert_type(outcome.result.tracks, tuple[Track, ...])
        else:
            assert_type(outcome, Failure[Music])
            assert_type(outcome.error, Exception)
            assert_type(outcome.result, None)
        if outcome.result is None:
            assert_type(outcome.error, Exception)


def outcomes_can_be_named_and_matched(outcome: Outcome[Music]) -> tuple[Track, ...]:
    match outcome:
        case Success(result=music):
            assert_type(music, Music)
            return music.tracks
        case Failure(error=error):
            raise error
