"""What comes after a song: jobs made from results, which know where they came from, and all that an answer said."""

from typing import Any

import msgspec
import pytest

from suno_async import (
    KIE_JOBS,
    AlreadyExists,
    CheckVoice,
    ConvertToWav,
    CreateMusicVideo,
    ExtendMusic,
    GenerateCover,
    GenerateMidi,
    GenerateMusic,
    GeneratePersona,
    GenerateVoice,
    GetTimestampedLyrics,
    InvalidJob,
    InvalidRequest,
    Lyrics,
    Music,
    Pace,
    RecoverAudio,
    RegeneratePhrase,
    ReplaceSection,
    SeparateStems,
    SunoClient,
    Track,
    parse_callback,
)
from suno_async.api import validation
from suno_async.api.requests import Request
from suno_async.api.results import Origin, Result, Stems, Voice, VoicePhrase
from suno_async.wire import envelope as envelope_module

from ..doubles import DONE, Script, called, envelope, page, reply, track


def known(result: Result, model: str = "") -> Any:
    """A result as an answer gives it."""
    result.came_from(Origin("t9", model))
    return result


TRACK: Track = known(Track(id="a1", title="La", audio_url="https://f.example/a1.mp3"), "V4_5")


@pytest.mark.parametrize(
    ("made", "same"),
    [
        (ConvertToWav(TRACK), ConvertToWav(task_id="t9", audio_id="a1")),
        (CreateMusicVideo(TRACK, author="me"), CreateMusicVideo(task_id="t9", audio_id="a1", author="me")),
        (SeparateStems(TRACK, stem_name="Piano"), SeparateStems(task_id="t9", audio_id="a1", stem_name="Piano")),
        (ExtendMusic(TRACK, continue_at=60), ExtendMusic(audio_id="a1", model="V4_5", continue_at=60)),
        (ExtendMusic(TRACK, model="V4_5"), ExtendMusic(audio_id="a1", model="V4_5")),
        (
            ReplaceSection(TRACK, lyrics="la", style="pop", title="La", start=10, end=20),
            ReplaceSection(task_id="t9", audio_id="a1", lyrics="la", style="pop", title="La", start=10, end=20),
        ),
        (
            GeneratePersona(TRACK, name="Ann", description="alto"),
            GeneratePersona(task_id="t9", audio_id="a1", name="Ann", description="alto"),
        ),
        (GetTimestampedLyrics(TRACK), GetTimestampedLyrics(task_id="t9", audio_id="a1")),
        (ConvertToWav(TRACK, audio_id="a2"), ConvertToWav(task_id="t9", audio_id="a2")),  # what is said wins
        (GenerateCover(known(Music(tracks=(TRACK,)))), GenerateCover(task_id="t9")),
        (RecoverAudio(known(Music())), RecoverAudio(task_id="t9")),
        (GenerateMidi(known(Stems()), audio_id="s1"), GenerateMidi(task_id="t9", audio_id="s1")),
        (RegeneratePhrase(known(VoicePhrase(phrase="la"))), RegeneratePhrase(task_id="t9")),
        (
            GenerateVoice(known(VoicePhrase(phrase="la")), verify_url="https://e.example/v"),
            GenerateVoice(task_id="t9", verify_url="https://e.example/v"),
        ),
        (CheckVoice(known(Voice(voice_id="v"))), CheckVoice(task_id="t9")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_fills_what_it_knows(made: Request[Any], same: Request[Any]) -> None:
    """The request is the same as with explicit ids: plain data, with nothing of the result in it."""
    assert made == same
    validation.check(made)
    assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (ConvertToWav(), ["task_id must be given", "audio_id must be given"]),
        (ConvertToWav(Track(id="a1")), ["task_id must be given"]),  # made by hand, it came from nowhere
        (ConvertToWav(Music()), ["source must be a Track, got <Music>", "task_id", "audio_id"]),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (GenerateCover(TRACK), ["source must be a Music", "task_id"]),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (GenerateMidi("x"), ["source must be a Stems, got 'x'", "task_id"]),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (ExtendMusic(), ["audio_id must be given"]),
    ],
)
def test_a_result_that_says_nothing_is_no_source(request_: Request[Any], says: list[str]) -> None:
    with pytest.raises(InvalidJob) as caught:
        validation.check(request_)
    for problem, expected in zip(caught.value.problems, says, strict=True):
        assert str(problem).startswith(expected)


async def finished(script: Script, **job: Any) -> tuple[SunoClient, Music]:
    suno = SunoClient(api_key="k", transport=script)
    return suno, await (await suno.generate_music(**job))


async def test_a_track_knows_its_task_and_its_model_however_the_news_came() -> None:
    suno, music = await finished(Script(DONE), prompt="x", model="V5")
    assert [(one.task_id, one.model) for one in music.tracks] == [("t1", "V5")] * 2
    again = await suno.generate_music(prompt="x", model="V4_5")
    suno.feed(parse_callback(called("complete", track(1), task_id=again.id)))
    assert (await again).tracks[0].model == "V4_5"
    await suno.aclose()


@pytest.mark.parametrize(
    ("param", "model"),
    [
        ('{"model":"V4_5PLUS","prompt":"x"}', "V4_5PLUS"),
        ('{"model":"ai-music-api/generate","input":{"model":"V5"}}', "V5"),
        ("{", ""),
        ("bare text", ""),
        (None, ""),
        ('{"model":7}', ""),
    ],
)
async def test_an_attached_task_takes_its_model_from_the_request_that_its_page_repeats(
    param: str | None, model: str
) -> None:
    script = Script(page("SUCCESS", track(1), param=param))
    async with SunoClient(api_key="k", transport=script) as suno:
        music = await suno.attach(GenerateMusic, "t1")
        assert music.tracks[0].model == model


async def test_extending_a_track_uses_its_own_model_and_not_the_clients() -> None:
    script = Script(DONE)
    suno, music = await finished(script, prompt="x", model="V4_5")
    await suno.extend_music(music.tracks[1], continue_at=60)
    assert script.posted[-1]["model"] == "V4_5"
    assert script.posted[-1]["audioId"] == music.tracks[1].id
    await suno.aclose()


async def test_follow_ups_fan_out_over_tracks() -> None:
    wav = reply({"taskId": "x", "successFlag": "SUCCESS", "response": {"audioWavUrl": "https://f.example/a.wav"}})
    script = Script(DONE, wav)
    suno, music = await finished(script, prompt="x", model="V5")
    outcomes = [outcome async for outcome in suno.map(ConvertToWav(one) for one in music.tracks)]
    assert [outcome.result and outcome.result.audio_url for outcome in outcomes] == ["https://f.example/a.wav"] * 2
    assert [body["audioId"] for body in script.posted[1:]] == [one.id for one in music.tracks]
    await suno.aclose()


# ---- asked for a second time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [{"taskId": "b" * 32}, "b" * 32], ids=["in an object", "bare"])
@pytest.mark.parametrize("code", [400, 409])
async def test_a_cover_that_exists_is_the_one_that_was_made(data: Any, code: int) -> None:
    """The service makes one cover a song; its answer names the task (docs/service.md#retries-and-idempotency), and
    nothing more is paid.
    """
    done = reply({"taskId": "b" * 32, "successFlag": 1, "response": {"images": ["https://f.example/1.png"]}})
    script = Script(done, submits=[reply(data, code=code)])
    async with SunoClient(api_key="k", transport=script) as suno:
        task = await suno.generate_cover(task_id="t1")
        assert (task.id, (await task).images) == ("b" * 32, ("https://f.example/1.png",))
    assert len(script.posted) == 1


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        (ConvertToWav(TRACK), None),
        (CreateMusicVideo(TRACK), None),
        (GeneratePersona(TRACK, name="x", description="y"), None),
        (GenerateCover(task_id="t1"), "it exists already, dear friend"),
        (GenerateCover(task_id="t1"), "ValidationException"),  # a word is no id
    ],
)
async def test_what_exists_and_is_not_named_is_an_error(request_: Request[Any], data: str | None) -> None:
    async with SunoClient(api_key="k", transport=Script(submits=[reply(data, code=409)])) as suno:
        with pytest.raises(AlreadyExists) as caught:
            await suno.run(request_)
        assert caught.value.existing_task_id is None


@pytest.mark.parametrize("data", ["ValidationException", "insufficient_permission", "PROMPT_CONTAINS_ARTIST_NAME"])
async def test_a_refusal_with_a_word_in_its_data_is_a_refusal(data: str) -> None:
    """Only cover is documented to answer 400 with the existing task's id (docs/service.md#retries-and-idempotency)."""
    async with SunoClient(api_key="k", transport=Script(submits=[reply(data, code=400)])) as suno:
        with pytest.raises(InvalidRequest):
            await suno.generate_music(prompt="x")


async def test_a_blank_id_in_a_refusal_is_no_fault_of_the_settings() -> None:
    async with SunoClient(api_key="k", transport=Script(submits=[reply({"taskId": "  "}, code=400)])) as suno:
        with pytest.raises(InvalidRequest):
            await suno.generate_cover(task_id="t")


async def test_a_task_that_existed_already_is_polled_at_the_pace_that_was_given() -> None:
    async with SunoClient(api_key="k", transport=Script(submits=[reply({"taskId": "b" * 32}, code=400)])) as suno:
        task = await suno.submit(GenerateCover(task_id="t"), pace=Pace(first=3))
        assert task.pace == Pace(first=3)


async def test_a_track_whose_model_nobody_told_is_extended_with_no_other() -> None:
    """A replaced section names no model, so it must be said: it must be the source's
    (docs/service.md#model-of-extend).
    """
    script = Script(DONE)
    async with SunoClient(api_key="k", transport=script) as suno:
        song = await suno.run(GenerateMusic(prompt="x", model="V4_5"))
        asked = ReplaceSection(song.tracks[0], lyrics="la", style="pop", title="La", start=10, end=20)
        new = await suno.run(asked)
        with pytest.raises(InvalidJob, match="model must be given: this track does not tell which model made it"):
            await suno.extend_music(new.tracks[0], continue_at=60)
        await suno.extend_music(new.tracks[0], continue_at=60, model="V4_5")
    assert script.posted[-1]["model"] == "V4_5"


async def test_a_track_of_unknown_model_is_not_extended_with_a_guess() -> None:
    script = Script(page("SUCCESS", track(1)))  # attached after a restart, and the page repeats no request
    async with SunoClient(api_key="k", transport=script) as suno:
        music = await suno.attach(GenerateMusic, "t1")
        with pytest.raises(InvalidJob, match="model"):
            await suno.extend_music(music.tracks[0], continue_at=60)


# ---- all that an answer said -----------------------------------------------------------------------------------------


async def test_a_field_of_tomorrow_is_there_today() -> None:
    """In every update and every result, from a poll and from a callback."""
    new = track(1) | {"mood": "calm"}
    suno, music = await finished(Script(page("SUCCESS", new, track(2), operationType="generate")), prompt="x")
    assert music.tracks[0].raw["mood"] == "calm"
    assert music.tracks[1].raw == track(2)
    assert music.raw["sunoData"][0]["mood"] == "calm"
    task = await suno.generate_music(prompt="x")
    suno.feed(parse_callback(called("complete", track(1) | {"mood": "wild"}, task_id=task.id)))
    assert (await task).tracks[0].raw["mood"] == "wild"
    assert task.last.raw["data"]["data"][0]["mood"] == "wild"
    assert task.last.raw is not task.last.raw  # parsed when asked for, and anew
    await suno.aclose()


async def test_an_update_keeps_what_stands_beside_the_result() -> None:
    async with SunoClient(api_key="k", transport=Script(page("SUCCESS", track(1), operationType="extend"))) as suno:
        update = await suno.attach(GenerateMusic, "t1").wait()
        assert update.raw["data"]["operationType"] == "extend"


async def test_the_answer_to_a_call_is_kept_too() -> None:
    answered = reply({"isAvailable": True, "until": 7})
    async with SunoClient(api_key="k", transport=Script(submits=[answered])) as suno:
        voice = await suno.check_voice(task_id="t1")
        assert (voice.is_available, voice.raw["until"]) == (True, 7)


def test_a_result_made_by_hand_has_no_answer_behind_it() -> None:
    assert Track(id="x").raw is None
    assert Lyrics().raw is None
    assert msgspec.structs.replace(TRACK, title="new").raw is None
    assert Origin("t", "", b"not json").raw() is None
    assert Origin("t", "", b"[]", ("a", 3)).raw() is None


async def test_a_result_in_a_record_of_the_jobs_route_is_raw_there_too() -> None:
    body = envelope({"taskId": "t1", "state": "success", "resultJson": '{"data":[{"id":"a","audio_url":"u","new":1}]}'})
    script = Script(envelope_module.Reply(200, body))
    async with SunoClient(api_key="k", provider=KIE_JOBS, transport=script) as suno:
        task = suno.attach(GenerateMusic, "t1")
        music = await task
        assert music.tracks[0].raw == {"id": "a", "audio_url": "u", "new": 1}
        assert music.raw == {"data": [{"id": "a", "audio_url": "u", "new": 1}]}
        assert task.last.record is not None
        assert task.last.record.state == "success"
