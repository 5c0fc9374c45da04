"""The baselines: a details page read by hand, with json and with pydantic."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class PydanticTrack(Camel):
    id: str
    audio_url: str | None = None
    source_audio_url: str | None = None
    stream_audio_url: str | None = None
    image_url: str | None = None
    prompt: str | None = None
    model_name: str | None = None
    title: str | None = None
    tags: str | None = None
    create_time: int | str | None = None
    duration: float | None = None


class PydanticResponse(Camel):
    suno_data: list[PydanticTrack] = []


class PydanticPage(Camel):
    task_id: str
    status: str
    response: PydanticResponse | None = None
    error_code: int | None = None
    error_message: str | None = None


class PydanticEnvelope(Camel):
    code: int
    msg: str | None = None
    data: PydanticPage | None = None


def by_json(body: bytes) -> list[dict[str, Any]] | None:
    """As the loops of today read it: a dict, the code, the status, the tracks."""
    page = json.loads(body)
    if page["code"] != 200:
        raise RuntimeError(page["msg"])
    data = page["data"]
    if data["status"] == "SUCCESS":
        tracks: list[dict[str, Any]] = data["response"]["sunoData"]
        return tracks
    return None


def by_pydantic(body: bytes) -> list[PydanticTrack] | None:
    page = PydanticEnvelope.model_validate_json(body)
    if page.code != 200:
        raise RuntimeError(page.msg)
    if page.data is not None and page.data.status == "SUCCESS" and page.data.response is not None:
        return page.data.response.suno_data
    return None
