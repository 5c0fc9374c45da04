"""Settings of a client that cannot be used, and jobs that are refused, send nothing."""

from pathlib import PurePosixPath
from typing import Any

import pytest

from suno_async import (
    ConfigurationError,
    GenerateMusic,
    InvalidJob,
    SunoClient,
    TaskNotFound,
    Unauthorized,
)

from ..doubles import Script, reply


async def test_nothing_is_sent_for_a_bad_job() -> None:
    network = Script()
    async with SunoClient(api_key="k", transport=network) as suno:
        with pytest.raises(InvalidJob):
            await suno.generate_music(prompt="")
        with pytest.raises(InvalidJob):
            await suno.boost_style(content=" ")
    assert network.sent == []


@pytest.mark.parametrize("key", ["", "  ", None])
def test_a_missing_key_names_the_variable(key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUNO_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="SUNO_API_KEY"):
        SunoClient(api_key=key)


@pytest.mark.parametrize("key", ["Bearer k-1", "bearer  k-1", "Authorization: Bearer k-1", "Bearer", "Bearer:k-1"])
def test_bearer_in_front_of_the_key_is_named_with_the_place_it_came_from(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="api_key must be the key alone, without the word Bearer") as caught:
        SunoClient(api_key=key)
    assert "k-1" not in str(caught.value)
    monkeypatch.setenv("SUNO_API_KEY", key)
    with pytest.raises(ConfigurationError, match="SUNO_API_KEY must be the key alone"):
        SunoClient()


async def test_a_wrong_key_names_the_gateway_and_the_variable() -> None:
    network = Script(submits=[reply(code=401)])
    async with SunoClient(api_key="secret-key", provider="sunoapi", transport=network) as suno:
        with pytest.raises(Unauthorized) as caught:
            await suno.generate_music(prompt="rain")
    said = str(caught.value)
    assert "sunoapi refused the key: check api_key= or SUNO_API_KEY" in said
    assert "SUNO_PROVIDER" in said
    assert "secret-key" not in said


async def test_an_unknown_task_id_is_logged_at_the_first_poll(caplog: pytest.LogCaptureFixture) -> None:
    async with SunoClient(api_key="k", transport=Script(reply(None))) as suno:
        with pytest.raises(TaskNotFound):
            await suno.attach(GenerateMusic, "no-such-task")
    warned = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert warned == ["task no-such-task is not known to the service, or not yet: it is asked again"]


def test_a_key_that_cannot_be_one_is_not_shown() -> None:
    for key in ("sécret", "two words", "line\nbreak"):
        with pytest.raises(ConfigurationError, match="api_key must be printable ASCII") as caught:
            SunoClient(api_key=key)
        assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"provider": "suno"},
            "provider must be one of kie, kie-jobs, kie-legacy, sunoapi, apikley or a Provider, got 'suno'",
        ),
        ({"base_url": "api.kie.ai"}, "base_url must be an http(s) address, got 'api.kie.ai'"),
        ({"callback_url": "/suno"}, "callback_url must be an http(s) address, got '/suno'"),
        (
            {"store": PurePosixPath("songs.db")},
            "store must be sqlite:///path, redis://…, postgresql://…, memory: or a Store,"
            " got PurePosixPath('songs.db')",
        ),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        SunoClient(api_key="k", **settings)
    assert str(caught.value) == says


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUNO_API_KEY", " k \n")
    monkeypatch.setenv("SUNO_PROVIDER", "sunoapi")
    assert SunoClient().provider.name == "sunoapi"


@pytest.mark.parametrize("setting", ["base_url", "callback_url"])
@pytest.mark.parametrize("value", ["http://[x", "http://x\uff0fy.com/"])
def test_an_address_that_is_none_is_a_configuration_error(setting: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        SunoClient(api_key="k", **{setting: value})  # type: ignore[arg-type]
