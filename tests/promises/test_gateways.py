"""A client at different gateways."""

import asyncio
from typing import Any, cast

import msgspec
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    GenerateMusic,
    InvalidJob,
    Provider,
    ResponseLost,
    SunoClient,
)

from ..conftest import now
from ..doubles import Script, reply

URL = "https://e.example/a.mp3"


@pytest.mark.parametrize("provider", [KIE, KIE_JOBS, SUNOAPI, APIKLEY], ids=lambda provider: provider.name)
async def test_a_gateway_goes_by_its_name_and_by_the_environment(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNO_PROVIDER", provider.name)
    script = Script()
    async with SunoClient(api_key="k", transport=script) as named, SunoClient(api_key="k", provider=provider) as given:
        assert named.provider == given.provider == provider
        assert named.model == provider.model == ("V5" if provider is APIKLEY else "V6")
        await named.generate_music(prompt="x")
        assert script.sent[0][2].startswith(f"{provider.api}/")


async def test_an_own_gateway_is_a_changed_value() -> None:
    own = msgspec.structs.replace(KIE, name="mine", api="https://suno.example", model="V4_5")
    script = Script()
    async with SunoClient(api_key="k", provider=own, transport=script) as suno:
        await suno.generate_music(prompt="x")
    assert script.sent[0][2] == "https://suno.example/api/v1/generate"
    assert script.posted[0]["model"] == "V4_5"


async def test_validation_can_be_left_to_the_service() -> None:
    """What is wrong is sent as it is; only what no JSON can hold is not."""
    script = Script()
    async with SunoClient(api_key="k", transport=script, validate=False, provider="sunoapi") as suno:
        await suno.generate_music(prompt="x" * 9000, style_weight=7.0, model="V5")
        await suno.extend_music(instrumental=True)
        assert script.posted[0]["styleWeight"] == 7.0
        assert script.posted[1]["instrumental"] is True
        for odd in ({"prompt": object()}, {"prompt": "\ud800"}, {"prompt": {1: {2}}}, {"style": "x", "lyrics": 1j}):
            with pytest.raises(InvalidJob, match="must be JSON"):
                await suno.generate_music(**cast(Any, odd))
        assert len(script.posted) == 2


async def test_a_class_of_ones_own_is_an_endpoint() -> None:
    """What ships tomorrow can be used today: one class, no other line."""
    from suno_async import Job, Stage, Wav

    class ConvertToFlac(Job[Wav], frozen=True, kw_only=True):
        path = "/api/v1/flac/generate"
        details = "/api/v1/flac/record-info"
        result = Wav
        statuses = {"SUCCESS": Stage.COMPLETE}
        audio_id: str

    done = reply({"successFlag": "SUCCESS", "response": {"audioWavUrl": "https://f.example/a.flac"}})
    script = Script(done)
    async with SunoClient(api_key="k", transport=script) as suno:
        flac = await suno.run(ConvertToFlac(audio_id="a"))
    assert flac.audio_url == "https://f.example/a.flac"
    assert script.posted[0] == {"audioId": "a", "callBackUrl": "https://suno-async.invalid/callback"}
    assert GenerateMusic.path not in script.sent[0][2]


async def test_a_free_question_is_asked_again_when_its_answer_was_lost() -> None:
    script = Script(ResponseLost("gone"), reply(3.5))
    async with SunoClient(api_key="k", transport=script) as suno:
        assert await suno.get_credits() == 3.5


async def test_uploads_have_no_part_in_the_limit_of_submits() -> None:
    """Neither do they count, nor does a refusal of the upload host hold up a song."""
    file = reply({"downloadUrl": URL})
    script = Script(submits=[*[file] * 25, reply(None, code=429), reply({"taskId": "t1"}), file])
    async with SunoClient(api_key="k", transport=script) as suno:
        for _ in range(25):
            await suno.upload(b"abc")
        assert now() == 0
        refused = asyncio.create_task(suno.upload(b"abc"))
        while len(script.sent) < 26:
            await asyncio.sleep(0)
        await suno.generate_music(prompt="x")
        await refused
    times = {at for at, _, url, _ in script.sent if url.endswith("/api/v1/generate")}
    assert times == {0}
