"""What docs/service.md leaves open or has from few reports, each as a question with what it costs at most."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

import msgspec

from ...api.requests import (
    BoostStyle,
    ConvertToWav,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    GenerateSounds,
    GetTimestampedLyrics,
    SeparateStems,
)
from ...errors import ApiError, TaskFailed
from .gateway import Gateway, refusal

__all__ = ["QUESTIONS", "SONG_PRICE", "Question"]

SONG_PRICE = 12.0
NOWHERE = "https://suno-async.invalid/callback"
UNKNOWN = "0123456789abcdef0123456789abcdef"


class Question(NamedTuple):
    """One question.

    The answer is a few words, the same for the same behaviour, since it is compared.
    """

    name: str
    asks: str
    documented: str
    """The answer that docs/service.md has; empty if it has none."""
    credits: float
    """What it costs at most, without the song that it may need."""
    ask: Callable[[Gateway], Awaitable[str]]
    needs_song: bool = False


async def _unknown_legacy(gateway: Gateway) -> str:
    return _told(await gateway.get(f"/api/v1/generate/record-info?taskId={UNKNOWN}"))


async def _unknown_jobs(gateway: Gateway) -> str:
    return _told(await gateway.get(f"/api/v1/jobs/recordInfo?taskId={UNKNOWN}"))


async def _outer_model(gateway: Gateway) -> str:
    return _told(await gateway.post("/api/v1/jobs/createTask", {"model": "V6", "input": {"prompt": "piano"}}))


async def _made_up_wav(gateway: Gateway) -> str:
    body = {"taskId": UNKNOWN, "audioId": "01234567-89ab-cdef-0123-456789abcdef", "callBackUrl": NOWHERE}
    return _told(await gateway.post("/api/v1/wav/generate", body))


async def _lyrics_jobs(gateway: Gateway) -> str:
    return await _result_form(gateway, GenerateLyrics(prompt="a short song about rain"))


async def _style_jobs(gateway: Gateway) -> str:
    return await _result_form(gateway, BoostStyle(content="calm piano"))


async def _sounds_jobs(gateway: Gateway) -> str:
    return await _result_form(gateway, GenerateSounds(prompt="a door closes", model="V5"))


async def _cover_jobs(gateway: Gateway) -> str:
    return await _result_form(gateway, GenerateCover(task_id=(await gateway.a_song()).task_id))


async def _stems_jobs(gateway: Gateway) -> str:
    return await _result_form(gateway, SeparateStems((await gateway.a_song()).tracks[0]))


async def _v6_legacy(gateway: Gateway) -> str:
    body = {"prompt": "a short calm piano piece", "customMode": False, "instrumental": True, "model": "V6"}
    reply = await gateway.post(GenerateMusic.path, body | {"callBackUrl": NOWHERE})
    return await _ended(gateway, gateway.legacy, reply)


async def _title(gateway: Gateway) -> str:
    body = {"prompt": "la la la", "style": "calm piano", "customMode": True, "instrumental": False, "model": "V5"}
    reply = await gateway.post(GenerateMusic.path, body | {"callBackUrl": NOWHERE})
    return await _ended(gateway, gateway.legacy, reply)


async def _no_duration(gateway: Gateway) -> str:
    song = {"lyrics": "la la la", "style": "calm piano", "title": "Rain", "custom_mode": True}
    body = {"model": "ai-music-api/generate", "input": song | {"instrumental": False, "model": "V6"}}
    reply = await gateway.post("/api/v1/jobs/createTask", body)
    try:
        music = await gateway.task_of(gateway.jobs, reply, GenerateMusic)
    except ApiError as exc:
        return refusal(exc)
    except TaskFailed as exc:
        return f"failed with {exc.code}"
    gateway.song = gateway.song or music
    longest = max((track.duration or 0.0 for track in music.tracks), default=0.0)
    return "about 20 s" if longest <= 40 else "minutes"


async def _price_of_timed_lyrics(gateway: Gateway) -> str:
    song = await gateway.a_song()
    before = await gateway.balance()
    await gateway.legacy.run(GetTimestampedLyrics(song.tracks[0]))
    return _cost(before, await gateway.balance())


async def _price_of_stems(gateway: Gateway) -> str:
    song = await gateway.a_song()
    before = await gateway.balance()
    await gateway.legacy.run(SeparateStems(song.tracks[0]))
    return _cost(before, await gateway.balance())


async def _wav_twice(gateway: Gateway) -> str:
    track = (await gateway.a_song()).tracks[0]
    await gateway.legacy.run(ConvertToWav(track))
    body = {"taskId": track.task_id, "audioId": track.id, "callBackUrl": NOWHERE}
    return _told(await gateway.post(ConvertToWav.path, body))  # raw, since `submit` would follow the old task


QUESTIONS = (
    Question(
        "unknown-task-legacy",
        "What the legacy page says of an unknown task",
        "200, no data",
        0,
        _unknown_legacy,
    ),
    Question("unknown-task-jobs", "What recordInfo says of an unknown task", "422, no data", 0, _unknown_jobs),
    Question("outer-model", "Whether a Suno version passes as the outer model", "422, no data", 0, _outer_model),
    Question("made-up-wav", "Whether WAV checks the ids at once", "422, no data", 0.4, _made_up_wav),
    Question("lyrics-jobs", "Form of lyrics on the jobs API", "resultObject.lyricsData", 0.4, _lyrics_jobs),
    Question("style-jobs", "Form of a boosted style on the jobs API", "", 0.4, _style_jobs),
    Question("sounds-jobs", "Form of sounds on the jobs API", "", 2.5, _sounds_jobs),
    Question("v6-legacy", "Whether the legacy API accepts V6", "", SONG_PRICE, _v6_legacy),
    Question("no-duration", "Length of V6 on the jobs API without duration", "about 20 s", SONG_PRICE, _no_duration),
    Question("no-title", "Whether custom mode needs a title at KIE", "refused with 422", SONG_PRICE, _title),
    Question("cover-jobs", "Form of cover pictures on the jobs API", "", 0, _cover_jobs, True),
    Question("wav-twice", "Whether the refusal of a second WAV names the old task", "", 0.8, _wav_twice, True),
    Question("timed-lyrics-price", "What timed lyrics cost", "0.5 credits", 0.5, _price_of_timed_lyrics, True),
    Question("stems-price", "What a two-stem separation costs", "10 credits", 10, _price_of_stems, True),
    Question("stems-jobs", "Form of stems on the jobs API", "", 10, _stems_jobs, True),
)


def _told(reply: Any) -> str:
    """Code of an answer, and whether it has data."""
    try:
        said = msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"HTTP {reply.status}, no JSON"
    return f"{said.get('code', reply.status)}, {'data' if said.get('data') else 'no data'}"


def _cost(before: float, after: float) -> str:
    return f"{round(before - after, 3):g} credits"


async def _result_form(gateway: Gateway, request: Any) -> str:
    """Where the record of a task on the jobs API holds its result, as names from the outside in."""
    try:
        task = await gateway.jobs.submit(request)
        await task
    except ApiError as exc:
        return refusal(exc)
    except TaskFailed as exc:
        return f"failed with {exc.code}"
    data = _inside(task.last.raw, "data")
    result = _inside(data, "resultJson") or data
    if isinstance(result, str):
        try:
            result = msgspec.json.decode(result)
        except msgspec.DecodeError:
            return "text"
    return _names(result)


def _names(value: Any) -> str:
    """The names down to the first object with several, or list: `resultObject.lyricsData`."""
    path: list[str] = []
    while isinstance(value, dict):
        held: dict[str, Any] = cast(Any, value)
        if len(held) != 1:
            path.append("{" + ",".join(sorted(held)) + "}")
            break
        ((name, value),) = held.items()
        path.append(name)
    return ".".join(path) or type(cast(object, value)).__name__


def _inside(value: Any, name: str) -> Any:
    """What an object holds by a name; None if it is no object, or holds nothing."""
    return cast(Any, value).get(name) if isinstance(value, dict) else None


async def _ended(gateway: Gateway, client: Any, reply: Any) -> str:
    """Whether a raw submit of music was accepted, and how its task ended."""
    try:
        music = await gateway.task_of(client, reply, GenerateMusic)
    except ApiError as exc:
        return refusal(exc)
    except TaskFailed as exc:
        return f"failed with {exc.code}"
    gateway.song = gateway.song or music
    return "accepted and made"
