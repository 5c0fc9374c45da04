"""Requests to bytes: what each gateway is sent."""

from typing import Any

import msgspec

from suno_async import (
    KIE,
    KIE_LEGACY,
    SUNOAPI,
    AddInstrumental,
    AddVocals,
    ExtendMusic,
    GenerateMusic,
    GenerateSounds,
    GetCredits,
    Mashup,
    ReplaceSection,
    UploadCover,
    UploadExtend,
)
from suno_async.api import validation
from suno_async.api.requests import Request
from suno_async.wire import encoding


def payload(request: Request[Any], provider: Any = KIE_LEGACY) -> dict[str, Any]:
    validation.check(request)
    body: dict[str, Any] = msgspec.json.decode(encoding.encode(request, provider, "https://me.example/cb"))
    assert body.pop("callBackUrl") == "https://me.example/cb"
    return body


def test_what_was_not_given_is_not_sent() -> None:
    assert payload(GenerateMusic(prompt="idea", model="V5")) == {
        "prompt": "idea",
        "model": "V5",
        "instrumental": False,
        "customMode": False,
    }


def test_custom_mode_follows_from_style_title_or_lyrics_unless_given() -> None:
    for given in ({"style": "pop"}, {"title": "La", "prompt": "la"}, {"lyrics": "la"}):
        assert payload(GenerateMusic(model="V5", **given))["customMode"] is True  # type: ignore[arg-type]
    assert payload(GenerateMusic(model="V5", prompt="x", custom_mode=True))["customMode"] is True
    assert payload(GenerateMusic(model="V6", prompt="x", style="pop", custom_mode=False))["customMode"] is False


def test_lyrics_are_prompt_before_v6_and_lyrics_from_then_on() -> None:
    for model in ("V4", "V5_5"):
        body = payload(GenerateMusic(model=model, lyrics="la", style="pop"))
        assert (body["prompt"], "lyrics" in body) == ("la", False)
    for model in ("V6", "V6_MINI", "V7_UNHEARD_OF"):
        body = payload(GenerateMusic(model=model, lyrics="la", style="pop"), SUNOAPI)
        assert (body["lyrics"], "prompt" in body) == ("la", False)


def test_a_prompt_alone_is_also_the_style_with_v6() -> None:
    """The pages of that time refuse a prompt alone; sent together both readings are content
    (docs/service.md#generate-without-custom-mode).
    """
    assert payload(GenerateMusic(model="V6", prompt="x" * 2000))["style"] == "x" * 1000
    assert "style" not in payload(GenerateMusic(model="V6", prompt="x", image_urls=("https://e.example/1.png",)))
    assert "style" not in payload(GenerateMusic(model="V5", prompt="x"))


def test_odd_spellings() -> None:
    url = "https://e.example/a.mp3"
    body = payload(AddInstrumental(upload_url=url, title="La", style="pop", negative_tags="rock", model="V5"))
    assert (body["tags"], body["negativeTags"], body["uploadUrl"]) == ("pop", "rock", url)
    body = payload(AddVocals(upload_url=url, title="La", style="pop", negative_tags="", lyrics="la", model="V5"))
    assert (body["style"], body["negativeTags"], body["prompt"]) == ("pop", "", "la")
    body = payload(
        ReplaceSection(task_id="t", audio_id="a", style="pop", title="La", lyrics="la", start=10.126, end=30)
    )
    assert (body["tags"], body["infillStartS"], body["infillEndS"]) == ("pop", 10.13, 30)
    assert (body["prompt"], "lyrics" in body, "model" in body) == ("la", False, False)


def test_the_flag_of_the_extend_jobs_follows_too() -> None:
    assert payload(ExtendMusic(audio_id="a", model="V5")) == {"audioId": "a", "model": "V5", "defaultParamFlag": False}
    body = payload(ExtendMusic(audio_id="a", model="V6", style="pop", title="La", lyrics="la", continue_at=60))
    assert (body["defaultParamFlag"], body["prompt"], body["continueAt"]) == (True, "la", 60)
    body = payload(UploadExtend(upload_url="https://e.example/a.mp3", model="V5", continue_at=5, prompt="go on"))
    assert (body["defaultParamFlag"], body["instrumental"]) == (False, False)


def test_sunoapi_no_longer_knows_some_fields_with_v6() -> None:
    url = "https://e.example/a.mp3"
    cover = UploadCover(upload_url=url, style="pop", title="La", model="V6")
    assert payload(cover)["customMode"] is True
    assert "customMode" not in payload(cover, SUNOAPI)
    mashup = Mashup(upload_url_list=(url, url), style="pop", title="La", model="V6")
    assert {"customMode", "instrumental"}.isdisjoint(payload(mashup, SUNOAPI))
    older = Mashup(upload_url_list=(url, url), style="pop", title="La", model="V5")
    assert {"customMode", "instrumental"} <= payload(older, SUNOAPI).keys()


def test_any_key_is_left_out() -> None:
    assert "soundKey" not in payload(GenerateSounds(prompt="rain", sound_key="Any"))
    assert payload(GenerateSounds(prompt="rain", sound_key="F#m", sound_tempo=90))["soundKey"] == "F#m"


def test_the_credit_path_is_the_gateways() -> None:
    assert (KIE.path(GetCredits), SUNOAPI.path(GetCredits)) == ("/api/v1/chat/credit", "/api/v1/generate/credit")
