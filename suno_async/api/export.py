"""Values for the answers of one's own API: plain data by our names, without bodies, tokens and what is internal."""

import enum
from collections.abc import Mapping
from functools import cache
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, cast

from msgspec import Struct

from ..errors import ApiError, InvalidJob, SubmissionUncertain, SunoError, TaskFailed, TaskNotFound, TaskTimeout

__all__ = ["Exported", "error_to_dict", "exported_fields", "plain_data"]


class Exported:
    """Mixin of structs that web frameworks take as they are."""

    __slots__ = ()

    not_exported: ClassVar[frozenset[str]] = frozenset()
    """Fields that do not go out."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by our names as plain data, which any JSON encoder takes: no bodies, no tokens.

        Names of stages are text, and tuples are lists.
        """
        kind: Any = type(self)
        return {name: plain_data(getattr(self, name)) for name in exported_fields(kind)}

    if not TYPE_CHECKING:

        @property
        def __dict__(self) -> dict[str, Any]:
            """The same fields with their values, for encoders that ask `vars()`, as FastAPI's does."""
            return {name: getattr(self, name) for name in exported_fields(type(self))}

    @classmethod
    def exported_types(cls, *args: Any) -> Mapping[str, Any]:
        """Return the types of what `to_dict` gives beside the fields or in another type than the field has.

        Args:
            args: The type of the result, if the class was annotated with one.
        """
        return {}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Return pydantic's schema of the type; pydantic, and so FastAPI, calls it."""
        from .schema import core_schema  # pydantic is no dependency of ours

        return core_schema(cls, source, handler)

    @property
    def __pydantic_serializer__(self) -> Any:
        """Pydantic's serializer of the type; pydantic asks for it where a value is annotated as Any."""
        from .schema import serializer

        kind: Any = type(self)
        return serializer(kind)


@cache
def exported_fields(kind: Any) -> tuple[str, ...]:
    """Return the fields of a struct that go out.

    Args:
        kind: The class.
    """
    hidden: frozenset[str] = getattr(kind, "not_exported", frozenset())
    return tuple(name for name in kind.__struct_fields__ if name not in hidden)


def plain_data(value: object) -> Any:
    """Return a value as JSON can hold it.

    Args:
        value: A value of a field.
    """
    match value:
        case Exported():
            return value.to_dict()
        case Struct():
            return {name: plain_data(getattr(value, name)) for name in exported_fields(type(value))}
        case list() | tuple() | set() | frozenset():
            return [plain_data(one) for one in cast("list[object]", value)]
        case dict():
            return {str(name): plain_data(held) for name, held in cast("dict[object, object]", value).items()}
        case enum.IntEnum():
            return value.name
        case enum.Enum():
            return value.value
        case PathLike():
            return fspath(cast("PathLike[str]", value))
        case _:
            return value


_TELLING = (TaskFailed, TaskTimeout, TaskNotFound, InvalidJob, SubmissionUncertain, ApiError)


def error_to_dict(error: BaseException | None) -> dict[str, str] | None:
    """Return the name and message of an error; None for None.

    Messages that may quote a body or an address are replaced by what the class says of itself.

    Args:
        error: The error.
    """
    if error is None:
        return None
    kind = type(error)
    if isinstance(error, _TELLING) and not (isinstance(error, ApiError) and not error.code):
        return {"type": kind.__name__, "message": str(error)}
    general = (kind.__doc__ or "").split("\n")[0] if isinstance(error, SunoError) else ""
    return {"type": kind.__name__, "message": general}
