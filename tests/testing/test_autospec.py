"""`create_autospec(SunoClient)`: a mock that refuses what the client would refuse."""

import inspect
from typing import Any
from unittest.mock import create_autospec

import pytest

from suno_async import SunoClient, Task
from suno_async.api.requests import TABLE
from suno_async.testing import make_music

from ..doubles import method_of


@pytest.fixture
def suno() -> Any:
    return create_autospec(SunoClient, instance=True)


async def test_a_method_gives_what_it_was_told_to(suno: Any) -> None:
    music = make_music()
    suno.generate_music.return_value = Task.resolved(music)
    assert await (await suno.generate_music(prompt="rain")) is music
    suno.generate_music.assert_awaited_once_with(prompt="rain")


def test_a_misspelt_method_is_refused(suno: Any) -> None:
    with pytest.raises(AttributeError, match="generate_musik"):
        suno.generate_musik  # noqa: B018


@pytest.mark.parametrize("kind", TABLE)
def test_a_misspelt_field_is_refused_by_every_method(suno: Any, kind: type[Any]) -> None:
    method = getattr(suno, method_of(kind))
    assert inspect.iscoroutinefunction(method)
    with pytest.raises(TypeError, match=r"promt|missing"):
        method(promt="rain")


def test_a_misspelt_option_is_refused() -> None:
    client: Any = create_autospec(SunoClient)
    with pytest.raises(TypeError, match="apikey"):
        client(apikey="k")
