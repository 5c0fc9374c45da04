"""Results, updates and outcomes as answers of FastAPI and in models of pydantic, and requests as their bodies."""

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pydantic
import pydantic_core
import pytest
from fastapi import Body, FastAPI
from fastapi.encoders import jsonable_encoder

from suno_async import (
    KIE,
    KIE_JOBS,
    DecodeError,
    Failure,
    GenerateMusic,
    Lyrics,
    Music,
    Outcome,
    Reply,
    SeparateStems,
    Source,
    Stage,
    Stem,
    Stems,
    SubmissionUncertain,
    Success,
    SunoClient,
    Track,
    Update,
)
from suno_async.api.requests import TABLE
from suno_async.api.results import Result
from suno_async.wire import details

SECRET = "token-in-our-address"
PAGE = json.dumps(
    {
        "code": 200,
        "data": {
            "status": "SUCCESS",
            "taskId": "t1",
            "param": json.dumps({"callBackUrl": f"https://bot.example/suno?suno={SECRET}"}),
            "response": {"sunoData": [{"id": "a", "audioUrl": "https://f.example/a.mp3", "createTime": 1}]},
        },
    }
).encode()
UPDATE: Update[Music] = details.update(Reply(200, PAGE), GenerateMusic, KIE, "t1", "V5")
STEMS = Stems(origin_data=(Stem(extract=Stem(id="1"), remove=Stem(id="2")),))


def music() -> Music:
    assert UPDATE.result is not None
    return UPDATE.result


JOB = GenerateMusic(prompt="rain")
OUTCOMES: list[Outcome[Music]] = [
    Success(JOB, SunoClient(api_key="k").attach(GenerateMusic, "t1"), music(), 12.0),
    Failure(JOB, None, SubmissionUncertain("r1", JOB)),
    Failure(JOB, None, DecodeError(f"/path: odd in {PAGE[:300]!r}")),
    Failure(JOB, None, OSError(SECRET)),
]
app = FastAPI()


@app.get("/music")
async def get_music() -> Music:
    return music()


@app.get("/bare")
async def get_bare() -> Any:
    return music()


@app.get("/tracks")
async def get_tracks() -> list[Track]:
    return list(music().tracks)


@app.get("/update")
async def get_update() -> Update[Music]:
    return UPDATE


@app.get("/outcomes")
async def get_outcomes() -> list[Outcome[Music]]:
    return OUTCOMES


@app.get("/stems")
async def get_stems() -> Stems | None:
    return STEMS


@app.get("/together", response_model=None)
async def get_together() -> Any:
    return {"update": UPDATE, "outcomes": OUTCOMES, "stems": STEMS}


@app.post("/music")
async def post_music(job: GenerateMusic = Body()) -> dict[str, Any]:  # noqa: B008  FastAPI's way
    return {"kind": type(job).__name__, "prompt": job.prompt, "urls": isinstance(job.image_urls, tuple)}


async def asked(method: str, path: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        answer = await client.request(method, path, **more)
        assert SECRET not in answer.text
        return answer


TRACK = {**dict.fromkeys(Track.__struct_fields__), "task_id": "t1", "id": "a", "model": "V5", "created": 1} | {
    "audio_url": "https://f.example/a.mp3"
}
MUSIC = {"task_id": "t1", "tracks": [TRACK]}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/music", MUSIC),
        ("/bare", MUSIC),
        ("/tracks", [TRACK]),
        (
            "/update",
            {"task_id": "t1", "stage": "COMPLETE", "result": MUSIC, "status": "SUCCESS", "code": None, "message": ""}
            | {"source": "poll"},
        ),
        ("/stems", STEMS.to_dict()),
    ],
)
async def test_a_result_is_returned_as_it_is(path: str, answer: Any) -> None:
    """With our names, without the body it was read from, whether the function is annotated or not."""
    assert (await asked("GET", path)).json() == answer


async def test_an_outcome_says_what_became_of_its_job() -> None:
    """An error is told by its name; its message only where that quotes no body."""
    answered = (await asked("GET", "/outcomes")).json()
    assert [one["kind"] for one in answered] == ["GenerateMusic"] * 4
    assert answered[0]["result"] == MUSIC
    assert answered[0]["job"]["prompt"] == "rain"
    assert [one["error"] for one in answered] == [
        None,
        {
            "type": "SubmissionUncertain",
            "message": "GenerateMusic (ref r1) was sent but the answer was lost; it may have been charged",
        },
        {"type": "DecodeError", "message": "An answer that is JSON, but of a shape we do not know."},
        {"type": "OSError", "message": ""},
    ]


async def test_everything_at_once_without_annotations() -> None:
    answered = (await asked("GET", "/together")).json()
    assert answered["update"]["result"] == MUSIC
    assert answered["outcomes"][0]["result"] == MUSIC
    assert answered["stems"]["origin_data"][0]["extract"]["id"] == "1"


async def test_openapi_shows_the_fields() -> None:
    schemas = (await asked("GET", "/openapi.json")).json()["components"]["schemas"]
    assert {"Music", "Track", "Stems", "Stem", "Update_Music_", "GenerateMusic"} <= set(schemas)
    assert set(schemas["Track"]["properties"]) == set(Track.__struct_fields__)
    assert schemas["Music"]["properties"]["tracks"]["items"] == {"$ref": "#/components/schemas/Track"}
    assert schemas["Update_Music_"]["properties"]["stage"]["enum"] == [stage.name for stage in Stage]
    assert not {"body", "record"} & set(schemas["Update_Music_"]["properties"])
    for outcome in ("Success_Music_", "Failure_Music_"):
        assert set(schemas[outcome]["properties"]) == set(OUTCOMES[0].to_dict())
    asked_for = schemas["GenerateMusic"]
    assert asked_for["additionalProperties"] is False
    assert asked_for["properties"]["custom_mode"]["description"].startswith("Whether `style`")


async def test_a_request_is_read_from_a_body() -> None:
    """With our names; a misspelt one is refused, and so is a value beyond a limit."""
    sent = {"prompt": "rain", "custom_mode": False, "image_urls": ["https://e.example/a.png"]}
    assert (await asked("POST", "/music", json=sent)).json() == {
        "kind": "GenerateMusic",
        "prompt": "rain",
        "urls": True,
    }
    for wrong in ({"promt": "rain"}, {"customMode": True}, {"style_weight": 3}, {"prompt": ""}):
        assert (await asked("POST", "/music", json=wrong)).status_code == 422, wrong


class Kept(pydantic.BaseModel):
    """What an application keeps."""

    music: Music
    update: Update[Music]
    job: GenerateMusic
    stems: SeparateStems
    lyrics: Lyrics | None = None


def test_models_of_pydantic_take_them_and_read_them_again() -> None:
    kept = Kept(music=music(), update=UPDATE, job=JOB, stems=SeparateStems(music().tracks[0]))
    assert kept.music is UPDATE.result
    written = kept.model_dump_json()
    assert SECRET not in written
    again = Kept.model_validate_json(written)
    assert (again.music, again.job, again.stems) == (kept.music, kept.job, kept.stems)
    assert (again.update.stage, again.update.source, again.update.result) == (Stage.COMPLETE, Source.POLL, music())
    with pytest.raises(pydantic.ValidationError, match="promt"):
        pydantic.TypeAdapter(GenerateMusic).validate_python({"promt": "x"})


def results() -> list[type[Result]]:
    found = {kind.result for kind in TABLE if issubclass(kind.result, Result)}
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", [*TABLE, *results()], ids=lambda kind: str(kind.__name__))
def test_every_class_has_a_schema_and_every_result_is_plain(kind: type[Any]) -> None:
    for mode in ("validation", "serialization"):
        schema = pydantic.TypeAdapter(kind).json_schema(mode=mode)
        assert "result_urls" not in json.dumps(schema)
    if issubclass(kind, Result):
        assert json.loads(json.dumps(kind().to_dict())) == kind().to_dict()


ENCODERS: list[Callable[[Any], Any]] = [
    vars,
    repr,
    msgspec.to_builtins,
    msgspec.json.encode,
    msgspec.msgpack.encode,
    msgspec.structs.asdict,
    msgspec.structs.astuple,
    jsonable_encoder,
    pydantic_core.to_json,
    pydantic.TypeAdapter(Any).dump_python,
    pickle.dumps,
]


@pytest.mark.parametrize("encode", [*ENCODERS, Music.to_dict])
def test_nobody_sees_the_body(encode: Callable[[Any], Any]) -> None:
    assert music().raw["sunoData"]  # it is still there for those who ask
    assert SECRET not in str(encode(music()))


@pytest.mark.parametrize("encode", [*ENCODERS, Update[Any].to_dict])
def test_no_encoder_sees_the_body_of_an_update(encode: Callable[[Any], Any]) -> None:
    """Neither that of a page nor the record of the jobs API, which repeats the request with our callback address."""
    record = {"taskId": "t1", "state": "generating", "param": json.dumps({"callBackUrl": SECRET}), "resultJson": ""}
    body = json.dumps({"code": 200, "data": record}).encode()
    by_jobs: Update[Music] = details.update(Reply(200, body), GenerateMusic, KIE_JOBS, "t1", "V6")
    assert by_jobs.record is not None
    for update in (UPDATE, by_jobs):
        assert SECRET in json.dumps(update.raw)
        encoded = str(encode(update))
        assert SECRET not in encoded
        assert base64.b64encode(SECRET.encode())[:20].decode() not in encoded
        assert base64.b64encode(update.body[:30]).decode() not in encoded


def test_a_changed_update_keeps_its_body() -> None:
    changed = UPDATE.replaced(message="x")
    assert (changed.message, changed.body, changed.record) == ("x", PAGE, None)
