"""An independent judge: what we send and what the emulator answers, held against the service's description."""

from pathlib import Path
from typing import Any, cast

import aiohttp
import anyio
import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]

from suno_async import (
    KIE,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    BoostStyle,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    GenerateSounds,
    Mashup,
    Provider,
    ReplaceSection,
    UploadCover,
    UploadExtend,
    wire,
)
from suno_async.emulator import Emulator, Fault
from suno_async.endpoints import TABLE, GetCredits, Job, Request

DOCUMENT: Any = yaml.safe_load((Path(__file__).parent / "data" / "suno.openapi.yaml").read_text())
URL = "https://e.example/a.mp3"

EVERYTHING: list[Request[Any]] = [
    GenerateMusic(prompt="rain", model="V5"),
    GenerateMusic(prompt="rain", model="V6"),
    GenerateMusic(
        lyrics="la", style="pop", title="La", negative_tags="rock", vocal_gender="f", persona_id="p",
        persona_model="voice_persona", duration=60, variety=2, style_weight=0.29, weirdness_constraint=0.57,
        audio_weight=1, model="V6",
    ),
    GenerateMusic(prompt="x", model="V6", image_urls=(URL,), video_urls=(URL,), audio_urls=(URL, URL)),
    ExtendMusic(audio_id="a", model="V5"),
    ExtendMusic(audio_id="a", model="V5", style="pop", title="La", lyrics="la", continue_at=60.5, negative_tags="x"),
    UploadCover(upload_url=URL, style="pop", title="La", lyrics="la", model="V6", instrumental=False, variety=0),
    UploadExtend(upload_url=URL, continue_at=5, prompt="go on", model="V5", vocal_gender="m"),
    AddInstrumental(upload_url=URL, title="La", style="pop", negative_tags="rock", model="V5", lyrics="la"),
    AddVocals(upload_url=URL, title="La", style="pop", negative_tags="rock", lyrics="la", model="V5"),
    Mashup(upload_url_list=(URL, URL), style="pop", title="La", model="V6", duration=30),
    ReplaceSection(task_id="t", audio_id="a", lyrics="la", style="pop", title="La", start=10, end=30, full_lyrics="l"),
    ReplaceSection(upload_url=URL, model="V6", lyrics="la", style="pop", title="La", start=0, end=20.555),
    GenerateSounds(prompt="rain", model="V5", sound_loop=True, sound_tempo=90, sound_key="F#m", grab_lyrics=True),
    GenerateLyrics(prompt="rain"),
    BoostStyle(content="pop"),
]  # fmt: skip


def close_enough(validator: Any, step: float, value: Any, schema: Any) -> Any:
    """`multipleOf: 0.01` is meant in decimals; in floats it would refuse 0.29 (NOTES §3)."""
    if abs(value / step - round(value / step)) > 1e-6:
        yield ValidationError(f"{value} is no multiple of {step}")


Judge = cast(Any, extend)(Draft202012Validator, {"multipleOf": close_enough})


def judge(value: Any, schema: dict[str, Any], *, closed: bool = False) -> None:
    whole = DOCUMENT | schema
    if closed:
        name = cast(str, schema["$ref"]).rpartition("/")[2]
        known = DOCUMENT["components"]["schemas"][name]["properties"]
        assert value.keys() <= known.keys()
    Judge(whole).validate(value)


def operation(kind: type[Request[Any]], provider: Provider) -> dict[str, Any]:
    return cast(dict[str, Any], DOCUMENT["paths"][provider.path(kind)][kind.method.lower()])


def example_of(kind: type[Request[Any]]) -> Request[Any]:
    return next(request for request in EVERYTHING if type(request) is kind)


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda p: p.name)
@pytest.mark.parametrize("request_", EVERYTHING, ids=lambda r: type(r).__name__)
def test_every_body_we_send_is_as_documented(request_: Request[Any], provider: Provider) -> None:
    wire.check(request_)
    body = msgspec.json.decode(wire.encode(request_, provider, URL if isinstance(request_, Job) else ""))
    schema = operation(type(request_), provider)["requestBody"]["content"]["application/json"]["schema"]
    judge(body, schema, closed=True)


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind is not GetCredits], ids=lambda k: k.__name__)
def test_every_documented_field_of_a_request_is_in_the_table(kind: type[Request[Any]]) -> None:
    name = operation(kind, KIE)["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | {"callBackUrl"}
    documented = set(DOCUMENT["components"]["schemas"][name]["properties"])
    assert documented - known == set()
    required = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    insisted = set(DOCUMENT["components"]["schemas"][name]["required"]) - {"callBackUrl"}
    assert insisted - {required[name] for name in kind.required} == set()


def test_every_documented_field_of_a_track_is_read() -> None:
    from suno_async import LyricsVariant, Track
    from suno_async.callbacks import as_called

    schemas = DOCUMENT["components"]["schemas"]
    for kind, name in ((Track, "MusicTrack"), (as_called(Track), "CallbackTrack")):
        assert schemas[name]["properties"].keys() <= {field.encode_name for field in msgspec.structs.fields(kind)}
    spelt = {
        field.encode_name
        for kind in (LyricsVariant, as_called(LyricsVariant))
        for field in msgspec.structs.fields(kind)
    }
    assert schemas["LyricsVariant"]["properties"].keys() <= spelt


def test_every_documented_status_word_has_a_meaning() -> None:
    for kind, family in ((GenerateMusic, "music"), (GenerateLyrics, "lyrics")):
        facts = DOCUMENT["x-task-kinds"][family]
        said = {*facts["pending"], *facts["partial"], *facts["success"], *facts["failure"]}
        assert said - {"CALLBACK_EXCEPTION"} <= kind.statuses.keys()
        assert facts["details"] == kind.details


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda p: p.name)
@pytest.mark.parametrize("kind", TABLE, ids=lambda k: k.__name__)
async def test_everything_the_emulator_answers_is_as_documented(provider: Provider, kind: type[Request[Any]]) -> None:
    """Acceptance, refusals, and the details page at every stage and end."""
    request = GetCredits() if kind is GetCredits else example_of(kind)
    body = wire.encode(request, provider, "https://me.invalid/cb") if request.method == "POST" else b""
    async with Emulator(provider=provider) as emulator, aiohttp.ClientSession(emulator.url) as session:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        path = provider.path(kind)
        async with session.request(kind.method, path, data=body) as answer:
            assert answer.status == 401
            judge(await answer.json(), {"$ref": "#/components/schemas/ErrorEnvelope"})
        answers = operation(kind, provider)["responses"]["200"]["content"]["application/json"]["schema"]
        for fault in (None, Fault.FAIL, Fault.REJECT, Fault.LATE_FILES, Fault.UNDELIVERED):
            emulator.next(fault)
            async with session.request(kind.method, path, data=body, headers=key) as answer:
                accepted = await answer.json()
                assert (answer.status, accepted["code"]) == (200, 200)
                judge(accepted, answers)
            if not issubclass(kind, Job):
                return
            page = DOCUMENT["paths"][kind.details]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            for _ in range(8):
                query = {"taskId": accepted["data"]["taskId"]}
                async with session.get(kind.details, params=query, headers=key) as answer:
                    judge(await answer.json(), page)
                emulator.advance(30)
                await anyio.sleep(1)


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda p: p.name)
@pytest.mark.parametrize("kind", [GenerateMusic, GenerateLyrics], ids=lambda k: k.__name__)
def test_every_callback_of_the_emulator_is_as_documented(kind: type[Job[Any]], provider: Provider) -> None:
    from suno_async import Stage
    from suno_async.emulator.families import Run

    run = Run("t1", kind, {"prompt": "rain"}, 0.0, "http://127.0.0.1:1/files")
    schema = operation(kind, provider)["callbacks"]["onResult"]["$ref"].rpartition("/")[2]
    for stage in (*run.marks, Stage.FAILED):
        body = {"code": 200, "msg": "x", "data": run.family.callback(run, stage, provider.name)}
        judge(body, {"$ref": f"#/components/schemas/{schema}"})
