"""Descriptions of fields: where they are read from, and types without limits."""

from os import PathLike
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from suno_async.api.descriptions import field_descriptions, plain_type, summary
from suno_async.api.fields import Media, Weight

Label = Annotated[str, Meta(description="A label.")]


class Base(Struct, kw_only=True):
    """A base.

    Args:
        first: Of the base.
        second: Of the base, in
            two lines: the second.

    Text after the section.
    """

    first: int = 0
    second: int = 0
    third: Label | None = None
    fourth: Label = ""


class Derived(Base, kw_only=True):
    """A derived class.

    With a second paragraph.

    Args:
        first: Of the derived class.
        fourth: Not the type's.

    Source: https://docs.example/derived
    """

    fifth: int = 0


def test_the_nearest_description_counts() -> None:
    """The class's own, that of a base, then that of the type; none is empty."""
    assert field_descriptions(Derived) == {
        "first": "Of the derived class.",
        "second": "Of the base, in two lines: the second.",
        "third": "A label.",
        "fourth": "Not the type's.",
        "fifth": "",
    }
    assert field_descriptions(Base)["fourth"] == "A label."


def test_a_summary_leaves_the_sections_out() -> None:
    assert summary(Derived) == ("A derived class.\n\nWith a second paragraph.", "Source: https://docs.example/derived")
    assert summary(Base) == ("A base.\n\nText after the section.", "")


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (Weight, float),
        (Weight | None, float | None),
        (tuple[Label, ...] | None, tuple[str, ...] | None),
        (Literal["a", "b"] | None, Literal["a", "b"] | None),
        (Media, str | PathLike[str]),
        (tuple[Media, ...], tuple[str | PathLike[str], ...]),
        (Any, Any),
        (Base | None, Base | None),
    ],
)
def test_a_plain_type_has_no_limits(kind: Any, plain: Any) -> None:
    assert plain_type(kind) == plain
