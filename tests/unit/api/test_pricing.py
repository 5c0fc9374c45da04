"""What jobs cost, and which failures give their credits back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from suno_async import (
    APIKLEY,
    KIE,
    KIE_JOBS,
    SUNOAPI,
    ConvertToWav,
    GenerateCover,
    GenerateLyrics,
    GenerateMusic,
    GenerateSounds,
    Job,
    JobRecord,
    RecoverAudio,
    ReplaceSection,
    Request,
    SeparateStems,
    Stage,
    Update,
    ValidateVoice,
)
from suno_async.api.pricing import PRICES, PRICES_AS_OF, STEM_PRICES, estimate, price_at, refunded

DOCUMENTED = Path(__file__).parents[3] / "docs" / "service.md"


def test_the_list_is_the_one_of_the_documentation() -> None:
    """Every price of the table in docs/service.md, of two reports the higher."""
    stated = DOCUMENTED.read_text().partition("### Price list")[2].partition("### ")[0]
    assert "September 2026" in stated
    assert PRICES_AS_OF == "2026-09"
    for operation, credits in {
        "generate, extend, upload-cover, upload-extend, add-instrumental, add-vocals, mashup": 12,
        "replace-section": PRICES[ReplaceSection],
        "sounds": PRICES[GenerateSounds],
        "two-stem separation": STEM_PRICES["separate_vocal"],
        "split into many stems": STEM_PRICES["split_stem"],
        "WAV, lyrics, boost style": PRICES[ConvertToWav],
        "cover, persona, MIDI": PRICES[GenerateCover],
    }.items():
        assert f"| {operation} | {credits:g} |" in stated
    assert STEM_PRICES["split_stem_advanced"] == 20


@pytest.mark.parametrize(
    ("job", "credits"),
    [
        (GenerateMusic(prompt="x"), 12),
        (GenerateLyrics(prompt="x"), 0.4),
        (SeparateStems(task_id="t", audio_id="a"), 10),
        (SeparateStems(task_id="t", audio_id="a", type="split_stem"), 50),
        (SeparateStems(task_id="t", audio_id="a", stem_name="Kick"), 20),
        (GenerateCover(task_id="t"), 0),
        (RecoverAudio(task_id="t"), None),
        (ValidateVoice(voice_url="https://x.example/a.mp3", vocal_start=0, vocal_end=9), None),
    ],
)
def test_an_estimate_is_what_the_list_says(job: Request[Any], credits: float | None) -> None:
    assert estimate(job, KIE) == estimate(job, KIE_JOBS) == credits
    assert estimate(job, msgspec.structs.replace(KIE, api="https://mirror.example")) == credits


@pytest.mark.parametrize("gateway", [SUNOAPI, APIKLEY])
def test_no_price_is_known_where_there_is_no_list(gateway: Any) -> None:
    assert estimate(GenerateMusic(prompt="x"), gateway) is None


def test_the_price_of_an_unknown_separation_is_not_known() -> None:
    assert price_at("kie", SeparateStems) is None
    assert price_at("kie", GenerateMusic) == 12


def test_a_class_of_ones_own_has_the_price_of_its_path() -> None:
    class Same(GenerateMusic, frozen=True, kw_only=True):
        """The same endpoint."""

    class Other(GenerateMusic, frozen=True, kw_only=True):
        """Another one."""

        path = "/api/v1/tomorrow"

    assert estimate(Same(prompt="x"), KIE) == 12
    assert estimate(Other(prompt="x"), KIE) is None


def failed(record: JobRecord | None = None, **said: Any) -> Update[Any]:
    return Update[Any](task_id="t1", stage=Stage.FAILED, **said).came_from(b"", record)


@pytest.mark.parametrize(
    ("kind", "update", "back"),
    [
        (GenerateMusic, failed(status="GENERATE_AUDIO_FAILED"), True),
        (GenerateMusic, failed(status="error", code=501), True),
        (GenerateMusic, failed(status="fail", record=JobRecord(credits_consumed=0)), True),
        (GenerateMusic, failed(status="fail", record=JobRecord(credits_consumed=12)), False),
        (GenerateMusic, failed(status="fail", record=JobRecord()), True),
        (GenerateMusic, failed(status="SUCCESS"), None),  # without files: our conclusion
        (GenerateMusic, failed(status="CALLBACK_EXCEPTION"), None),
        (ConvertToWav, failed(status="GENERATE_WAV_FAILED", code=500), None),
        (ConvertToWav, failed(status="error", code=531), True),
    ],
)
def test_a_failure_is_refunded_where_the_service_or_its_pages_say_so(
    kind: type[Job[Any]], update: Update[Any], back: bool | None
) -> None:
    assert refunded(kind, update) is back
