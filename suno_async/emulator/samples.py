"""Plausible values of any type that msgspec can describe, as JSON values, made from the names of their fields."""

from collections.abc import Callable
from typing import Any, cast

from msgspec import inspect

__all__ = ["Sampler"]

IMAGES = ("image", "picture", "cover", "photo", "thumbnail")
VIDEOS = ("video", "mp4", "movie")
WORDS_OF_FAILURE = ("error", "fail")
TEXTS: dict[type[inspect.Type], str] = {
    inspect.DateTimeType: "2025-01-01T00:00:00Z",
    inspect.DateType: "2025-01-01",
    inspect.TimeType: "00:00:00Z",
    inspect.TimeDeltaType: "PT1S",
    inspect.DecimalType: "1",
    inspect.BytesType: "AAAA",
    inspect.ByteArrayType: "AAAA",
    inspect.MemoryViewType: "AAAA",
}


class Sampler:
    """Builds sample values.

    Args:
        link: Makes the URL of a file from a name and a suffix.
        id_of: Makes an id from a name.
    """

    # State: none that changes.

    def __init__(self, link: Callable[[str, str], str], id_of: Callable[[str], str]) -> None:
        self._link = link
        self._id_of = id_of

    def build(self, kind: Any) -> Any:
        """A JSON value of a type, spelled as the type spells its fields.

        Every field gets a value, except those that report a failure and have a default. Text is a URL, an id or
        "Sample <name>", by the name of its field; a collection has two entries; an optional value is given.

        Raises:
            ValueError: If the type refers to itself without an alternative.
        """
        return self._value(inspect.type_info(kind), "result", "", ())

    def _value(self, info: inspect.Type, name: str, place: str, outer: tuple[type, ...]) -> Any:
        match info:
            case inspect.Metadata(type=inner):
                return self._value(inner, name, place, outer)
            case inspect.UnionType(types=types):
                usable = [one for one in types if not isinstance(one, inspect.NoneType) and not _inside(one, outer)]
                return self._value(usable[0], name, place, outer) if usable else None
            case inspect.NoneType():
                return None
            case inspect.BoolType():
                return True
            case inspect.IntType():
                return int(_number(info, 1))
            case inspect.FloatType():
                return _number(info, 0.01)
            case inspect.LiteralType(values=values):
                return values[0]
            case inspect.EnumType(cls=cls):
                return next(iter(cast(Any, cls))).value
            case inspect.StrType():
                return self._text(info, name, place)
            case inspect.UUIDType():
                return self._id_of(place)
            case inspect.StructType() | inspect.DataclassType() | inspect.TypedDictType() | inspect.NamedTupleType():
                return self._object(info, place, outer)
            case inspect.TupleType(item_types=types):
                return [self._value(one, name, f"{place}{number}", outer) for number, one in enumerate(types)]
            case inspect.DictType(value_type=values):
                return {} if _inside(values, outer) else {"sample": self._value(values, name, f"{place}-sample", outer)}
            case inspect.CollectionType(item_type=item):
                count = 0 if _inside(item, outer) else max(info.min_length or 0, min(2, info.max_length or 2))
                return [self._value(item, name, f"{place}{number}", outer) for number in range(count)]
            case _:
                return TEXTS.get(type(info), f"Sample {name}")

    def _object(self, info: Any, place: str, outer: tuple[type, ...]) -> Any:
        if info.cls in outer:
            raise ValueError(f"{info.cls.__name__} contains itself")
        values = {
            field.encode_name: self._value(
                field.type, field.encode_name, "-".join(filter(None, (place, field.name))), (*outer, info.cls)
            )
            for field in info.fields
            if field.required or not _left_out(field.encode_name)
        }
        if isinstance(info, inspect.NamedTupleType) or getattr(info, "array_like", False):
            return list(values.values())
        tag_field: str | None = getattr(info, "tag_field", None)
        return ({tag_field: info.tag} if tag_field else {}) | values

    def _text(self, info: inspect.StrType, name: str, place: str) -> str:
        lower = name.lower()
        if "url" in lower or (info.pattern or "").startswith(("^http", "^(?i:http")):
            return self._link(place, _suffix(lower))
        if lower == "id" or name.endswith(("Id", "_id")):
            return self._id_of(place)
        text = "success" if lower in ("status", "state") else f"Sample {name}"
        return text.ljust(info.min_length or 0, ".")[: info.max_length]


def _left_out(name: str) -> bool:
    """Whether a field is left to its default: our own ones, and those that report a failure."""
    return name.startswith("_") or any(word in name.lower() for word in WORDS_OF_FAILURE)


def _inside(info: inspect.Type, outer: tuple[type, ...]) -> bool:
    """Whether a type is one of those that are being built, so that it would go on for ever."""
    inner = info.type if isinstance(info, inspect.Metadata) else info
    return getattr(inner, "cls", None) in outer


def _number(info: inspect.IntType | inspect.FloatType, step: float) -> float:
    """A number within the limits of a type, 1 if that is."""
    least = info.ge if info.ge is not None else None if info.gt is None else info.gt + step
    most = info.le if info.le is not None else None if info.lt is None else info.lt - step
    number = max(1, least) if least is not None else 1
    number = min(number, most) if most is not None else number
    return number if not info.multiple_of else -(-number // info.multiple_of) * info.multiple_of


def _suffix(name: str) -> str:
    """The suffix of a file, by the name of the field that has its URL."""
    if any(word in name for word in IMAGES):
        return ".jpeg"
    if any(word in name for word in VIDEOS):
        return ".mp4"
    return ".wav" if "wav" in name else ".mid" if "midi" in name else ".mp3"
