"""Schemas of our structs for pydantic and so for FastAPI. Loaded by pydantic's own call; nothing else imports it."""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
import enum
from functools import cache
from types import SimpleNamespace
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from .descriptions import field_descriptions, summary
from .export import Exported, exported_fields, plain_data

__all__ = ["core_schema", "plain_type", "serializer"]

_LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length", "pattern")
_made: dict[Any, Any] = {}


def core_schema(kind: type[Any], source: Any, handler: Any) -> Any:
    """Return a schema that takes an instance, or an object with our names, and gives such an object.

    Unknown names are refused where the class refuses them.

    Args:
        kind: The class.
        source: The class as it was annotated, perhaps with the type of its result.
        handler: Pydantic's.
    """
    from pydantic_core import core_schema as made

    form = handler.generate_schema(_form(kind, get_args(source)))

    def take(value: Any, validate: Any) -> Any:
        return value if isinstance(value, kind) else _built(kind, source, validate(value))

    serialization = made.plain_serializer_function_ser_schema(plain_data, return_schema=form)
    return made.no_info_wrap_validator_function(take, form, serialization=serialization)


@cache
def serializer(kind: Any) -> Any:
    """Return pydantic's serializer of a type.

    Args:
        kind: The class.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(kind).serializer


def _form(kind: type[Any], args: tuple[Any, ...] = ()) -> Any:
    """A TypedDict with the exported fields, which pydantic names and describes like the class."""
    import typing_extensions

    if (kind, args) in _made:
        return _made[kind, args]
    generic: Any = kind
    fields = {field.name: field for field in msgspec.structs.fields(generic[args] if args else kind)}
    exact = bool(kind.__struct_config__.forbid_unknown_fields)
    inside = ", ".join(getattr(one, "__name__", str(one)) for one in args)
    make: Any = typing_extensions.TypedDict
    form: Any = make(f"{kind.__name__}[{inside}]" if inside else kind.__name__, {})
    _made[kind, args] = form  # before its fields, since a type may contain itself
    described = field_descriptions(generic)
    types: dict[str, Any] = {name: fields[name].type for name in exported_fields(generic)}
    if issubclass(kind, Exported):
        types |= kind.exported_types(*args)
    form.__annotations__ = {name: _described(plain_type(one), described.get(name, "")) for name, one in types.items()}
    names = {name for name in types if not exact or (name in fields and fields[name].required)}
    form.__required_keys__, form.__optional_keys__ = frozenset(names), frozenset(set(types) - names)
    form.__doc__, form.__module__ = summary(generic)[0], kind.__module__
    form.__pydantic_config__ = {"extra": "forbid" if exact else "ignore"}
    return form


def _built(kind: type[Any], source: Any, values: dict[str, Any]) -> Any:
    """An instance from plain data by our names."""
    if kind.__struct_config__.forbid_unknown_fields:
        return kind(**{name: tuple(cast(Any, one)) if isinstance(one, list) else one for name, one in values.items()})
    try:
        return msgspec.convert(_attributes(kind, values), source, from_attributes=True)
    except msgspec.ValidationError as exc:
        raise ValueError(f"{kind.__name__} cannot be made of this: {exc}") from exc


def _attributes(kind: Any, value: Any) -> Any:
    """Objects in place of dicts, so that our names count and not the service's."""
    if isinstance(value, list | tuple):
        return [_attributes(None, one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)} if kind else {}
    held = {name: _attributes(None, one) for name, one in cast("dict[str, Any]", value).items()}
    for name, one in fields.items():
        if isinstance(one, type) and issubclass(one, enum.IntEnum) and name in held:
            held[name] = one[held[name]]
    return SimpleNamespace(**held)


def _described(kind: Any, description: str) -> Any:
    if not description:
        return kind
    from pydantic import Field

    return Annotated[kind, Field(description=description)]


def plain_type(kind: Any) -> Any:
    """Return a type of what goes out for a type of ours: TypedDicts for structs, and pydantic's limits for msgspec's.

    Args:
        kind: The type.
    """
    if isinstance(kind, TypeVar):
        return Any
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Literal[tuple(plain_data(one) for one in kind)]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return _form(kind)
    made, args = get_origin(kind), get_args(kind)
    if made is Annotated:
        limits = {
            name: limit
            for meta in args[1:]
            if isinstance(meta, Meta)
            for name in _LIMITS
            if (limit := getattr(meta, name)) is not None
        }
        if not limits:
            return plain_type(args[0])
        from pydantic import Field

        return Annotated[plain_type(args[0]), Field(**limits)]
    if made is None or made is Literal:
        return kind
    if isinstance(made, type) and issubclass(made, Exported):
        return _form(made, args)
    if made in (tuple, list):
        return list[plain_type(args[0])]  # type: ignore[misc]  # made at run time
    inner = tuple(plain_type(one) for one in args)
    if made is dict:
        return dict[inner[0], inner[1]]  # type: ignore[valid-type]
    return Union[inner]  # noqa: UP007  made at run time
