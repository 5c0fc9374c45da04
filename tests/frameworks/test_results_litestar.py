"""Results, updates and outcomes as answers of Litestar, and requests as its bodies."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, get, post
from litestar.params import JSONBody
from litestar.testing import TestClient

from suno_async import GenerateMusic, Music, Outcome, Stage, Stems, Track, Update
from suno_async.litestar import SunoPlugin

from .test_results import MUSIC, OUTCOMES, SECRET, STEMS, TRACK, UPDATE, music


@get("/music", sync_to_thread=False)
def get_music() -> Music:
    return music()


@get("/tracks", sync_to_thread=False)
def get_tracks() -> list[Track]:
    return list(music().tracks)


@get("/maybe", sync_to_thread=False)
def get_maybe() -> Music | None:
    return music()


@get("/update", sync_to_thread=False)
def get_update() -> Update[Music]:
    return UPDATE


@get("/outcomes", sync_to_thread=False)
def get_outcomes() -> list[Outcome[Music]]:
    return OUTCOMES


@get("/stems", sync_to_thread=False)
def get_stems() -> Stems:
    return STEMS


@post("/jobs", sync_to_thread=False)
def post_job(data: JSONBody[GenerateMusic]) -> dict[str, Any]:
    return {"prompt": data.prompt, "custom_mode": data.custom_mode}


ROUTES: list[Any] = [get_music, get_tracks, get_maybe, get_update, get_outcomes, get_stems, post_job]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(ROUTES, plugins=[SunoPlugin()], logging_config=None)
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/music", MUSIC),
        ("/tracks", [TRACK]),
        ("/maybe", MUSIC),
        ("/update", UPDATE.to_dict()),
        ("/outcomes", [one.to_dict() for one in OUTCOMES]),
        ("/stems", STEMS.to_dict()),
    ],
)
def test_a_result_is_returned_as_it_is(client: TestClient[Litestar], path: str, answer: Any) -> None:
    answered = client.get(path)
    assert answered.json() == answer
    assert SECRET not in answered.text


@pytest.mark.parametrize("path", ["/music", "/tracks", "/maybe", "/update", "/outcomes", "/stems"])
def test_without_the_plugin_no_body_goes_out(path: str) -> None:
    """Litestar writes structs itself then; what it cannot write is an error of the server."""
    with TestClient(Litestar(ROUTES, logging_config=None), raise_server_exceptions=False) as client:
        answered = client.get(path)
    assert answered.status_code == (500 if path == "/outcomes" else 200)  # exceptions are no structs
    assert SECRET not in answered.text
    assert base64.b64encode(UPDATE.body[:30]).decode() not in answered.text


def test_openapi_shows_the_fields(client: TestClient[Litestar]) -> None:
    schemas = client.get("/schema/openapi.json").json()["components"]["schemas"]
    properties = {name: set(schema.get("properties", ())) for name, schema in schemas.items()}
    assert set(Track.__struct_fields__) in properties.values()
    assert set(UPDATE.to_dict()) in properties.values()
    assert set(OUTCOMES[0].to_dict()) in properties.values()
    assert json.dumps([stage.name for stage in Stage]) in json.dumps(schemas)


def test_a_request_is_read_from_a_body(client: TestClient[Litestar]) -> None:
    read = client.post("/jobs", json={"prompt": "rain", "custom_mode": True})
    assert read.json() == {"prompt": "rain", "custom_mode": True}
    assert client.post("/jobs", json={"promt": "rain"}).status_code == 400
    assert client.post("/jobs", json={"style_weight": 3}).status_code == 400
