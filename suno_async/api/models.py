"""The models by name, with their limits."""

import enum
from typing import Self

from .limits import Limits

__all__ = ["Model", "before_v6", "is_v6", "limits_of"]


_V6 = Limits(
    title=80,
    idea_for_audio=None,
    negative_tags=1000,
    separate_lyrics=True,
    duration=True,
    voice=True,
    song_minutes=None,
)


class Model(enum.StrEnum):
    """The known models. Requests take other names, too, and send them unchecked.

    Source: https://docs.kie.ai/suno-api/generate-music
    """

    limits: Limits
    """What the model accepts."""

    def __new__(cls, name: str, limits: Limits = Limits()) -> Self:  # noqa: B008  a value
        model = str.__new__(cls, name)
        model._value_ = name
        model.limits = limits
        return model

    V6 = "V6", _V6
    V6_WILD = "V6_WILD", _V6
    V6_MINI = "V6_MINI", _V6
    V5_5 = "V5_5", Limits(duration=True, voice=True, song_minutes=None)
    V5 = "V5", Limits(voice=True)
    V4_5PLUS = "V4_5PLUS", Limits()
    V4_5ALL = "V4_5ALL", Limits(title=80, title_extended=80, upload_minutes=1)
    V4_5 = "V4_5", Limits()
    V4 = "V4", Limits(lyrics=3000, style=200, title=80, title_extended=80, song_minutes=4)


def limits_of(model: object) -> Limits | None:
    """Return the limits of a model; None for an unknown name."""
    return _LIMITS.get(model) if isinstance(model, str) else None


_LIMITS = {model.value: model.limits for model in Model}
"""A dozen times for each submit: `Model.__members__` takes four times as long."""


def before_v6(model: str | None) -> bool:
    """Return whether a model takes lyrics as `prompt`. Unknown names count as newer than V6."""
    limits = limits_of(model)
    return limits is not None and not limits.separate_lyrics


def is_v6(model: str | None) -> bool:
    """Return whether a model is known to be of the V6 family."""
    limits = limits_of(model)
    return limits is not None and limits.separate_lyrics
