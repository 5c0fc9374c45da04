"""Requests that the pages of a gateway refuse, and those that some page accepts."""

from typing import Any

import aiohttp
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    KIE_LEGACY,
    SUNOAPI,
    BoostStyle,
    ExtendMusic,
    GenerateLyrics,
    GenerateMusic,
    GeneratePersona,
    GenerateSounds,
    Provider,
    ReplaceSection,
    SeparateStems,
    UploadExtend,
)
from suno_async.api import providers
from suno_async.emulator import Emulator

from .support import URL, answered

pytestmark = pytest.mark.usefixtures("threads")

CALLED = {"callBackUrl": "https://me.invalid/cb"}
SONG = {"prompt": "rain", "customMode": False, "instrumental": False, "model": "V5"} | CALLED
OWN = SONG | {"customMode": True, "style": "pop", "title": "La"}
MORE = {"uploadUrl": URL, "defaultParamFlag": False, "continueAt": 5, "prompt": "go on", "model": "V5"} | CALLED
EXTENDED = {"audioId": "a", "defaultParamFlag": True, "continueAt": 5, "prompt": "on", "style": "pop", "title": "La"}
SECTION = {"prompt": "l", "tags": "p", "title": "t", "infillStartS": 10, "infillEndS": 20, "fullLyrics": "l"} | CALLED
OF_TRACK = {"taskId": "t", "audioId": "a"}


def jobs(operation: str, **given: Any) -> dict[str, Any]:
    return {"model": f"{providers.PREFIX}{operation}", "input": given}


@pytest.mark.parametrize(
    ("provider", "path", "body", "says"),
    [
        # models: those that some page of the gateway lists
        (KIE, GenerateMusic.path, SONG | {"model": "V7"}, "model V7 is not supported"),
        (KIE, GenerateMusic.path, SONG | {"model": "V3_5"}, "model V3_5 is not supported"),
        (KIE, GenerateMusic.path, SONG | {"model": "v5"}, "model v5 is not supported"),
        (KIE_LEGACY, GenerateMusic.path, SONG | {"model": "V6"}, ""),
        (KIE_JOBS, GenerateMusic.path, SONG | {"model": "V7"}, "model V7 is not supported"),
        (SUNOAPI, GenerateMusic.path, SONG | {"model": "V6_MINI"}, ""),
        (APIKLEY, GenerateMusic.path, SONG | {"model": "V6"}, "model V6 is not supported"),
        (KIE, GenerateSounds.path, {"prompt": "a door", "model": "V4"} | CALLED, "model V4 is not supported"),
        (KIE, GenerateSounds.path, {"prompt": "a door"} | CALLED, ""),
        (SUNOAPI, GenerateSounds.path, {"prompt": "a door"} | CALLED, "model cannot be null"),
        (KIE_JOBS, providers.CREATE, jobs("sounds", prompt="a door", model="V4_5"), "model V4_5 is not supported"),
        # texts that are empty, or missing where a page requires them
        (KIE, GenerateMusic.path, SONG | {"prompt": ""}, "prompt cannot be null"),
        (KIE, GenerateMusic.path, SONG | {"prompt": " \n"}, "prompt cannot be null"),
        (SUNOAPI, GenerateMusic.path, SONG | {"prompt": "", "model": "V6"}, "prompt cannot be null"),
        (SUNOAPI, GenerateMusic.path, SONG | {"prompt": "", "style": "pop", "model": "V6"}, ""),
        (SUNOAPI, GenerateMusic.path, OWN | {"prompt": ""}, "prompt cannot be null"),
        (SUNOAPI, GenerateMusic.path, OWN | {"prompt": "", "instrumental": True}, ""),
        (SUNOAPI, GenerateMusic.path, OWN | {"style": ""}, "style cannot be null"),
        (SUNOAPI, GenerateMusic.path, SONG | {"style": "", "title": ""}, ""),
        (KIE, GenerateLyrics.path, {"prompt": ""} | CALLED, "prompt cannot be null"),
        (KIE, BoostStyle.path, {"content": ""}, "content cannot be null"),
        (
            *(KIE_JOBS, providers.CREATE),
            *(jobs("generate", custom_mode=True, instrumental=True, model="V6", style="pop"), "title cannot be null"),
        ),
        (KIE, ExtendMusic.path, EXTENDED | CALLED | {"model": "V5"}, ""),
        (KIE, ExtendMusic.path, EXTENDED | CALLED | {"model": "V5", "title": ""}, "title cannot be null"),
        # what one page requires and another does not
        (KIE, UploadExtend.path, MORE, ""),
        (SUNOAPI, UploadExtend.path, MORE, ""),
        (APIKLEY, UploadExtend.path, MORE, ""),
        (KIE, UploadExtend.path, MORE | {"instrumental": True}, ""),
        (KIE, UploadExtend.path, MORE | {"continueAt": None}, "continueAt cannot be null"),
        (KIE, UploadExtend.path, MORE | {"defaultParamFlag": True}, ""),  # without style and title, as was seen
        (KIE_JOBS, providers.CREATE, jobs("upload-and-extend-audio", upload_url=URL, model="V6"), ""),
        (KIE_JOBS, providers.CREATE, jobs("extend", audio_id="a", model="V6"), ""),
        # sections
        (KIE, ReplaceSection.path, SECTION | OF_TRACK | {"infillEndS": 15}, "the section must have at least 6 seconds"),
        (KIE, ReplaceSection.path, SECTION | {"uploadUrl": URL}, "model cannot be null"),
        (KIE, ReplaceSection.path, SECTION | {"taskId": "t"}, "audioId cannot be null"),
        (
            *(KIE, ReplaceSection.path, SECTION | OF_TRACK | {"uploadUrl": URL, "model": "V5"}),
            "uploadUrl cannot be given with taskId and audioId",
        ),
        (
            *(KIE, GeneratePersona.path, OF_TRACK | {"name": "n", "description": "d", "vocalStart": 25}),
            "the vocal section must have 10 to 30 seconds",
        ),
        (KIE, SeparateStems.path, OF_TRACK | {"type": "split_stem_advanced"} | CALLED, "stemName cannot be null"),
    ],
)
async def test_requests_are_refused_as_the_pages_say(provider: Provider, path: str, body: Any, says: str) -> None:
    async with Emulator(provider=provider) as emulator:
        status, answer = await answered(emulator, path, {name: value for name, value in body.items() if value != ()})
        assert (status, answer["msg"]) == (200, says or "success")
        assert answer["code"] == (422 if says else 200)
        assert len(emulator.runs) == (not says)
        assert (emulator.credits < 1000) is not bool(says)


@pytest.mark.parametrize(("provider", "code"), [(KIE, 422), (SUNOAPI, 413), (APIKLEY, 422)])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (OWN | {"prompt": "x" * 5001}, "prompt must have at most 5000 characters with V5"),
        (OWN | {"style": "x" * 1001}, "style must have at most 1000 characters with V5"),
        (OWN | {"model": "V4", "title": "x" * 81}, "title must have at most 80 characters with V4"),
        (SONG | {"prompt": "雨" * 3001}, "prompt must have at most 3000 characters with V5"),
        (SONG | {"prompt": "雨" * 3000}, ""),
    ],
)
async def test_texts_that_are_too_long_are_refused(provider: Provider, code: int, given: Any, says: str) -> None:
    """By the code that the gateway's table has for it."""
    async with Emulator(provider=provider) as emulator:
        _, answer = await answered(emulator, GenerateMusic.path, given)
        assert (answer["code"], answer["msg"]) == ((code, says) if says else (200, "success"))


@pytest.mark.parametrize("provider", [KIE, SUNOAPI], ids=lambda provider: provider.name)
async def test_the_limits_can_be_lifted(provider: Provider) -> None:
    async with Emulator(provider=provider, rate_limits=False) as emulator:
        submits = [await answered(emulator, GenerateMusic.path, SONG) for _ in range(50)]
        assert {(status, body["code"]) for status, body in submits} == {(200, 200)}
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        async with aiohttp.ClientSession(emulator.url, headers=key) as session:
            for _ in range(10):
                async with session.get(GenerateMusic.details, params={"taskId": next(iter(emulator.runs))}) as polled:
                    assert (polled.status, (await polled.json())["code"]) == (200, 200)
