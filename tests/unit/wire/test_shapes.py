"""Forms of bodies: values at a path, names of callbacks, nulls."""

from typing import Any

import pytest
from msgspec import Struct, ValidationError, convert, field, structs

from suno_async.wire.shapes import UNREADABLE, as_in_callbacks, at, without_nulls


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"data": {"id": "x"}}', "x"),
        (b'{"data": {"id": 7}}', None),
        (b'{"data": {"id": null}}', None),
        (b'{"data": {}}', None),
        (b'{"data": null}', None),
        (b"{}", None),
    ],
)
def test_a_value_at_a_path_may_be_missing_anywhere(body: bytes, value: str | None) -> None:
    read = at(("data", "id"), str)
    if b"7" in body:
        with pytest.raises(ValidationError):
            read(body)
    else:
        assert read(body) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": {"id": "\xff"}}', b'{"data": "x"}'])
def test_what_cannot_be_read_raises_one_of_three(body: bytes) -> None:
    with pytest.raises(UNREADABLE):
        at(("data", "id"), str)(body)


class Part(Struct, rename="camel"):
    file_url: str = ""
    odd: str = field(default="", name="theirOwn")


class Whole(Struct, rename="camel"):
    all_parts: tuple[Part, ...] = ()
    main_part: Part | None = None
    callback_names = {"main_part": "mainPart"}


def test_callbacks_use_snake_case_but_for_odd_names() -> None:
    """At any depth; what was read becomes the original again."""
    form = as_in_callbacks(Whole)
    names = {one.name: one.encode_name for one in structs.fields(form)}
    assert names == {"all_parts": "all_parts", "main_part": "mainPart"}
    body: Any = {"all_parts": [{"file_url": "u", "theirOwn": "x"}], "mainPart": {"file_url": "v"}}
    read = convert(convert(body, form), Whole, from_attributes=True)
    assert read == Whole(all_parts=(Part(file_url="u", odd="x"),), main_part=Part(file_url="v"))


def test_nulls_are_left_out_at_any_depth() -> None:
    assert without_nulls({"a": None, "b": [None, {"c": None, "d": 0}], "e": ""}) == {"b": [{"d": 0}], "e": ""}
