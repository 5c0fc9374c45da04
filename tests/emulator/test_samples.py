"""Samples are values of their type, whatever the type."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from msgspec import Meta, Struct

from suno_async.emulator.samples import Sampler

from ..cases import every

SAMPLER = Sampler(
    lambda place, suffix: f"http://files/{place}{suffix}", lambda place: str(uuid.uuid5(uuid.NAMESPACE_URL, place))
)


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


class Node(Struct):
    """A type that refers to itself."""

    name: str
    left: "Node | None" = None
    children: "list[Node]" = []
    by_name: "dict[str, Node]" = {}


class Tagged(Struct, tag="tagged"):
    """One of a tagged union."""

    x: int


class Listed(Struct, array_like=True):
    """A struct that is a list in JSON."""

    x: int
    y: str


@dataclass
class Data:
    """A dataclass."""

    x: int


class Typed(TypedDict):
    """A typed dictionary."""

    x: int


class Named(NamedTuple):
    """A named tuple."""

    x: int
    y: str


KINDS: list[Any] = [
    *(bool, int, float, str, bytes, datetime, date, time, timedelta, Decimal, uuid.UUID, Colour, Any, None),
    *(int | None, str | None, Literal["a", "b"], Annotated[int, Meta(ge=5)], Annotated[float, Meta(gt=0, lt=1)]),
    *(Annotated[int, Meta(multiple_of=7)], Annotated[str, Meta(min_length=40)], Annotated[str, Meta(max_length=3)]),
    *(list[int], tuple[int, ...], tuple[int, str], set[int], frozenset[str], dict[str, int], Mapping[str, float]),
    *(Annotated[list[int], Meta(min_length=3)], Annotated[list[int], Meta(max_length=1)]),
    *(Node, Tagged, Tagged | None, Listed, Data, Typed, Named, list[Node]),
]


@every("kind", KINDS)
def test_a_sample_is_of_its_type(kind: Any) -> None:
    sample = SAMPLER.build(kind)
    msgspec.json.decode(msgspec.json.encode(sample), type=kind)


class Fields(Struct, rename="camel"):
    """Fields by their names."""

    task_id: str
    audio_url: str
    cover_image_url: str | None
    wav_url: str
    video_url: str
    title: str
    status: str
    tags: list[str]
    error_message: str | None = None


def test_text_is_chosen_by_the_name_of_its_field() -> None:
    found = msgspec.convert(SAMPLER.build(Fields), Fields)
    assert uuid.UUID(found.task_id)
    assert found.audio_url == "http://files/audio_url.mp3"
    assert found.cover_image_url == "http://files/cover_image_url.jpeg"
    assert (found.wav_url, found.video_url) == ("http://files/wav_url.wav", "http://files/video_url.mp4")
    assert (found.title, found.status, found.error_message) == ("Sample title", "success", None)
    assert found.tags == ["Sample tags"] * 2


def test_the_same_type_gives_the_same_sample() -> None:
    assert SAMPLER.build(Fields) == SAMPLER.build(Fields)


class Endless(Struct):
    """A type that no finite value has."""

    again: "Endless"


def test_a_type_without_finite_values_is_refused() -> None:
    with pytest.raises(ValueError, match="Endless contains itself"):
        SAMPLER.build(Endless)
